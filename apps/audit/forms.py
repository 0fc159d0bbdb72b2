"""What every form asks that writes to the log: why."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.audit.services import is_blank
from apps.audit.text import MultiLineInput

# The log keeps a reason for good, so it is no place for whole documents.
LONGEST_REASON = 2000


class ReasonField(MultiLineInput):
    """A readable reason: not blank, not only invisible characters, and not too long."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"label": _("Reason"), "max_length": LONGEST_REASON, **options})

    def clean(self, value: Any) -> Any:
        """The reason without the spaces around it; empty where none is asked for yet.

        Raises:
            ValidationError: it is blank or too long.
        """
        found = super().clean(value)
        if (found or self.required) and is_blank(found):
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return found
