"""Operator sessions: an hour at most, with a reason, in which a superuser is somebody special, and never outside."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.access.explain import explain
from apps.access.facts import load
from apps.access.mandate_cache import accounts_of, bind_account, choose_account, mandate_for
from apps.access.matrix import access_matrix
from apps.access.models import OperatorSession
from apps.access.operators import SessionRefused, current_session, end_session, open_session
from apps.access.policy import may, may_anywhere, who_may
from apps.access.querysets import visible_to
from apps.accounts.models import Account, User
from apps.audit.models import Entry, Operation
from apps.crm.models import Lead
from apps.crm.services import records
from tests.factories import Cast, ContactFactory, LeadFactory, OperatorFactory, UserFactory, make_cast

pytestmark = pytest.mark.django_db
WHY = "Ticket 4711"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def superuser(**fields: Any) -> User:
    """A superuser in no session."""
    user: User = OperatorFactory(session=False, **fields)
    return user


# --- Being one ---


def test_outside_of_a_session_a_superuser_is_nobody_special(cast: Cast) -> None:
    olive = superuser()
    lead = LeadFactory(branch=cast.branch)
    assert not may(olive, "view_lead", lead)
    assert not may_anywhere(olive, "view_lead", cast.account)
    assert not visible_to(olive, "view_lead", account=cast.account).exists()
    assert not accounts_of(olive).exists()
    assert choose_account(olive, cast.account.pk) is None


def test_in_one_they_may_do_everything_in_every_account_closed_ones_too(cast: Cast) -> None:
    olive = superuser()
    lead = LeadFactory(branch=cast.branch)
    Account.objects.filter(pk=cast.account.pk).update(status="closed")
    open_session(olive, reason=WHY)
    assert may(olive, "delete_lead", lead)
    assert visible_to(olive, "view_lead", account=cast.account).get() == lead
    assert set(accounts_of(olive)) == {cast.account, cast.elsewhere.account}
    assert choose_account(olive, cast.account.pk) == cast.account


def test_a_superuser_who_is_a_member_is_that_member_outside_of_a_session(cast: Cast) -> None:
    User.objects.filter(pk=cast.member.pk).update(is_superuser=True)
    olive = User.objects.get(pk=cast.member.pk)
    mine, other = LeadFactory(branch=cast.branch, responsible=olive), LeadFactory(branch=cast.branch)
    assert may(olive, "view_lead", mine)
    assert not may(olive, "view_lead", other)
    assert list(accounts_of(olive)) == [cast.account]
    assert who_may("view_lead", mine) == [cast.owner, olive]
    assert olive in {row.user for row in access_matrix(cast.account)}
    open_session(olive, reason=WHY)
    assert may(olive, "view_lead", other)
    assert who_may("view_lead", mine) == [cast.owner]
    assert olive not in {row.user for row in access_matrix(cast.account)}


def test_a_session_makes_nobody_else_an_operator(cast: Cast) -> None:
    OperatorFactory()
    lead = LeadFactory(branch=cast.branch)
    assert not may(superuser(), "view_lead", lead)
    assert not may(cast.member, "view_lead", lead)


def test_who_is_no_superuser_any_more_or_inactive_has_lost_the_session_too(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch)
    for flag in ({"is_superuser": False}, {"is_active": False}):
        olive = OperatorFactory()
        assert may(olive, "view_lead", lead)
        User.objects.filter(pk=olive.pk).update(**flag)
        assert not may(olive, "view_lead", lead)
        assert current_session(User.objects.get(pk=olive.pk)) is None


# --- Its end ---


def bound(user: User, account: Account) -> User:
    """The user as a new request has them."""
    fresh = User.objects.get(pk=user.pk)
    bind_account(fresh, Account.objects.get(pk=account.pk))
    return fresh


def test_it_ends_at_its_instant_with_nothing_having_to_run(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch)
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        olive = superuser()
        end = open_session(olive, reason=WHY, minutes=15).expires_at
        assert end == timezone.now() + timedelta(minutes=15)
        assert may(olive, "view_lead", lead)
    with time_machine.travel(end - timedelta(microseconds=1), tick=False):
        assert may(olive, "view_lead", lead)
        assert may(bound(olive, cast.account), "view_lead", lead)
        assert accounts_of(olive).exists()
    with time_machine.travel(end, tick=False):
        assert not may(olive, "view_lead", lead)
        assert not may(bound(olive, cast.account), "view_lead", lead)
        assert not accounts_of(olive).exists()
        assert current_session(olive) is None


def test_it_ends_in_the_middle_of_a_request_too(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch)
    olive = superuser()
    end = open_session(olive, reason=WHY).expires_at
    working = bound(olive, cast.account)
    assert may(working, "view_lead", lead)
    assert mandate_for(working, cast.account.pk).valid_until == end
    with time_machine.travel(end, tick=False):
        assert not may(working, "view_lead", lead)
        assert not may(working, "view_lead", lead)


def test_a_kept_mandate_does_not_outlive_an_early_end(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch)
    olive = OperatorFactory()
    assert may(bound(olive, cast.account), "view_lead", lead)
    assert may(olive, "view_lead", lead)
    end_session(olive)
    assert not may(bound(olive, cast.account), "view_lead", lead)
    assert not may(olive, "view_lead", lead)
    open_session(olive, reason=WHY)
    assert may(bound(olive, cast.account), "view_lead", lead)


def test_a_mandate_from_before_the_session_does_not_hide_it(cast: Cast) -> None:
    olive = superuser()
    lead = LeadFactory(branch=cast.branch)
    assert not may(bound(olive, cast.account), "view_lead", lead)
    open_session(olive, reason=WHY)
    assert may(bound(olive, cast.account), "view_lead", lead)


def test_a_session_that_has_yet_to_begin_is_not_open(cast: Cast) -> None:
    olive = superuser()
    now = timezone.now()
    OperatorSession.objects.create(
        user=olive, reason=WHY, opened_at=now + timedelta(minutes=1), expires_at=now + timedelta(minutes=2)
    )
    assert current_session(olive) is None
    assert not load(olive.pk, cast.account.pk).operator


def test_reading_it_takes_no_query_of_its_own(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch)
    olive = OperatorFactory()
    may(olive, "view_lead", lead)
    with CaptureQueriesContext(connection) as queries:
        may(olive, "view_lead", lead)
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        bind_account(cast.member, cast.account)
    assert len(queries) == 0


# --- Opening and ending ---


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(SessionRefused) as caught:
        act()
    return str(caught.value)


def test_what_is_refused_says_why_and_writes_nothing() -> None:
    olive, gone, ben = superuser(), superuser(is_active=False), UserFactory()
    before = Operation.objects.count()
    assert "Enter a reason" in refusal(lambda: open_session(olive, reason=" \n"))
    assert "from 1 to 60 minutes, not 61" in refusal(lambda: open_session(olive, reason=WHY, minutes=61))
    assert "not 0" in refusal(lambda: open_session(olive, reason=WHY, minutes=0))
    assert "is not a platform operator" in refusal(lambda: open_session(ben, reason=WHY))
    assert "is deactivated" in refusal(lambda: open_session(gone, reason=WHY))
    assert "has no open session" in refusal(lambda: end_session(olive))
    assert not OperatorSession.objects.exists()
    assert Operation.objects.count() == before


def test_the_flags_of_the_database_count_and_not_those_at_hand() -> None:
    olive = superuser()
    User.objects.filter(pk=olive.pk).update(is_superuser=False)
    assert olive.is_superuser
    assert "is not a platform operator" in refusal(lambda: open_session(olive, reason=WHY))


def test_there_is_one_at_a_time_and_the_next_after_its_end() -> None:
    olive = superuser()
    first = open_session(olive, reason=WHY)
    assert "End that one first" in refusal(lambda: open_session(olive, reason="Another"))
    assert end_session(olive) == first
    second = open_session(olive, reason="Another")
    assert current_session(olive) == second


def test_ending_ends_every_open_one_however_they_came_about(cast: Cast) -> None:
    olive = OperatorFactory()
    now = timezone.now()
    longer = OperatorSession.objects.create(
        user=olive, reason=WHY, opened_at=now, expires_at=now + timedelta(minutes=60)
    )
    assert current_session(olive) == longer
    end_session(olive)
    assert current_session(olive) is None
    assert not may(olive, "view_lead", LeadFactory(branch=cast.branch))


@pytest.mark.django_db(transaction=True)
def test_two_that_are_opened_at_once_become_one() -> None:
    olive = superuser()
    both = Barrier(2)

    def attempt(reason: str) -> bool:
        try:
            both.wait()
            open_session(User.objects.get(pk=olive.pk), reason=reason)
        except SessionRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        opened = list(pool.map(attempt, ("One", "Two")))
    assert sorted(opened) == [False, True]
    assert OperatorSession.objects.count() == 1


# --- The log ---


def test_opening_and_ending_stand_in_the_platforms_chain() -> None:
    olive = superuser()
    open_session(olive, reason=f" {WHY} ", actor=olive)
    end_session(olive)
    opened = Operation.objects.get(verb="access.operator_session.opened")
    ended = Operation.objects.get(verb="access.operator_session.ended")
    assert (opened.actor_id, opened.reason) == (olive.pk, WHY)
    assert (ended.actor_id, ended.actor_name) == (None, "the operator at the console")
    for operation in (opened, ended):
        entry = Entry.objects.get(operation=operation)
        assert (entry.account_id, entry.user_id, entry.target_text) == (0, olive.pk, str(olive))


def logged(account: Account) -> list[tuple[str, str, Any, str]]:
    found = Entry.objects.filter(operation__verb="access.operator.wrote", account_id=account.pk).order_by("pk")
    return [(e.target_text, e.target_type, e.after, e.operation.reason) for e in found.select_related("operation")]


def test_each_record_that_an_operator_writes_is_logged_by_reference_with_the_sessions_reason(cast: Cast) -> None:
    olive = OperatorFactory()
    lead = records.create_record(Lead(branch=cast.branch, name="Kanarienvogel"), actor=olive)
    records.update_record(lead, actor=olive, changes={"name": "Kanarienvogel 2"})
    records.update_record(lead, actor=olive, changes={"name": "Kanarienvogel 2"})
    records.delete_record(lead, actor=olive)
    reason = "A customer asked for help"
    assert logged(cast.account) == [
        (lead.reference, "lead", {"action": "created"}, reason),
        (lead.reference, "lead", {"action": "changed"}, reason),
        (lead.reference, "lead", {"action": "deleted"}, reason),
    ]
    operation = Operation.objects.filter(verb="access.operator.wrote").first()
    assert operation is not None
    assert operation.actor_id == olive.pk
    assert "Kanarienvogel" not in str(list(Entry.objects.values())) + str(list(Operation.objects.values()))


def test_nobody_elses_writes_are_logged(cast: Cast) -> None:
    User.objects.filter(pk=cast.owner.pk).update(is_superuser=True)
    owner = User.objects.get(pk=cast.owner.pk)
    lead = records.create_record(Lead(branch=cast.branch, name="Printers"), actor=owner)
    records.update_record(lead, actor=cast.owner, changes={"name": "Two printers"})
    assert logged(cast.account) == []


def test_what_an_operator_may_not_do_leaves_no_entry(cast: Cast) -> None:
    olive = OperatorFactory()
    private = ContactFactory(branch=cast.branch, responsible=cast.member, private=True)
    with pytest.raises(LookupError):
        records.update_record(private, actor=olive, changes={"name": "Mine"})
    assert logged(cast.account) == []


def test_a_write_that_ends_after_the_session_was_ended_elsewhere_is_logged_all_the_same(cast: Cast) -> None:
    olive = bound(OperatorFactory(), cast.account)
    assert may(olive, "add_lead", cast.branch)
    end_session(User.objects.get(pk=olive.pk))
    records.create_record(Lead(branch=cast.branch, name="Printers"), actor=olive)
    assert len(logged(cast.account)) == 1


# --- In words ---


def test_a_no_says_that_no_session_is_open_and_that_opening_one_would_help(cast: Cast) -> None:
    olive = superuser(name="Olive Operator")
    explanation = explain(olive, "view_lead", LeadFactory(branch=cast.branch))
    assert explanation.reasons == [
        "Olive Operator is not a member of North.",
        "Olive Operator is a platform operator without an open session, which gives no extra access.",
    ]
    assert explanation.fixes[0].kind == "operator_session"
    assert explanation.fixes[0].who == [olive]
    open_session(olive, reason=WHY)
    assert explain(olive, "view_lead", LeadFactory(branch=cast.branch)).reasons == [
        "Olive Operator is a platform operator in an open session, with access to everything except other people's "
        "private contacts."
    ]


def test_a_closed_account_is_mended_by_a_session_and_privacy_and_the_plan_are_not(cast: Cast) -> None:
    olive = superuser()
    private = ContactFactory(branch=cast.branch, responsible=cast.member, private=True)
    assert "operator_session" not in {fix.kind for fix in explain(olive, "view_contact", private).fixes}
    Account.objects.filter(pk=cast.account.pk).update(features=[])
    limited = explain(olive, "manage_roles", cast.account)
    assert [fix.kind for fix in limited.fixes] == ["plan"]
    assert not any("session" in reason for reason in limited.reasons)
    Account.objects.filter(pk=cast.account.pk).update(status="closed", features=None)
    kinds = [fix.kind for fix in explain(olive, "view_lead", LeadFactory(branch=cast.branch)).fixes]
    assert kinds == ["operator_session", "account"]
