"""What people call tables and columns: most by their identifiers in English, which are made translatable here.

Django makes such names when it loads a model, and not as texts to be translated. `makemessages` is told of them by our
own command of that name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.utils.translation import gettext_lazy, override


def make_translatable() -> None:
    """Let the names of our tables and columns be said in the reader's language; call it once all models are loaded."""
    for named in _named():
        # A plural that Django makes is the singular with an s behind it, in whatever language; so it comes first.
        for attribute in ("verbose_name_plural", "verbose_name"):
            if hasattr(named, attribute):
                with override(None):
                    name = str(getattr(named, attribute))
                setattr(named, attribute, gettext_lazy(name))


def names() -> list[str]:
    """The names in English, each once."""
    with override(None):
        found = {
            str(getattr(named, attribute))
            for named in _named()
            for attribute in ("verbose_name", "verbose_name_plural")
            if hasattr(named, attribute)
        }
    return sorted(found)


def _named() -> Iterator[Any]:
    for model in apps.get_models():
        if model.__module__.startswith("apps."):
            yield model._meta
            yield from model._meta.concrete_fields
            yield from model._meta.private_fields
