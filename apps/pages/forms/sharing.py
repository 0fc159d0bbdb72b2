"""Shares of a record: granted, changed, revoked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access import shares
from apps.access.context import AccessContext
from apps.access.records import Record
from apps.access.shares import Subjects
from apps.accounts.models import User
from apps.changes.base import Change
from apps.changes.sharing import ChangeShare, GrantShare, RevokeShare
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.fields import CHOOSE
from apps.pages.forms.picker import PersonField
from apps.pages.forms.pool import PickablePeople
from apps.roles import catalogue
from apps.teams.models import Team

LOOKS = ("grant_record_access", "change_record_access", "revoke_record_access", "view_access_history")
TEAM = "team:"
VERB_LABELS = {
    "view": gettext_lazy("View"),
    "change": gettext_lazy("Edit"),
    "delete": gettext_lazy("Delete"),
    "export": gettext_lazy("Export"),
}
VERB_WORDS = {
    "view": gettext_lazy("view"),
    "change": gettext_lazy("edit"),
    "delete": gettext_lazy("delete"),
    "export": gettext_lazy("export"),
}


@dataclass(frozen=True, slots=True)
class ShareHolder:
    """A person or team with a share of the record: its verbs, and the addresses to change it."""

    name: str
    kind: str
    user_id: int | None
    team_id: int | None
    verbs: tuple[str, ...]

    @property
    def named(self) -> str:
        """Return its part of the address."""
        return f"user={self.user_id}" if self.team_id is None else f"team={self.team_id}"

    @property
    def words(self) -> str:
        """Return the verbs of the share."""
        return ", ".join(str(VERB_WORDS[verb]) for verb in self.verbs)


def holders_of(record: Record, subjects: Subjects | None = None, known: Iterable[User] = ()) -> list[ShareHolder]:
    """Return the holders of shares of the record, people first, from shares and `known` people already read."""
    items = []
    of_users, of_groups = subjects or shares.subjects(record)
    people = [user for user in known if user.pk in of_users]
    if missing := of_users.keys() - {user.pk for user in people}:
        people += User.objects.filter(pk__in=missing)
    for user in sorted(people, key=lambda user: (user.name, user.pk)):
        items.append(ShareHolder(str(user), "person", user.pk, None, _verbs(of_users[user.pk])))
    teams = Team.objects.filter(account=record.account_id, group__in=of_groups).order_by("name", "pk")
    for team in teams if of_groups else ():
        items.append(ShareHolder(team.name, "team", None, team.pk, _verbs(of_groups[team.group_id])))
    return items


def _verbs(codenames: frozenset[str]) -> tuple[str, ...]:
    held = {codename.partition("_")[0] for codename in codenames}
    return tuple(verb for verb in catalogue.SHAREABLE_VERBS if verb in held)


class ShareForm(ChangeForm):
    """A share of a record, `row`; `holder` is whose, None for a new one."""

    def __init__(
        self, data: Any = None, *, access: AccessContext, row: Any, holder: ShareHolder | None = None, **options: Any
    ) -> None:
        self.holder = holder
        super().__init__(data, access=access, row=row, **options)

    def shown(self) -> dict[str, Any]:
        return {"holder": self.holder.named, "verbs": list(self.holder.verbs)} if self.holder else {}

    @property
    def seen_verbs(self) -> frozenset[str]:
        """Return the shown verbs of this holder's share."""
        seen = self.seen_there
        return frozenset(seen["verbs"]) if self.holder and seen["holder"] == self.holder.named else frozenset()

    def offer_verbs(self, initial: tuple[str, ...]) -> None:
        """Ask what the share gives."""
        possible = catalogue.record_type(self.row.record_type).share_verbs
        self.fields["verbs"] = forms.MultipleChoiceField(
            label=_("Allow"),
            choices=[(verb, VERB_LABELS[verb]) for verb in possible],
            initial=list(initial),
            widget=forms.CheckboxSelectMultiple(),
        )

    @property
    def common(self) -> dict[str, Any]:
        """Return the arguments that every change of a share has."""
        return {"account_id": self.account_id, "record_type": self.row.record_type, "record_id": self.row.pk}

    @property
    def whose(self) -> dict[str, Any]:
        """The one whose share it is."""
        assert self.holder is not None
        return {"user_id": self.holder.user_id, "team_id": self.holder.team_id, "seen": self.seen_verbs}


class GrantShareForm(ShareForm):
    """Share a record with a person or a team of the branch."""

    title = gettext_lazy("Share")
    help = gettext_lazy(
        "You can’t share more than your own access. The share works only where the recipient’s role allows it."
    )
    needs = ("grant_record_access",)

    def build(self) -> None:
        teams = Team.objects.filter(branch=self.row.branch_id).order_by("name")
        self.fields["who"] = PersonField(
            PickablePeople(self.access, on=frozenset([self.row.branch_id]), but=frozenset([self.access.user.pk])),
            fixed=[CHOOSE, *((f"{TEAM}{team.pk}", _("Team %(team)s") % {"team": team.name}) for team in teams)],
            label=_("Share with"),
        )
        self.offer_verbs(("view",))

    def change(self) -> Change:
        who = self.cleaned_data["who"]
        whose: dict[str, Any] = {"user_id": who} if isinstance(who, int) else {"team_id": int(who.removeprefix(TEAM))}
        return GrantShare(**self.common, **whose, verbs=frozenset(self.cleaned_data["verbs"]))


class ChangeShareForm(ShareForm):
    """Other verbs."""

    title = gettext_lazy("Change share")
    needs = ("change_record_access",)

    def build(self) -> None:
        self.offer_verbs(self.holder.verbs if self.holder else ())

    def change(self) -> Change:
        return ChangeShare(**self.common, **self.whose, verbs=frozenset(self.cleaned_data["verbs"]))


class RevokeShareForm(ShareForm):
    """Revoke it."""

    title = gettext_lazy("Revoke share")
    danger = True
    needs = ("revoke_record_access",)

    def change(self) -> Change:
        return RevokeShare(**self.common, **self.whose)


FORMS: Mapping[str, type[ShareForm]] = {
    "grant": GrantShareForm,
    "change": ChangeShareForm,
    "revoke": RevokeShareForm,
}
