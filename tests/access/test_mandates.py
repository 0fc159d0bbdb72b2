"""Kept Mandates: they save queries, and never outlive a change."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.access.facts import load
from apps.access.mandate_cache import accounts_of, bind_account, choose_account, mandate_for
from apps.access.models import Override
from apps.access.policy import may
from apps.accounts.models import Account, Branch, User
from apps.roles.models import RoleGrant
from apps.roles.scopes import Scope
from apps.teams.models import Membership, ParentMembership, TeamMember
from tests.factories import (
    LeadFactory,
    MembershipFactory,
    OperatorFactory,
    OverrideFactory,
    OwnRoleFactory,
    ParentMembershipFactory,
    make_cast,
    published,
)

pytestmark = pytest.mark.django_db


def version(account: Account) -> int:
    return Account.objects.values_list("access_version", flat=True).get(pk=account.pk)


@pytest.mark.parametrize("branches", [1, 10, 1000])
def test_loading_the_facts_takes_at_most_five_queries_however_many_the_branches(branches: int) -> None:
    cast = make_cast("amocrm")
    role = OwnRoleFactory(account=cast.account)
    rows = Branch.objects.bulk_create(
        Branch(account=cast.account, slug=f"b-{number}", name=f"B {number}") for number in range(branches)
    )
    Membership.objects.bulk_create(
        Membership(account=cast.account, branch=branch, user=cast.outsider, role=role) for branch in rows
    )
    OverrideFactory(branch=rows[0], user=cast.outsider)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        facts = load(cast.outsider.pk, cast.account.pk)
    assert len(facts.memberships) == branches
    assert len(queries) <= 5


def test_a_bound_user_is_answered_without_a_query_once_the_mandate_is_kept() -> None:
    cast = make_cast()
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    bind_account(cast.member, Account.objects.get(pk=cast.account.pk))
    assert may(cast.member, "view_lead", lead)
    with CaptureQueriesContext(connection) as queries:
        assert may(cast.member, "view_lead", lead)
    assert len(queries) == 0


def test_an_unbound_question_reads_the_version_and_nothing_more() -> None:
    cast = make_cast()
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    may(cast.member, "view_lead", lead)
    with CaptureQueriesContext(connection) as queries:
        may(cast.member, "view_lead", lead)
    assert len(queries) == 1


def test_every_change_of_access_raises_the_version_even_in_bulk_and_by_raw_sql() -> None:
    cast = make_cast("amocrm")
    team = cast.team(cast.member)
    own = OwnRoleFactory(account=cast.account)
    changes: list[Callable[[], object]] = [
        lambda: Membership.objects.filter(user=cast.member).update(role=own),
        lambda: RoleGrant.objects.create(role=own, permission="view_lead", scope=Scope.ALL),
        lambda: RoleGrant.objects.filter(role=own).update(scope=Scope.NONE),
        lambda: OverrideFactory(branch=cast.branch, user=cast.member),
        lambda: Override.objects.all().delete(),
        lambda: TeamMember.objects.filter(team=team).delete(),
        lambda: Branch.objects.filter(pk=cast.branch.pk).update(status="closed"),
        lambda: Account.objects.filter(pk=cast.account.pk).update(status="closing"),
        lambda: Account.objects.filter(pk=cast.account.pk).update(features=["branches"]),
        lambda: connection.cursor().execute("DELETE FROM teams_membership WHERE user_id = %s", [cast.member.pk]),
    ]
    for number, change in enumerate(changes):
        before = version(cast.account)
        change()
        assert version(cast.account) > before, f"change {number} left the version as it was"


def test_parent_roles_raise_the_version() -> None:
    cast = make_cast()
    before = version(cast.account)
    ParentMembershipFactory(account=cast.account, user=cast.member)
    granted = version(cast.account)
    ParentMembership.objects.filter(user=cast.member).update(role=published("atlas", "super_admin"))
    assert before < granted < version(cast.account)


def test_another_accounts_change_leaves_the_version_alone() -> None:
    cast = make_cast()
    before = version(cast.account)
    MembershipFactory(branch=cast.elsewhere)
    assert version(cast.account) == before


def test_a_revocation_holds_at_the_next_question() -> None:
    cast = make_cast()
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    assert may(cast.member, "view_lead", lead)
    cast.remove(cast.member)
    assert not may(cast.member, "view_lead", lead)


def test_a_deactivated_user_may_nothing_at_the_next_question() -> None:
    cast = make_cast()
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    assert may(cast.member, "view_lead", lead)
    User.objects.filter(pk=cast.member.pk).update(is_active=False)
    assert not may(cast.member, "view_lead", lead)


def test_an_operator_who_is_none_any_more_may_nothing_at_the_next_question() -> None:
    cast = make_cast()
    lead = LeadFactory(branch=cast.branch)
    operator = OperatorFactory()
    assert may(operator, "delete_lead", lead)
    User.objects.filter(pk=operator.pk).update(is_superuser=False)
    assert not may(operator, "delete_lead", lead)


def test_an_override_counts_until_its_end_and_not_at_it() -> None:
    cast = make_cast()
    lead = LeadFactory(branch=cast.branch)
    end = timezone.now() + timedelta(hours=1)
    with time_machine.travel(end - timedelta(minutes=1), tick=False):
        OverrideFactory(branch=cast.branch, user=cast.member, expires_at=end)
        assert may(cast.member, "view_lead", lead)
    with time_machine.travel(end - timedelta(microseconds=1), tick=False):
        assert may(cast.member, "view_lead", lead)
    with time_machine.travel(end, tick=False):
        assert not may(cast.member, "view_lead", lead)


def test_people_work_in_the_accounts_that_they_belong_to() -> None:
    cast = make_cast()
    assert list(accounts_of(cast.member)) == [cast.account]
    MembershipFactory(branch=cast.elsewhere, user=cast.member)
    assert set(accounts_of(cast.member)) == {cast.account, cast.elsewhere.account}
    assert choose_account(cast.member, cast.elsewhere.account.pk) == cast.elsewhere.account
    cast.remove(cast.member, cast.elsewhere)
    assert choose_account(cast.member, cast.elsewhere.account.pk) == cast.account


def test_a_mandate_ends_with_the_earliest_of_its_overrides() -> None:
    cast = make_cast()
    end = timezone.now() + timedelta(hours=1)
    OverrideFactory(branch=cast.branch, user=cast.member, permission="view_lead", expires_at=end)
    OverrideFactory(branch=cast.branch, user=cast.member, permission="change_lead", expires_at=end + timedelta(hours=1))
    assert mandate_for(cast.member, cast.account.pk).valid_until == end
