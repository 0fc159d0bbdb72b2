"""What an account agrees to: a trial, more at once, less from the end of the period on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest

from apps.access.policy import may
from apps.accounts.models import Account
from apps.audit.models import Entry, Operation
from apps.billing import subscribing
from apps.billing.changes import Entitle
from apps.billing.details import change_details
from apps.billing.models import Payer, Term
from apps.billing.plans import Interval, plan, plans
from apps.billing.refusals import BillingRefused
from apps.billing.running import run_account
from apps.billing.subscribing import PlanChoice
from apps.billing.subscription_state import SubscriptionState, SubscriptionStatus
from apps.changes.preview import preview
from apps.changes.refusals import PermissionMissing, ReasonMissing, Refusal
from apps.roles.models import Role, RoleGrant
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.audit.chains import report
from tests.billing.cases import START, begin, choose, invoices, on, pay, totals
from tests.factories import Cast, OwnRoleFactory, make_cast

pytestmark = pytest.mark.django_db


def test_a_trial_gives_its_plan_and_costs_nothing() -> None:
    cast = make_cast("atmos")
    begin(cast.account, trial=True)
    cast.account.refresh_from_db()
    assert set(cast.account.features or ()) == {"branches", "automation"}
    assert cast.account.seats == 5
    with on(date(2026, 1, 14)):
        run_account(cast.account.pk)
        assert SubscriptionState(cast.account).state is SubscriptionStatus.TRIAL
    assert invoices(cast.account) == []
    with on(date(2026, 1, 15)):
        run_account(cast.account.pk)
        assert SubscriptionState(cast.account).state is SubscriptionStatus.ACTIVE
    assert totals(cast.account) == ["120.00"]


def test_a_second_beginning_changes_nothing() -> None:
    cast = make_cast()
    begin(cast.account)
    subscribing.begin(cast.account, actor=None, reason="Again")
    assert Payer.objects.filter(account=cast.account).count() == 1


def test_an_upgrade_holds_at_once_and_costs_the_days_that_are_left() -> None:
    cast = make_cast("atmos")
    begin(cast.account)
    with on(date(2026, 1, 21)):
        choose(cast.account, "business", 6, actor=cast.owner)
        run_account(cast.account.pk)
    cast.account.refresh_from_db()
    assert "custom_roles" in (cast.account.features or ())
    assert cast.account.seats == 6
    # 11 of 31 days at 294.00 in place of 120.00.
    assert totals(cast.account) == ["120.00", "61.74"]
    with on(date(2026, 2, 1)):
        run_account(cast.account.pk)
    assert totals(cast.account) == ["120.00", "61.74", "294.00"]


def test_a_downgrade_waits_for_the_end_of_the_period() -> None:
    cast = make_cast("atmos")
    begin(cast.account)
    with on(date(2026, 1, 10)):
        chosen = choose(cast.account, "starter", 3, actor=cast.owner)
    assert (chosen.now, chosen.later_on) == (None, date(2026, 2, 1))
    cast.account.refresh_from_db()
    assert cast.account.seats == 5
    with on(date(2026, 2, 1)):
        run_account(cast.account.pk)
    cast.account.refresh_from_db()
    assert (cast.account.features, cast.account.seats) == ([], 3)
    assert totals(cast.account) == ["120.00", "27.00"]


def test_what_is_more_comes_at_once_and_what_is_less_later() -> None:
    cast = make_cast("atmos")
    begin(cast.account)
    with on(date(2026, 1, 10)):
        chosen = choose(cast.account, "business", 3)
        assert chosen.now is not None
        assert (chosen.now.plan, list(chosen.now.seats.values())) == ("business", [5])
        assert chosen.later is not None
        assert list(chosen.later.seats.values()) == [3]
        choose(cast.account, "business", 5)
        assert SubscriptionState(cast.account).coming() == []


def test_paying_yearly_begins_a_year_and_gives_back_the_rest_of_the_month() -> None:
    cast = make_cast()
    begin(cast.account)
    with on(date(2026, 1, 11)):
        choose(cast.account, "professional", 5, interval=Interval.YEAR)
        run_account(cast.account.pk)
    # 1,200.00 for the year, less 21 of 31 days of 120.00.
    assert totals(cast.account) == ["120.00", "1118.71"]
    assert "not used" in "".join(line.text for line in invoices(cast.account)[1].lines.all())
    with on(date(2026, 6, 1)):
        run_account(cast.account.pk)
        chosen = choose(cast.account, "professional", 5)
    assert chosen.later_on == date(2027, 1, 11)
    with on(date(2027, 1, 11)):
        run_account(cast.account.pk)
    assert totals(cast.account)[2:] == ["120.00"]


def test_a_subscription_that_is_cancelled_ends_with_its_period_and_can_begin_again() -> None:
    cast = make_cast("atmos")
    begin(cast.account)
    with on(date(2026, 1, 11)):
        assert subscribing.cancel(cast.account.pk, actor=cast.owner, reason="Too little used") == date(2026, 2, 1)
        with pytest.raises(BillingRefused, match="already"):
            subscribing.cancel(cast.account.pk, actor=cast.owner, reason="Again")
        subscribing.keep(cast.account.pk, actor=cast.owner, reason="We stay")
        subscribing.cancel(cast.account.pk, actor=cast.owner, reason="We go")
        pay(invoices(cast.account)[0])
    with on(date(2026, 2, 1)):
        run_account(cast.account.pk)
        assert SubscriptionState(cast.account).state is SubscriptionStatus.CANCELLED
        assert not may(cast.owner, "add_lead", cast.branch)
        assert may(cast.owner, "manage_subscription", cast.account)
        with pytest.raises(BillingRefused, match="has ended"):
            subscribing.keep(cast.account.pk, actor=cast.owner, reason="We stay")
    with on(date(2026, 3, 5)):
        choose(cast.account, "starter", 5, actor=cast.owner)
        run_account(cast.account.pk)
        assert may(cast.owner, "add_lead", cast.branch)
    assert totals(cast.account) == ["120.00", "45.00"]


@pytest.mark.parametrize(
    ("plan", "seats", "words"),
    [
        ("gold", 5, "The plan “gold” doesn't exist"),
        ("professional", 1, "2 active members and needs more than 1 seats"),
        ("starter", 11, "at most 10 seats"),
    ],
)
def test_what_cannot_be_chosen_is_refused_in_words(plan: str, seats: int, words: str) -> None:
    cast = make_cast()
    begin(cast.account)
    with on(START), pytest.raises(BillingRefused, match=words):
        choose(cast.account, plan, seats)
    assert Term.objects.filter(account=cast.account).count() == 1


def test_choosing_needs_the_right_and_a_reason() -> None:
    cast = make_cast("atlas")
    begin(cast.account)
    admin = cast.join("admin")
    choice = PlanChoice("business", Interval.MONTH, {})
    with pytest.raises(PermissionMissing, match="Manage subscription"):
        subscribing.choose(cast.account.pk, choice, actor=admin, reason="Because")
    with pytest.raises(Refusal, match="That account doesn't exist"):
        subscribing.choose(cast.account.pk, choice, actor=cast.outsider, reason="Because")
    with pytest.raises(ReasonMissing):
        subscribing.choose(cast.account.pk, choice, actor=cast.owner, reason=" ")


def test_what_is_chosen_stands_in_the_log_with_its_reason() -> None:
    cast = make_cast()
    begin(cast.account)
    with on(START):
        choose(cast.account, "business", 7, actor=cast.owner)
    chosen = Operation.objects.get(verb="billing.plan.chosen")
    assert (chosen.reason, chosen.actor_name) == ("We have grown", "Ann Archer")
    term, account = Entry.objects.filter(operation=chosen).order_by("pk")
    assert (term.after or {})["plan"] == "business"
    assert (account.after or {})["seats"] == 7
    assert report(cast.account.pk).sound


def test_a_plan_without_own_roles_takes_them_away_after_a_preview() -> None:
    cast = make_cast("atmos")
    begin(cast.account)
    with on(START):
        choose(cast.account, "business", 5)
    managers, others = _own_roles(cast)
    chief, helper = cast.join(managers), cast.join(others)
    gone = cast.join(others)
    cast.remove(gone)
    with on(date(2026, 1, 9)):
        chosen = choose(cast.account, "starter", 5)
        assert chosen.later is not None
        lost = Entitle(
            account_id=cast.account.pk, given=SubscriptionState(cast.account, chosen.later_on).entitlements()
        )
        shown = preview(lost, actor=cast.owner)
        assert {member.name for member in shown.members} >= {chief.name, helper.name}
        assert Membership.objects.get(user=chief).role == managers
    with on(date(2026, 2, 1)):
        run_account(cast.account.pk)
    held = {m.user_id: m.role.key for m in Membership.objects.filter(account=cast.account).select_related("role")}
    assert held[chief.pk] == "admin"
    assert held[helper.pk] == held[gone.pk] == "restricted_user"
    assert not Role.objects.filter(account_id=cast.account.pk).exists()
    assert report(cast.account.pk).sound


def test_other_schemes_keep_their_own_roles_whatever_the_plan() -> None:
    cast = make_cast("amocrm")
    begin(cast.account)
    own = OwnRoleFactory(account=cast.account)
    holder = cast.join(own)
    with on(START):
        choose(cast.account, "starter", 5)
    with on(date(2026, 2, 1)):
        run_account(cast.account.pk)
    assert Membership.objects.get(user=holder).role == own


def test_branches_can_pay_for_themselves_each_in_its_currency() -> None:
    cast = make_cast("atlas")
    south = cast.branch_beside()
    cast.join(branch=south)
    begin(cast.account)
    with on(date(2026, 1, 20)):
        assert subscribing.bill_by(cast.account.pk, branches=True, actor=cast.owner, reason="Two budgets") == date(
            2026, 2, 1
        )
        with pytest.raises(BillingRefused, match="already the current setting"):
            subscribing.bill_by(cast.account.pk, branches=True, actor=cast.owner, reason="Again")
        payer = Payer.objects.get(branch=south)
        change_details(cast.account.pk, payer.pk, {"currency": "GBP"}, actor=cast.owner, reason="It sits in London")
    with on(date(2026, 2, 1)):
        run_account(cast.account.pk)
    assert [(i.branch_id, i.currency, f"{i.net:.2f}") for i in invoices(cast.account)] == [
        (None, "EUR", "120.00"),
        (cast.branch.pk, "EUR", "48.00"),
        (south.pk, "GBP", "21.00"),
    ]
    south.refresh_from_db()
    account = Account.objects.get(pk=cast.account.pk)
    assert (south.seats, account.seats) == (1, None)
    with on(date(2026, 2, 3)):
        subscribing.bill_by(cast.account.pk, branches=False, actor=cast.owner, reason="One budget again")
    with on(date(2026, 3, 1)):
        run_account(cast.account.pk)
    assert totals(cast.account)[3:] == ["72.00"]


def test_a_currency_stays_once_there_are_invoices() -> None:
    cast = make_cast()
    payer = begin(cast.account)
    with pytest.raises(BillingRefused, match="already has invoices in EUR, so its currency can't change"):
        change_details(cast.account.pk, payer.pk, {"currency": "USD"}, actor=cast.owner, reason="We moved")


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"country": "Germany"}, "two-letter"),
        ({"email": "nobody"}, "“nobody” is not valid"),
        ({"vat_number": "12"}, "not in the format of a VAT number of DE: DE and 9 digits"),
        ({"vat_number": "DE645535252"}, "check digits are wrong"),
        ({"currency": ""}, "Choose a currency"),
        ({"name": "x" * 151}, "longer than 150 characters"),
        ({"phone": "1"}, "“phone” is not a billing detail"),
    ],
)
def test_details_that_make_no_sense_are_refused_in_words(details: dict[str, Any], words: str) -> None:
    cast = make_cast()
    payer = begin(cast.account)
    with pytest.raises(BillingRefused, match=words):
        change_details(cast.account.pk, payer.pk, details, actor=cast.owner, reason="We moved")


def test_a_trial_that_ends_without_details_leaves_the_account_to_be_read_until_they_come() -> None:
    cast = make_cast("atmos")
    payer = begin(cast.account, trial=True, address="")
    with on(date(2026, 1, 20)):
        run_account(cast.account.pk)
        assert SubscriptionState(cast.account).state is SubscriptionStatus.SUSPENDED
        assert not may(cast.owner, "add_lead", cast.branch)
        details = {"address": "1 Main Street"}
        change_details(cast.account.pk, payer.pk, details, actor=cast.owner, reason="Here it is")
        assert may(cast.owner, "add_lead", cast.branch)
        run_account(cast.account.pk)
    assert totals(cast.account) == ["120.00"]
    assert invoices(cast.account)[0].lines.get().starts_on == date(2026, 1, 20)


def test_a_period_never_begins_with_fewer_seats_than_members() -> None:
    cast = make_cast("atmos")
    begin(cast.account)
    with on(date(2026, 1, 20)):
        choose(cast.account, "professional", 2)
    for _ in range(3):
        cast.join()
    with on(date(2026, 2, 1)):
        run_account(cast.account.pk)
    assert totals(cast.account) == ["120.00", "120.00"]


def _own_roles(cast: Cast) -> tuple[Role, Role]:
    managers, others = (OwnRoleFactory(account=cast.account, name=name) for name in ("Managers", "Others"))
    for role, scope in ((managers, Scope.ALL), (others, Scope.NONE)):
        RoleGrant.objects.create(role=role, permission="manage_roles", scope=scope, grantable=True)
        RoleGrant.objects.create(role=role, permission="view_lead", scope=Scope.ALL, grantable=True)
    return managers, others


def test_prices_of_a_subscription_stay_as_they_were_agreed() -> None:
    cast = make_cast()
    begin(cast.account)
    dearer = replace(plan("professional"), prices={(Interval.MONTH, "EUR"): Decimal(99)})
    with on(date(2026, 2, 1)), patch.dict(plans(), {"professional": dearer}):
        run_account(cast.account.pk)
        choose(cast.account, "professional", 6)
        run_account(cast.account.pk)
    assert totals(cast.account) == ["120.00", "120.00", "474.00"]
