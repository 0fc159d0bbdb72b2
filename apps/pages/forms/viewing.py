"""What somebody says who wants to look as somebody else."""

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.audit.forms import ReasonField


class ViewingForm(forms.Form):
    """The reason."""

    reason = ReasonField(
        label=_("Reason"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("It stands in the log, for everybody who may read it."),
        error_messages={"required": _("Say why you look as somebody else.")},
    )
