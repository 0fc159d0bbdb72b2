"""Password validators for common passwords and for the product's own words."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Words of this product, which an attacker tries first.
OURS = ("mandate", "password", "passwort")
# What is left of a password without these words has to be a password still.
SHORTEST_REST = 8


# So few characters around a known password make no other one of it.
LITTLE = 8
_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")


class KnownPasswordValidator(CommonPasswordValidator):
    """A password must not be one of the 20,000 most common ones, taken from published leaks.

    Nor one of them twice, nor with a few digits and signs around it: few of those 20,000 are long enough for us to be
    chosen as they are.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Let the password pass.

        Raises:
            ValidationError: it is known, or hardly more than one that is.
        """
        super().validate(password, user)
        plain = password.lower().strip()
        bare = _AROUND.sub("", plain)
        core = bare[: len(bare) // 2] if bare[: len(bare) // 2] * 2 == bare else bare
        if core in self.passwords and len(plain) - len(bare) < LITTLE:
            raise ValidationError(self.get_error_message(), code="password_too_common")


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
            raise ValidationError(
                _("Your password contains the product's name, which is easy to guess."), code="context_word"
            )

    def get_help_text(self) -> str:
        """What is asked of it."""
        return _("Don't use the product's name in your password.")
