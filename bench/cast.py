"""Who asks: a member for each reach, whose visible leads are all old, and for each a twin who has guardian's rows.

The twin is no member of anything. Its object permissions, one row a lead, name the very leads that the member sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F, QuerySet
from django.utils.text import slugify

from apps.access.mandate_cache import mandate_for
from apps.access.models import Override
from apps.access.querysets import visible
from apps.access.shares import permission_id
from apps.accounts.models import Account, Branch, User
from apps.crm.models import Lead, LeadUserShare
from apps.roles.models import Role
from apps.roles.scopes import Scope
from apps.teams.models import Membership, Team, TeamMember

MATES = 10
OWN = 2_000
SHARES = 200
BATCH = 5_000
OLDER = timedelta(days=3650)
REASON = "To be measured"
# Branch by number, from 1, to the scope of `view_lead` there.
PARTS: Mapping[str, Mapping[int, Scope]] = {
    "all": {1: Scope.ALL},
    "team": {2: Scope.TEAM},
    "responsible": {3: Scope.RESPONSIBLE},
    f"{SHARES} shares": {4: Scope.SHARED},
    "mixed": {
        5: Scope.CREATED | Scope.RESPONSIBLE | Scope.SHARED | Scope.TEAM,
        6: Scope.RESPONSIBLE | Scope.SHARED,
    },
}


@dataclass(frozen=True, slots=True)
class Asker:
    """A member with their scopes by branch id, and their twin."""

    reach: str
    user: User
    twin: User
    scopes: Mapping[int, Scope]


def askers(account: Account) -> Iterator[Asker]:
    """Everybody who asks, by reach."""
    for reach in PARTS:
        overrides = Override.objects.filter(account=account, user__email=_email(reach)).order_by("branch")
        yield Asker(
            reach,
            User.objects.get(email=_email(reach)),
            User.objects.get(email=_email(reach, "twin")),
            dict(overrides.values_list("branch", "scope")),
        )


def add_askers(account: Account) -> None:
    """Make everybody who asks, and age what they see."""
    branches = {int(branch.slug.rpartition("-")[2]): branch for branch in Branch.objects.filter(account=account)}
    role = Role.objects.published(account.scheme).get(key="member")
    for reach, parts in PARTS.items():
        user, twin = (
            User.objects.create_user(_email(reach, *what), name=f"Asks for {reach}") for what in ((), ("twin",))
        )
        for number, scope in parts.items():
            branch = branches[number]
            Membership.objects.create(account=account, branch=branch, user=user, role=role)
            Override.objects.create(
                account=account, branch=branch, user=user, permission="view_lead", scope=scope, reason=REASON
            )
            _give(account, branch, user, scope)
        seen = visible(mandate_for(user, account.pk), "view_lead").values("pk")
        _age(account, seen)
        _share(account, twin, seen)


def _give(account: Account, branch: Branch, user: User, scope: Scope) -> None:
    """Something within each reach, from the oldest leads of the branch, each from others of them."""
    leads = Lead.objects.filter(branch=branch).order_by("created_at", "id").values("pk")
    if scope & Scope.RESPONSIBLE:
        Lead.objects.filter(pk__in=leads[:OWN]).update(responsible=user)
    if scope & Scope.CREATED:
        Lead.objects.filter(pk__in=leads[OWN : 2 * OWN]).update(created_by=user)
    if scope & Scope.SHARED:
        _share(account, user, leads[2 * OWN : 2 * OWN + SHARES])
    if scope & Scope.TEAM:
        team = Team(account=account, branch=branch, slug="measured", name="Measured")
        team.save()
        others = Membership.objects.filter(branch=branch).exclude(user=user).order_by("-pk")[: MATES - 1]
        mates = [user.pk, *others.values_list("user", flat=True)]
        TeamMember.objects.bulk_create(TeamMember(account=account, team=team, user_id=mate) for mate in mates)


def _age(account: Account, seen: QuerySet[Any, Any]) -> None:
    """Make what is seen older than all the rest."""
    Lead.objects.filter(account=account, pk__in=list(seen.values_list("pk", flat=True))).update(
        created_at=F("created_at") - OLDER
    )


def _share(account: Account, user: User, leads: QuerySet[Any, Any]) -> None:
    permission = permission_id("view_lead")
    LeadUserShare.objects.bulk_create(
        (
            LeadUserShare(account=account, user=user, content_object_id=pk, permission_id=permission, reason=REASON)
            for pk in leads.values_list("pk", flat=True)
        ),
        batch_size=BATCH,
    )


def _email(reach: str, *what: str) -> str:
    return f"{'.'.join((slugify(reach), *what))}@bench.example"
