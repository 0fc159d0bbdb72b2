"""Filters of the lists of people: words, branch, role, team, overrides and last sign-in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.access.context import AccessContext
from apps.access.models import Override
from apps.access.shield import shielded
from apps.accounts.models import Branch
from apps.pages.forms.fields import QuickSelect
from apps.roles.models import Role
from apps.teams.models import Invitation, Membership, Team, TeamMember

LONGEST_WORDS = 200
ENDED = "ended"
# Since when: the days between now and the last sign-in, from and to.
SEEN = {"week": (0, 7), "month": (7, 30), "quarter": (30, 90), "longer": (90, None)}
NEVER = "never"


class Filter(forms.Form):
    """The filters of a list. Invalid filters match nothing, and the form says why."""

    def __init__(self, data: Any, *, access: AccessContext, places: Sequence[Branch]) -> None:
        super().__init__(data)
        self.access = access
        self.places = places
        self.fields["q"] = forms.CharField(
            label=_("Name or email address"),
            required=False,
            max_length=LONGEST_WORDS,
            widget=forms.SearchInput(attrs={"placeholder": _("Name or email address")}),
        )
        if len(places) > 1:
            named = [(branch.slug, branch.name) for branch in places]
            self.fields["branch"] = self.choice(_("Branch"), _("All branches"), named)
        self.build()

    def build(self) -> None:
        """Add the list's own questions."""

    def choice(self, label: Any, none: Any, choices: Sequence[tuple[str, Any]]) -> forms.ChoiceField:
        """An optional choice."""
        return forms.ChoiceField(label=label, required=False, choices=[("", none), *choices], widget=QuickSelect)

    def asked(self, name: str) -> str:
        """Return the value of the filter; an empty text without one."""
        return str(self.cleaned_data.get(name) or "") if self.is_valid() else ""

    @property
    def narrowed(self) -> dict[str, str]:
        """Return the filters in use by name."""
        return {name: self.asked(name) for name in self.fields if self.asked(name)}

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that were asked for."""
        if not self.is_valid():
            return rows.none()
        slug = self.asked("branch")
        return rows.filter(branch__in=[place.pk for place in self.places if place.slug == slug]) if slug else rows


class RemovedFilter(Filter):
    """The filters of removed members and other lists of people: words and a branch."""

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Match names and addresses; shielded members don't match by their hidden address."""
        matching = super().narrow(rows)
        hidden = shielded(self.access)
        for word in self.asked("q").split():
            by_address = Q(user__email__icontains=word)
            matching = matching.filter(Q(user__name__icontains=word) | (by_address & ~Q(user__in=hidden)))
        return matching


class MemberFilter(RemovedFilter):
    """The filters of active members."""

    def build(self) -> None:
        access, account = self.access, self.access.account
        assert account is not None
        usable = Role.objects.usable_in(account.pk, account.scheme).filter(kind=Role.Kind.BRANCH)
        named = [(role.key, role.name) for role in usable.order_by("-rank", "name")]
        self.fields["role"] = self.choice(_("Role"), _("All roles"), named)
        several = len(self.places) > 1
        teams = Team.objects.filter(branch__in=self.places).select_related("branch").order_by("branch__name", "name")
        known = [(str(team.pk), f"{team.name} ({team.branch})" if several else team.name) for team in teams]
        if known:
            self.fields["team"] = self.choice(_("Team"), _("All teams"), known)
        self.overridden = [branch for branch in self.places if access.may("view_member_permissions", branch)]
        if self.overridden:
            of_overrides = [("yes", _("With overrides")), ("no", _("Without overrides"))]
            self.fields["overrides"] = self.choice(_("Overrides"), _("Any"), of_overrides)
        seen = [
            ("week", _("In the last 7 days")),
            ("month", _("8 to 30 days ago")),
            ("quarter", _("31 to 90 days ago")),
            ("longer", _("More than 90 days ago")),
            (NEVER, _("Never")),
        ]
        self.fields["seen"] = self.choice(_("Last sign-in"), _("Any time"), seen)

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Hidden values of shielded members don't match either."""
        matching = super().narrow(rows)
        hidden = shielded(self.access)
        if role := self.asked("role"):
            matching = matching.filter(role__key=role)
        if team := self.asked("team"):
            mates = TeamMember.objects.filter(team=int(team)).values("user")
            branch = Team.objects.filter(pk=int(team)).values("branch")
            matching = matching.filter(user__in=mates, branch__in=branch).exclude(user__in=hidden)
        if overrides := self.asked("overrides"):
            matching = matching.filter(branch__in=self.overridden).exclude(user__in=hidden)
            live = Exists(live_overrides().filter(branch=OuterRef("branch"), user=OuterRef("user")))
            matching = matching.filter(live if overrides == "yes" else ~live)
        if seen := self.asked("seen"):
            matching = matching.exclude(user__in=hidden).filter(_seen(seen))
        return matching


class InvitationFilter(Filter):
    """The filters of invitations: address, branch and state."""

    def build(self) -> None:
        states = [
            (Invitation.Status.PENDING, _("Pending")),
            (ENDED, _("Expired")),
            (Invitation.Status.ACCEPTED, _("Accepted")),
            (Invitation.Status.CANCELLED, _("Cancelled")),
        ]
        self.fields["state"] = self.choice(_("State"), _("All"), states)

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Match any part of the address."""
        matching = super().narrow(rows)
        if words := self.asked("q"):
            matching = matching.filter(email__icontains=words.strip())
        if state := self.asked("state"):
            matching = matching.filter(status=Invitation.Status.PENDING if state == ENDED else state)
            if state == ENDED:
                matching = matching.filter(expires_at__lte=timezone.now())
            elif state == Invitation.Status.PENDING:
                matching = matching.filter(expires_at__gt=timezone.now())
        return matching


class ParentFilter(RemovedFilter):
    """The filters of members with a parent role: words and role."""

    def build(self) -> None:
        account = self.access.account
        assert account is not None
        usable = Role.objects.usable_in(account.pk, account.scheme).filter(kind=Role.Kind.PARENT)
        named = [(role.key, role.name) for role in usable.order_by("-rank", "name")]
        self.fields["role"] = self.choice(_("Parent role"), _("All parent roles"), named)

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Match the member and the role."""
        matching = super().narrow(rows)
        return matching.filter(role__key=role) if (role := self.asked("role")) else matching


class TeamFilter(Filter):
    """The filters of teams: words and branch."""

    def build(self) -> None:
        self.fields["q"].label = _("Name")
        self.fields["q"].widget.attrs["placeholder"] = _("Name")

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Match any part of the name."""
        matching = super().narrow(rows)
        return matching.filter(name__icontains=words) if (words := self.asked("q").strip()) else matching


def live_overrides() -> QuerySet[Override]:
    """The overrides that count now."""
    return Override.objects.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


def _seen(bucket: str) -> Q:
    if bucket == NEVER:
        return Q(user__last_login=None)
    now = timezone.now()
    nearest, farthest = SEEN[bucket]
    condition = Q(user__last_login__lte=now - timedelta(days=nearest)) if nearest else Q(user__last_login__isnull=False)
    return condition if farthest is None else condition & Q(user__last_login__gt=now - timedelta(days=farthest))


def members_in_sight(access: AccessContext) -> QuerySet[Membership]:
    """The memberships, active or removed, of the branches where the person sees who works there."""
    places = access.branches_where("view_members")
    return Membership.objects.filter(account=access.account_id, branch__in=places).select_related(
        "user", "branch", "role"
    )


def invitations_in_sight(access: AccessContext) -> QuerySet[Invitation]:
    """Those to a branch where the person sees the members; to all branches, for who sees them on each."""
    places = access.branches_where("view_members")
    rows = Invitation.objects.filter(account=access.account_id).select_related("branch", "role", "invited_by")
    matching = rows.filter(branch__in=places)
    everywhere = bool(places) and len(places) == len(access.branches)
    return matching | rows.filter(branch=None) if everywhere else matching
