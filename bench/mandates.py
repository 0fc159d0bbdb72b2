"""Loading and compiling a Mandate: how many queries it takes, and how long, by the number of branches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.access.facts import Facts, load
from apps.access.mandate import Mandate
from apps.access.models import Override
from apps.accounts.models import Account, Branch, User
from apps.roles import catalogue
from apps.roles.models import Role
from apps.roles.scopes import Scope
from apps.teams.models import Membership, Team, TeamMember
from bench.measure import interleaved
from bench.tables import Row, milliseconds

HEADS = ("branches", "queries", "load", "compile", "whole catalogue")
ACCOUNT = "bench-wide"
BRANCHES = (1, 10, 1_000)
REASON = "To be measured"


def add_wide_account() -> None:
    """An account of many branches, and a member of 1, of 10 and of all of them, with a team and an override on each."""
    account = Account.objects.create(slug=ACCOUNT, name="Wide", scheme="atlas")
    branches = Branch.objects.bulk_create(
        Branch(account=account, slug=f"branch-{number}", name=f"Branch {number}") for number in range(max(BRANCHES))
    )
    roles = list(Role.objects.published(account.scheme).filter(kind=Role.Kind.BRANCH))
    for many in BRANCHES:
        user = User.objects.create_user(_email(many), name=f"Works on {many}")
        Membership.objects.bulk_create(
            Membership(account=account, branch=branch, user=user, role=roles[number % len(roles)])
            for number, branch in enumerate(branches[:many])
        )
        Override.objects.bulk_create(
            Override(
                account=account,
                branch=branch,
                user=user,
                permission="view_lead",
                scope=Scope.RESPONSIBLE,
                reason=REASON,
            )
            for branch in branches[:many]
        )
    for branch in branches:
        team = Team(account=account, branch=branch, slug="all", name="Everybody")
        team.save()
        members = Membership.objects.filter(branch=branch)
        TeamMember.objects.bulk_create(
            TeamMember(account=account, team=team, user_id=member.user_id) for member in members
        )


def loads() -> Iterator[Row]:
    """Each member's facts from the database, their Mandate, and its answer for every branch and permission."""
    account = Account.objects.get(slug=ACCOUNT)
    for many in BRANCHES:
        user = User.objects.get(email=_email(many))
        with CaptureQueriesContext(connection) as queries:
            facts = load(user.pk, account.pk)
        taken = interleaved(
            {
                "load": partial(load, user.pk, account.pk),
                "compile": partial(Mandate, facts, timezone.now()),
                "whole": partial(_ask_everything, facts),
            }
        )
        yield (
            f"{many:,}",
            str(len(queries)),
            *(milliseconds(taken[name]) for name in ("load", "compile", "whole")),
        )


def _ask_everything(facts: Facts) -> None:
    mandate = Mandate(facts, timezone.now())
    for branch in facts.memberships:
        for codename in _CODENAMES:
            mandate.effective(branch, codename)


def _email(many: int) -> str:
    return f"on-{many}@bench-wide.example"


_CODENAMES = tuple(permission.codename for permission in catalogue.permissions())
