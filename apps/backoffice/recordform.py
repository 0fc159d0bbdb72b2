"""The form of a record: what its fields offer is what the person may see, and what they may not change is disabled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminSelectWidget

from apps.access.context import AccessContext, access_of
from apps.access.records import Record
from apps.accounts.models import Branch
from apps.pages.forms.picker import UserField
from apps.pages.forms.pool import PickablePeople


class FormRefusal(Exception):
    """A service refused what a form asked for. The form is shown again with the sentences.

    `again` are fields that the next attempt carries along: the person has read the warning by then.
    """

    def __init__(self, errors: Mapping[str | None, str], again: Mapping[str, str] | None = None) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors
        self.again = again or {}


class LinkField(forms.ModelChoiceField):  # type: ignore[type-arg] # generic in the stubs alone
    """A link to a row. What was sent and is no number is shown as nothing chosen: its picker looks the row up by it."""

    def prepare_value(self, value: Any) -> Any:
        """Return the value that the picker shows as chosen."""
        result = super().prepare_value(value)
        return None if isinstance(result, str) and not result.isdecimal() else result


class RecordForm(forms.ModelForm[Any]):
    """A record's form for the request's user. `request` is set on the class that is made for each request.

    Choices: records that the user may view; branches on which they may create such records; active members of these
    branches. So an id that is not visible is refused with the same words as an id that doesn't exist.
    """

    request: ClassVar[HttpRequest]
    refusal: ClassVar[FormRefusal | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access = access_of(self.request)
        self.is_new = self.instance.pk is None
        if "branch" in self.fields:
            self._offer_branches()
        if "responsible" in self.fields:
            self._offer_people()

    @property
    def values(self) -> dict[str, Any]:
        """What the person changed, as cleaned; everything that was filled in for a new record."""
        names = self.cleaned_data if self.is_new else self.changed_data
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}

    def clean(self) -> dict[str, Any]:
        """Show the sentences of the service that refused the same input before."""
        cleaned = super().clean() or self.cleaned_data
        if self.refusal is not None:
            for field, sentence in self.refusal.errors.items():
                self.add_error(field if field in self.fields else None, sentence)
        return cleaned

    def _offer_branches(self) -> None:
        offered = branches_to_choose(self.access, self.instance, type(self.instance).record_type)
        field = self.fields["branch"]
        field.queryset = Branch.objects.filter(pk__in=[b.pk for b in offered])  # type: ignore[attr-defined]
        field.widget.choices = field.choices = [(branch.pk, branch.name) for branch in offered]  # type: ignore[attr-defined]
        if self.is_new and offered:
            self.initial.setdefault("branch", offered[0].pk)

    def _offer_people(self) -> None:
        branches = {branch.pk for branch in branches_to_choose(self.access, self.instance, self.instance.record_type)}
        current = self.instance.responsible_id
        pool = PickablePeople(self.access, on=frozenset(branches), also=frozenset([] if current is None else [current]))
        plain = self.fields["responsible"]
        field = UserField(
            pool, fixed=[("", _("No owner"))], label=plain.label, required=plain.required, help_text=plain.help_text
        )
        field.widget.plain = UnfoldAdminSelectWidget
        self.fields["responsible"] = field
        if self.is_new:
            self.initial.setdefault("responsible", self.access.user.pk)
            field.disabled = not any(
                self._may_hand_out(branch) for branch in self.access.branches if branch.pk in branches
            )

    def _may_hand_out(self, branch: Branch) -> bool:
        """Return whether a new record could go to another owner at once; until then its creator owns it."""
        user = self.access.user
        own = type(self.instance)(account=self.access.account, branch=branch, responsible=user, created_by=user)
        mandate = self.access.mandate
        return mandate is not None and mandate.may("assign_record", own, lambda record, groups: frozenset())


def branches_to_choose(access: AccessContext, record: Record, record_type: str) -> list[Branch]:
    """Where a record can be: on its branch, and on those where the user may create such records."""
    offered = access.branches_where(f"add_{record_type}")
    if record.pk is not None and record.branch_id not in {branch.pk for branch in offered}:
        offered = [*offered, record.branch]
    return offered


def is_of_account(model: type[models.Model]) -> bool:
    """Whether the rows of a model belong to an account without being records: the entries of its lists."""
    return not issubclass(model, Record) and any(field.name == "account" for field in model._meta.get_fields())
