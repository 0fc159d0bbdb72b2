"""What nobody may choose as a password, beside what everybody knows and what is like their own name."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# The words that belong to this place: whoever guesses begins with them.
OURS = ("mandate", "password", "passwort")
# What is left of a password without these words has to be a password still.
SHORTEST_REST = 8


class ContextWordsValidator:
    """A password must not live by the product's name, nor by the word for what it is."""

    def validate(self, password: str, user: Any = None) -> None:
        """Let the password pass.

        Raises:
            ValidationError: little is left of it without our words.
        """
        rest = password.lower()
        for word in OURS:
            rest = rest.replace(word, "")
        if rest != password.lower() and len(rest) < SHORTEST_REST:
            raise ValidationError(_("The product's name is the first thing that somebody tries."), code="context_word")

    def get_help_text(self) -> str:
        """What is asked of it."""
        return _("Leave out the product's name.")
