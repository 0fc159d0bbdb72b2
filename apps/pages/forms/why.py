"""The form of “Why?”: person, permission and record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from apps.access import records
from apps.access.context import AccessContext
from apps.access.shield import shielded
from apps.accounts.models import Branch, User
from apps.pages.forms.fields import permissions_field
from apps.pages.forms.picker import UserField
from apps.pages.forms.pool import PickablePeople
from apps.roles import catalogue
from apps.roles.catalogue import Permission, Target
from apps.teams.models import Membership, ParentMembership

SEES = "view_member_permissions"
LONGEST_REFERENCE = 60
NO_RECORD = _("No record with this reference is visible to you. Check the reference.")


class ExplainablePeople(PickablePeople):
    """The people that can be asked about, without the shielded.

    They are the members of branches where the reader sees permissions, and holders of parent roles if the reader sees
    those.
    """

    def users(self) -> QuerySet[User]:
        members = Membership.objects.active().filter(branch__in=sorted(self.on or ())).values("user")
        condition = Q(pk__in=members)
        if self.access.may_anywhere("view_parent_roles"):
            condition |= Q(pk__in=ParentMembership.objects.filter(account=self.access.account_id).values("user"))
        return User.objects.filter(condition).exclude(pk__in=self.but)

    def by_id(self, data: Any, name: str) -> Any:
        """What was sent, with the person's id where a link gives their address."""
        address = str((data or {}).get(name, ""))
        if "@" not in address:
            return data
        row = self.users().filter(email=User.objects.normalize_email(address).replace("\0", "")).first()
        return data.dict() | ({name: str(row.pk)} if row else {name: "", f"{name}_words": address})


class WhyForm(forms.Form):
    """A question to the engine, by people who may view permissions.

    Only people of branches where the asker sees that are offered, without the shielded; a record that the asker does
    not see is refused as one that is not there.
    """

    def __init__(self, data: Any, *, access: AccessContext) -> None:
        self.access = access
        self.places: Sequence[Branch] = access.branches_where(SEES)
        people = ExplainablePeople(access, on=frozenset(place.pk for place in self.places), but=shielded(access))
        super().__init__(people.by_id(data, "user"))
        self.fields["user"] = UserField(people, label=_("Person"))
        self.fields["permission"] = permissions_field()
        self.fields["branch"] = forms.ChoiceField(
            label=_("Branch"), choices=[(place.slug, place.name) for place in self.places]
        )
        types = [(kind.name, kind.label) for kind in catalogue.record_types() if kind.name in records.registered()]
        self.fields["type"] = forms.ChoiceField(
            label=_("Type of record"), required=False, choices=[("", _("As set by the permission")), *types]
        )
        self.fields["record"] = forms.CharField(
            label=_("Record"),
            required=False,
            max_length=LONGEST_REFERENCE,
            widget=forms.TextInput(attrs={"placeholder": "L-17"}),
            help_text=_("Enter a reference. Leave empty to see the scope of the permission there."),
        )

    @property
    def person(self) -> User:
        """Return the person it is about."""
        result: User = self.cleaned_data["user"]
        return result

    @property
    def asked(self) -> Permission:
        """The permission."""
        return catalogue.get(self.cleaned_data["permission"])

    @property
    def place(self) -> Branch:
        """The branch."""
        return next(place for place in self.places if place.slug == self.cleaned_data["branch"])

    @property
    def target(self) -> models.Model | None:
        """Return the object of the question; None for a record permission without a record."""
        if self.asked.target is Target.ACCOUNT:
            return self.access.account
        return self.cleaned_data.get("found") if self.asked.target is Target.RECORD else self.place

    def clean(self) -> dict[str, Any]:
        """Find the record, where one was named."""
        data = super().clean() or self.cleaned_data
        named, codename = data.get("record", "").strip(), data.get("permission")
        if not codename or not named:
            return data
        permission = catalogue.get(codename)
        if permission.target is not Target.RECORD:
            self.add_error("record", _("This permission doesn’t apply to records. Leave this empty."))
            return data
        data["found"] = self._found(permission, data.get("type", ""), named)
        if data["found"] is None:
            self.add_error("record", NO_RECORD)
        return data

    def _found(self, permission: Permission, chosen: str, reference: str) -> models.Model | None:
        possible = [name for name in permission.record_types or records.registered() if name in records.registered()]
        for name in [chosen] if chosen in possible else possible if not chosen else []:
            rows = self.access.rows(f"view_{name}", name).filter(reference=reference, branch__in=self.places)
            row: models.Model | None = rows.select_related("branch").first()
            if row is not None:
                return row
        return None
