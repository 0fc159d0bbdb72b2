"""System checks of the verbs that the apps have registered."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks

from apps.audit import verbs


def check_verbs(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Every registered verb is a dotted word (audit.E001) and has a label (audit.E002)."""
    return [message for verb in verbs.registry for message in _faults(verb)]


def _faults(verb: verbs.Verb) -> list[checks.CheckMessage]:
    found: list[checks.CheckMessage] = []
    if not verb.well_formed:
        found.append(
            checks.Error(
                f"The audit verb '{verb.word}' is not a dotted word.",
                hint="Write two or more lowercase words separated by dots: 'access.override.set'.",
                obj=verb,
                id="audit.E001",
            )
        )
    if not str(verb.label).strip():
        found.append(
            checks.Error(
                f"The audit verb '{verb.word}' has no label.",
                hint="Pass register() the label that the audit log shows.",
                obj=verb,
                id="audit.E002",
            )
        )
    return found


def register() -> None:
    """Make Django run these checks."""
    checks.register(check_verbs)
