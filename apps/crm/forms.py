"""The entries of the lists that an account keeps: statuses, pipelines, sources, results of calls."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.crm.models import CallResult, CustomField, LeadStatus, OpportunityStatus, Pipeline, Source
from apps.crm.services.customvalues import RECORD_TYPES
from apps.roles import catalogue


class EntryForm(forms.ModelForm[Any]):
    """What a list tells of an entry. The account, and the pipeline, is that of the entry which it is made with."""

    def clean_name(self) -> str:
        """Refuse a name that the list already has."""
        name = str(self.cleaned_data["name"])
        others = self.instance.list_of().filter(name=name)
        if others.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("“%(name)s” is already in the list."), params={"name": name})
        return name


class LeadStatusForm(EntryForm):
    """The status of a lead."""

    class Meta:
        """Whether it is won or lost then."""

        model = LeadStatus
        fields = ("name", "outcome")
        help_texts = {"outcome": _("“Won” means that the lead became an opportunity or a customer.")}


class PipelineForm(EntryForm):
    """A way that opportunities take."""

    class Meta:
        """A name says it."""

        model = Pipeline
        fields = ("name",)


class OpportunityStatusForm(EntryForm):
    """The status of an opportunity."""

    class Meta:
        """Whether it is won or lost then, and how likely that it will be."""

        model = OpportunityStatus
        fields = ("name", "outcome", "probability")
        help_texts = {"probability": _("In percent. New opportunities start with this value.")}


class SourceForm(EntryForm):
    """The sources of records."""

    class Meta:
        """A name says it."""

        model = Source
        fields = ("name",)


class CallResultForm(EntryForm):
    """The result of a call."""

    class Meta:
        """A name says it."""

        model = CallResult
        fields = ("name",)


class LinesField(forms.CharField):
    """Several short texts, one on each line, each once."""

    widget = forms.Textarea(attrs={"rows": 6})

    def prepare_value(self, value: Any) -> Any:
        """Return one choice per line."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The lines that say something."""
        lines = (" ".join(line.split()) for line in (super().to_python(value) or "").splitlines())
        return [line for line in dict.fromkeys(lines) if line]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the lines say something else."""
        return bool((initial or []) != self.to_python(data))


class CustomFieldForm(forms.ModelForm[Any]):
    """The form of a custom field. The record type is fixed when it is added, the kind once it is in use."""

    choices = LinesField(
        label=_("Choices"),
        required=False,
        help_text=_("One choice per line. Records keep a choice that you remove."),
    )

    class Meta:
        """All but its key, which follows from its first name."""

        model = CustomField
        fields = ("record_type", "name", "kind", "choices", "required", "help_text")
        labels = {"help_text": _("Help text"), "required": _("Required")}
        help_texts = {
            "help_text": _("Shown below the field in forms."),
            "required": _("Required when a record is created or edited. Existing records stay as they are."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            del self.fields["record_type"]
            if former := ", ".join(self.instance.former_choices):
                self.fields["choices"].help_text = _("Records still use: %(former)s.") % {"former": former}
            return
        offered = [(name, catalogue.record_type(name).label_plural) for name in RECORD_TYPES]
        self.fields["record_type"] = forms.ChoiceField(label=_("Record type"), choices=offered)
        self.order_fields(self.Meta.fields)

    def keep_kind(self) -> None:
        """Say that the kind stays, and ask for choices where it has some alone."""
        kind = self.fields["kind"]
        kind.disabled, kind.help_text = True, _("Records use this field, so you can’t change its type.")
        if not self.instance.has_choices:
            del self.fields["choices"]
