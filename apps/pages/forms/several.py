"""Another role for several members at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.context import AccessContext
from apps.access.shield import shielded
from apps.access.tables import CsvRow
from apps.changes.base import Change
from apps.changes.bulk import ChangeRoles
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.fields import CHOOSE
from apps.pages.forms.people import MemberFilter, members_in_sight
from apps.roles.models import Role
from apps.teams.models import Membership

LONGEST_ID = 18
NAMED = 10
_OF_LINE = re.compile(r"^line (\d+): ")


def chosen_members(access: AccessContext, asked: QueryDict) -> Sequence[Membership]:
    """The active members that an address names (`member=`, once for each), or with `all=` all that its filters find.

    "All" leaves out the person themselves and shielded members.
    """
    active = members_in_sight(access).filter(status=Membership.Status.ACTIVE).order_by("user__name", "pk")
    if "all" in asked:
        result = MemberFilter(asked, access=access, places=access.branches_where("view_members"))
        return list(result.narrow(active).exclude(user__in=[*shielded(access), access.user.pk]))
    return list(active.filter(pk__in=_ids(asked.getlist("member"))))


def _ids(words: Sequence[str]) -> list[int]:
    return [int(word) for word in words if word.isdecimal() and len(word) <= LONGEST_ID]


class SeveralRolesForm(ChangeForm):
    """Give all of them one role, or none of them; the errors name who blocks it."""

    title = gettext_lazy("Change role")
    help = gettext_lazy("The change applies to all of them or to none. If it fails, you see which member caused it.")
    needs = ("change_roles",)

    def build(self) -> None:
        assert self.access.account is not None
        usable = Role.objects.usable_in(self.account_id, self.access.account.scheme)
        given = usable.filter(kind=Role.Kind.BRANCH, single=False).order_by("-rank", "name")
        self.fields["role"] = forms.ChoiceField(
            label=_("Role"),
            choices=[CHOOSE, *((role.key, role.name) for role in given)],
            error_messages={"invalid_choice": _("Choose an option from the list.")},
        )
        self.fields["members"] = forms.CharField(
            widget=forms.HiddenInput,
            error_messages={"required": _("No members selected. Go back to the list and select members.")},
        )

    @cached_property
    def people(self) -> list[Membership]:
        """Return the selected members that are visible."""
        sent = str(self["members"].value() or "")
        active = members_in_sight(self.access).filter(status=Membership.Status.ACTIVE)
        return list(active.filter(pk__in=_ids(sent.split(","))).order_by("user__name", "pk"))

    def clean_members(self) -> str:
        """Require at least one member, and all of them still present."""
        sent = str(self.cleaned_data["members"])
        if not self.people or len(self.people) != len(set(sent.split(","))):
            raise forms.ValidationError(
                _("Someone you selected is no longer a member. Go back to the list and select again.")
            )
        return sent

    def clean(self) -> dict[str, Any]:
        """Show errors of the hidden field above the form."""
        data = super().clean() or self.cleaned_data
        for message in self.errors.pop("members", []):
            self.add_error(None, message)
        return data

    def change(self) -> Change:
        lines = tuple(
            CsvRow(number, {"user": member.user.email, "branch": member.branch.slug})
            for number, member in enumerate(self.people, start=1)
        )
        return ChangeRoles(account_id=self.account_id, lines=lines, role=self.cleaned_data["role"])

    def asked(self) -> list[tuple[str, str]]:
        named = [str(member.user) for member in self.people[:NAMED]]
        more = len(self.people) - len(named)
        message = ", ".join(named) + (_(" and %(many)s more") % {"many": more} if more else "")
        return [*super().asked(), (_("Members"), message)]

    def refused(self, told: str) -> None:
        """Name the members who block the change."""
        for line in told.split("\n"):
            found = _OF_LINE.match(line)
            if found is None:
                self.add_error(None, line)
                continue
            member = self.people[int(found[1]) - 1]
            self.add_error(None, f"{member.user} ({member.branch}): {line[found.end() :]}")
