"""The entries of the lists that an account keeps: statuses, pipelines, sources, results of calls."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.crm.models import CallResult, LeadStatus, OpportunityStatus, Pipeline, Source


class EntryForm(forms.ModelForm[Any]):
    """What a list tells of an entry. The account, and the pipeline, is that of the entry which it is made with."""

    def clean_name(self) -> str:
        """A name stands in a list once."""
        name = str(self.cleaned_data["name"])
        others = self.instance.list_of().filter(name=name)
        if others.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("“%(name)s” stands in the list already."), params={"name": name})
        return name


class LeadStatusForm(EntryForm):
    """How far a lead is."""

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
    """How far an opportunity is."""

    class Meta:
        """Whether it is won or lost then, and how likely that it will be."""

        model = OpportunityStatus
        fields = ("name", "outcome", "probability")
        help_texts = {"probability": _("In per cent; what an opportunity starts with.")}


class SourceForm(EntryForm):
    """Where records come from."""

    class Meta:
        """A name says it."""

        model = Source
        fields = ("name",)


class CallResultForm(EntryForm):
    """What came of a call."""

    class Meta:
        """A name says it."""

        model = CallResult
        fields = ("name",)
