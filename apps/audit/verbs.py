"""The verbs of the log: a registry of dotted words, which each app fills from its own `verbs` module.

    # apps/access/verbs.py
    OVERRIDE_SET = verbs.register("access.override.set", label="set an override")

A verb that is not registered cannot be recorded, so the list here is the whole vocabulary of the log.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

# The database holds the operation table to the same pattern.
PATTERN = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$"


class UnknownVerb(LookupError):
    """A verb was used that no app has registered."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A registered verb: its dotted word, and how people read it (in English; marked for translation)."""

    word: str
    label: str

    @property
    def in_words(self) -> str:
        """How people read it, in the reader's language."""
        return gettext(self.label)

    @property
    def well_formed(self) -> bool:
        """Whether the word is two or more lower-case words with dots between them."""
        return re.fullmatch(PATTERN, self.word) is not None

    def __str__(self) -> str:
        return self.word


class Registry:
    """Verbs by their word."""

    def __init__(self) -> None:
        self._verbs: dict[str, Verb] = {}

    def register(self, word: str, *, label: str) -> Verb:
        """Add a verb and return it. Raises ImproperlyConfigured where the word is taken."""
        if word in self._verbs:
            raise ImproperlyConfigured(
                f"The audit verb '{word}' is registered twice. Give the second one a word of its own."
            )
        verb = Verb(word, label)
        self._verbs[word] = verb
        return verb

    def get(self, verb: str | Verb) -> Verb:
        """The registered verb of this word. Raises UnknownVerb where there is none."""
        try:
            return self._verbs[str(verb)]
        except KeyError:
            raise UnknownVerb(
                f"The audit verb '{verb}' is not registered. Register it in the app's verbs module."
            ) from None

    def __iter__(self) -> Iterator[Verb]:
        return iter(sorted(self._verbs.values(), key=str))


registry = Registry()
register = registry.register
get = registry.get

# The verb for a change made in SQL with a reason but without a verb.
CHANGED_DIRECTLY = register("audit.changed_directly", label=_("changed directly in the database"))
