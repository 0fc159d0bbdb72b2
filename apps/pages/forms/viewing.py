"""The reason for viewing as another member."""

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.audit.forms import ReasonField


class ViewingForm(forms.Form):
    """The reason."""

    reason = ReasonField(
        label=_("Reason"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Shown in the audit log."),
        error_messages={"required": _("Enter a reason for viewing as this member.")},
    )
