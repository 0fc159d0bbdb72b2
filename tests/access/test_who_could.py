"""Who could do this on that day: the engine's answers at past moments are those that it gave then."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from apps.access.explain import explain
from apps.access.facts import load
from apps.access.history.as_of import as_of, who_could
from apps.access.history.replay import NoSuchMoment
from apps.access.mandate import Mandate
from apps.access.mandate_cache import forget_kept, mandate_for
from apps.access.models import Override
from apps.access.operators import end_session, open_session
from apps.access.policy import may, who_may
from apps.access.records import HistoryUnknown
from apps.access.targets import TargetName, UnknownTarget, find_targets
from apps.accounts.models import Account, User
from apps.audit.models import Operation
from apps.audit.services import operation
from apps.crm.models import Lead
from apps.crm.services import create_record, delete_record, set_private, update_record
from apps.roles.catalogue import UnknownPermission, WrongTarget
from apps.roles.models import RoleGrant
from apps.roles.scopes import Scope
from apps.teams.models import Membership, TeamMember
from tests.access.histories import History, clock
from tests.audit.chains import VERB, sql
from tests.factories import (
    ActivityFactory,
    BranchFactory,
    Cast,
    CompanyFactory,
    ContactFactory,
    LeadFactory,
    OwnRoleFactory,
    TaskFactory,
    UserFactory,
    make_cast,
    published,
    share,
)

pytestmark = pytest.mark.django_db

HISTORIES = int(os.environ.get("MANDATE_RANDOM_HISTORIES", "3"))


@pytest.fixture
def cast() -> Cast:
    with operation(verb=VERB, actor=None, reason="Set up"):
        return make_cast("atlas")


def stated(change: Callable[[], object]) -> datetime:
    """Make the change an operation of its own, and return a moment after it."""
    with operation(verb=VERB, actor=None, reason="x"):
        change()
    return clock()


def names(users: list[User]) -> list[str]:
    return sorted(user.name for user in users)


def lead_of(cast: Cast) -> TargetName:
    return TargetName("lead", cast.account.slug, "L-1")


@dataclass
class Asked:
    """A question, when it was asked, what was answered, and why one of the people may or may not."""

    at: datetime
    codename: str
    name: TargetName
    users: list[tuple[int, str]]
    of: int
    reasons: list[str]


def ask(history: History) -> Asked | None:
    codename, name = history.question()
    target = find_targets([name]).get(name)
    if target is None:
        return None
    at, user = clock(), history.user()
    users = who_may(codename, target, now=at)
    account = target if isinstance(target, Account) else target.account
    why = explain(user, codename, target, fixes=False, mandate=Mandate(load(user.pk, account.pk, at), at))
    return Asked(at, codename, name, [(user.pk, user.name) for user in users], user.pk, why.reasons)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_on_random_histories_it_is_what_was_answered_then(seed: int) -> None:
    history = History(seed)
    asked = []
    for _ in range(60):
        history.step()
        history.step()
        asked.append(ask(history))
    assert len({tuple(each.users) for each in asked if each}) > 6
    untold = 0
    # What had an end in the meantime had none then: the answers are asked for much later.
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        for each in filter(None, asked):
            try:
                with as_of(each.name, each.at) as past:
                    users = [(user.pk, user.name) for user in past.who_may(each.codename)]
                    reasons = past.explain(User.objects.get(pk=each.of), each.codename).reasons
            except HistoryUnknown:
                # An activity that went along with what it was about has no history of its own.
                assert each.name.kind == "activity"
                untold += 1
                continue
            assert (users, reasons) == (each.users, each.reasons), each
    assert untold < len(asked) / 10


def test_each_kind_of_change_is_taken_back(cast: Cast) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.owner)
    team = cast.team(cast.owner)
    name, ben = lead_of(cast), cast.member
    moments = [clock()]
    expected = [["Ann Archer"]]

    def then(change: Callable[[], object], *people: str) -> None:
        moments.append(stated(change))
        expected.append(sorted(people))

    everybody = ("Ann Archer", "Ben Baker")
    then(lambda: cast.let(ben, "view_lead"), *everybody)
    then(lambda: Override.objects.all().delete(), "Ann Archer")
    then(lambda: share(lead, ben), *everybody)
    then(lambda: Membership.objects.filter(user=ben).update(status="removed", removed_at=timezone.now()), "Ann Archer")
    then(lambda: Membership.objects.filter(user=ben).update(status="active", removed_at=None), *everybody)
    then(lambda: lead.user_shares.all().delete(), "Ann Archer")
    then(lambda: cast.let(ben, "view_lead", Scope.TEAM), "Ann Archer")
    then(lambda: TeamMember.objects.create(account=cast.account, team=team, user=ben), *everybody)
    then(lambda: User.objects.filter(pk=ben.pk).update(is_active=False), "Ann Archer")
    then(lambda: User.objects.filter(pk=ben.pk).update(is_active=True, name="Benedict"), "Ann Archer", "Benedict")
    then(lambda: User.objects.filter(pk=ben.pk).update(is_superuser=True), "Ann Archer", "Benedict")
    then(lambda: open_session(User.objects.get(pk=ben.pk), reason="A look"), "Ann Archer")
    then(lambda: end_session(User.objects.get(pk=ben.pk)), "Ann Archer", "Benedict")
    then(lambda: User.objects.filter(pk=ben.pk).update(is_superuser=False), "Ann Archer", "Benedict")
    then(lambda: team.delete(), "Ann Archer")
    then(lambda: Override.objects.all().delete(), "Ann Archer")
    then(lambda: Membership.objects.filter(user=ben).update(role=published("atlas", "owner")), "Ann Archer", "Benedict")
    then(lambda: Account.objects.filter(pk=cast.account.pk).update(status="closed"))
    assert [names(who_could("view_lead", name, at)) for at in moments] == expected
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert [names(who_could("view_lead", name, at)) for at in moments] == expected
    assert names(who_could("view_lead", name, clock())) == []


def test_a_change_counts_from_the_instant_of_its_operation(cast: Cast) -> None:
    LeadFactory(branch=cast.branch)
    stated(lambda: cast.let(cast.member, "view_lead"))
    at = Operation.objects.latest("pk").at
    assert names(who_could("view_lead", lead_of(cast), at)) == ["Ann Archer", "Ben Baker"]
    assert names(who_could("view_lead", lead_of(cast), at - timedelta(microseconds=1))) == ["Ann Archer"]


def test_own_roles_are_what_they_gave_and_branches_what_they_were(cast: Cast) -> None:
    LeadFactory(branch=cast.branch)
    role = OwnRoleFactory(account=cast.account)
    grant = RoleGrant.objects.create(role=role, permission="view_lead", scope=Scope.ALL)
    Membership.objects.filter(user=cast.member).update(role=role)
    before = clock()
    stated(lambda: RoleGrant.objects.filter(pk=grant.pk).update(scope=Scope.NONE))
    closed = stated(lambda: type(cast.branch).objects.filter(pk=cast.branch.pk).update(status="closed"))
    assert names(who_could("view_lead", lead_of(cast), before)) == ["Ann Archer", "Ben Baker"]
    assert names(who_could("view_lead", lead_of(cast), closed)) == ["Ann Archer"]


def test_an_override_had_the_end_that_it_had(cast: Cast) -> None:
    LeadFactory(branch=cast.branch)
    cast.let(cast.member, "view_lead")
    end = clock() + timedelta(milliseconds=200)
    before = stated(lambda: Override.objects.update(expires_at=end))
    assert before < end
    sql("SELECT pg_sleep(0.3)")
    assert names(who_could("view_lead", lead_of(cast), before)) == ["Ann Archer", "Ben Baker"]
    assert names(who_could("view_lead", lead_of(cast), end)) == ["Ann Archer"]
    stated(lambda: Override.objects.update(expires_at=None))
    assert names(who_could("view_lead", lead_of(cast), end)) == ["Ann Archer"]


def test_a_time_before_the_log_a_future_one_and_one_without_zone_are_refused(cast: Cast) -> None:
    LeadFactory(branch=cast.branch)
    with pytest.raises(HistoryUnknown, match=r'^The log of the account "acme" begins at 20.*\. Choose a later time.$'):
        who_could("view_lead", lead_of(cast), datetime(2001, 1, 1, tzinfo=UTC))
    with pytest.raises(NoSuchMoment, match="is in the future"):
        who_could("view_lead", lead_of(cast), clock() + timedelta(seconds=5))
    with pytest.raises(NoSuchMoment, match="has no time zone"):
        who_could("view_lead", lead_of(cast), clock().replace(tzinfo=None))


def test_an_account_that_is_older_than_its_log_is_not_guessed_at() -> None:
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("ALTER TABLE accounts_account DISABLE TRIGGER USER")
    cast = make_cast("atlas")
    sql("ALTER TABLE accounts_account ENABLE TRIGGER USER")
    name = TargetName("account", "acme")
    with pytest.raises(HistoryUnknown, match="is older than its log"):
        who_could("manage_subscription", name, clock())
    Account.objects.filter(pk=cast.account.pk).update(name="Acme again")
    with pytest.raises(HistoryUnknown, match="is older than its log"):
        who_could("manage_subscription", name, clock())


def test_the_web_role_is_told_that_it_cannot_ask(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads nothing of the platform's chain, and would take people's state of today for that of then."""
    LeadFactory(branch=cast.branch)
    monkeypatch.setattr("apps.accounts.fence.is_fenced", lambda: True)
    with pytest.raises(HistoryUnknown, match="Only the database's owner can read the platform's audit log"):
        who_could("view_lead", lead_of(cast), clock())


def test_what_is_not_there_and_what_is_not_asked_of_it_are_refused_as_ever(cast: Cast) -> None:
    LeadFactory(branch=cast.branch)
    at = clock()
    stated(lambda: BranchFactory(account=cast.account, slug="south"))
    with pytest.raises(HistoryUnknown, match=r'The account "acme" had no branch "south" at that time.'):
        who_could("add_lead", TargetName("branch", "acme", "south"), at)
    with pytest.raises(UnknownTarget, match='There is no account "globex"'):
        who_could("view_lead", TargetName("lead", "globex", "L-1"), at)
    with pytest.raises(UnknownTarget, match='There is no record type "ship"'):
        who_could("view_lead", TargetName("ship", "acme", "L-1"), at)
    with pytest.raises(WrongTarget):
        who_could("view_contact", lead_of(cast), at)
    with pytest.raises(UnknownPermission):
        who_could("sail", lead_of(cast), at)
    assert names(who_could("add_lead", TargetName("branch", "acme", "north"), at)) == ["Ann Archer", "Ben Baker"]


class TestTheRecord:
    """A record is what its plain history tells that it was."""

    def test_it_had_the_responsible_and_the_branch_that_it_had(self, cast: Cast) -> None:
        cast.let(cast.member, "view_lead", Scope.RESPONSIBLE)
        south = cast.branch_beside()
        cast.join("owner", branch=south, user=cast.owner)
        lead = LeadFactory(branch=cast.branch, responsible=cast.member)
        first = clock()
        update_record(lead, actor=cast.owner, changes={"responsible": cast.owner})
        second = clock()
        update_record(lead, actor=cast.owner, changes={"branch": south})
        update_record(lead, actor=cast.owner, changes={"responsible": None})
        assert names(who_could("view_lead", lead_of(cast), first)) == ["Ann Archer", "Ben Baker"]
        assert names(who_could("view_lead", lead_of(cast), second)) == ["Ann Archer"]
        with as_of(lead_of(cast), first) as past:
            assert past.sources[-1] == "L-1 has the state of that time: responsible, branch changed later."
            assert past.target.branch == cast.branch  # type: ignore[union-attr]

    def test_two_people_of_one_name_are_not_taken_for_each_other(self, cast: Cast) -> None:
        other = cast.join(user=UserFactory(name="Ben Baker"))
        lead = LeadFactory(branch=cast.branch, responsible=cast.member)
        at = clock()
        update_record(lead, actor=cast.owner, changes={"responsible": other})
        found = who_could("view_lead", lead_of(cast), at)
        assert cast.member in found
        assert other not in found

    def test_it_was_as_private_as_it_was(self, cast: Cast) -> None:
        contact = ContactFactory(branch=cast.branch, responsible=cast.owner, private=True)
        note = ActivityFactory(about=TaskFactory(about=contact))
        at = clock()
        set_private(contact, actor=cast.owner, private=False)
        cast.let(cast.member, "view_contact")
        cast.let(cast.member, "view_task")
        cast.let(cast.member, "view_activity")
        for name in (TargetName("contact", "acme", contact.reference), TargetName("activity", "acme", note.reference)):
            verb = f"view_{name.kind}"
            assert names(who_could(verb, name, at)) == ["Ann Archer"]
            assert names(who_could(verb, name, clock())) == ["Ann Archer", "Ben Baker"]

    def test_it_was_not_there_before_it_was_created(self, cast: Cast) -> None:
        at = clock()
        LeadFactory(branch=cast.branch)
        with pytest.raises(HistoryUnknown, match=r"^L-1 didn't exist yet: it was created after that time.$"):
            who_could("view_lead", lead_of(cast), at)

    def test_of_a_deleted_one_its_history_tells_all_that_matters(self, cast: Cast) -> None:
        cast.let(cast.member, "view_contact", Scope.CREATED)
        contact = ContactFactory(branch=cast.branch, created_by=cast.member, responsible=cast.owner)
        task = TaskFactory(about=contact, responsible=cast.member)
        shown = clock()
        update_record(task, actor=cast.owner, changes={"responsible": cast.owner})
        set_private(contact, actor=cast.owner, private=True)
        hidden = clock()
        delete_record(contact, actor=cast.owner)
        gone = clock()
        name, about = TargetName("contact", "acme", "P-1"), TargetName("task", "acme", "T-1")
        assert names(who_could("view_contact", name, shown)) == ["Ann Archer", "Ben Baker"]
        assert names(who_could("view_contact", name, hidden)) == ["Ann Archer"]
        with pytest.raises(HistoryUnknown, match=r"^P-1 doesn't exist and has no history"):
            who_could("view_contact", name, gone)
        with as_of(name, hidden) as past:
            assert past.sources[-1] == "P-1 was deleted later. Its state comes from its history."
        cast.let(cast.member, "view_task")
        with as_of(about, hidden) as past:
            assert past.target.about.private  # type: ignore[union-attr]
        assert names(who_could("view_task", about, hidden)) == ["Ann Archer"]
        assert names(who_could("view_task", about, clock())) == ["Ann Archer", "Ben Baker"]

    def test_a_created_and_deleted_one_was_there_in_between(self, cast: Cast) -> None:
        before = clock()
        lead = create_record(Lead(name="New", branch=cast.branch, responsible=cast.member), actor=cast.member)
        between = clock()
        delete_record(lead, actor=cast.owner)
        assert names(who_could("view_lead", lead_of(cast), between)) == ["Ann Archer", "Ben Baker"]
        with pytest.raises(HistoryUnknown, match="didn't exist yet"):
            who_could("view_lead", lead_of(cast), before)

    def test_a_history_that_tells_people_by_name_alone_is_not_trusted(self, cast: Cast) -> None:
        lead = LeadFactory(branch=cast.branch, responsible=cast.member)
        at = clock()
        update_record(lead, actor=cast.owner, changes={"responsible": cast.owner})
        sql("""UPDATE crm_change SET fields = '{"responsible": ["Ben Baker", "Ann Archer"]}'""")
        with pytest.raises(HistoryUnknown, match="its history has the responsible by name only"):
            who_could("view_lead", lead_of(cast), at)


class TestNothingIsLeftBehind:
    """The past is asked in tables that shadow the real ones, and go with their transaction."""

    def test_kept_mandates_are_neither_asked_nor_made(self, cast: Cast) -> None:
        lead = LeadFactory(branch=cast.branch)
        at = clock()
        cast.let(cast.member, "view_lead")
        forget_kept()
        assert may(cast.member, "view_lead", lead)
        kept = mandate_for(cast.member, cast.account.pk)
        with as_of(lead_of(cast), at) as past:
            assert names(past.who_may("view_lead")) == ["Ann Archer"]
            assert not past.explain(cast.member, "view_lead").allowed
            assert not past.explain(cast.owner, "delete_lead").fixes
        assert mandate_for(cast.member, cast.account.pk) is kept
        assert may(cast.member, "view_lead", lead)

    def test_the_real_tables_are_back_also_after_an_error(self, cast: Cast) -> None:
        LeadFactory(branch=cast.branch)
        at = clock()
        stated(lambda: Membership.objects.filter(user=cast.member).delete())

        def fail() -> None:
            with as_of(lead_of(cast), at):
                assert Membership.objects.filter(user=cast.member).exists()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert not Membership.objects.filter(user=cast.member).exists()
        with as_of(lead_of(cast), at):
            assert not Account.objects.exclude(pk=cast.account.pk).exists()
        assert Account.objects.count() == 2
        assert sql("SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema()") == []

    def test_plans_that_were_made_before_see_the_past_and_then_the_present(self, cast: Cast) -> None:
        LeadFactory(branch=cast.branch)
        at = clock()
        stated(lambda: Membership.objects.filter(user=cast.member).delete())
        sql("PREPARE members AS SELECT count(*) FROM teams_membership WHERE account_id = $1")
        # A function's plans are kept like those of prepared statements.
        sql(
            "CREATE FUNCTION pg_temp.members(account bigint) RETURNS bigint LANGUAGE plpgsql AS"
            " $$ BEGIN RETURN (SELECT count(*) FROM teams_membership WHERE account_id = account); END $$"
        )

        def counted() -> list[tuple[int, ...]]:
            key = cast.account.pk
            return [*sql(f"EXECUTE members({key})"), *sql(f"SELECT pg_temp.members({key})")]

        for _ in range(7):
            assert counted() == [(1,), (1,)]
        with as_of(lead_of(cast), at):
            for _ in range(7):
                assert counted() == [(2,), (2,)]
        assert counted() == [(1,), (1,)]


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_and_on_a_pooled_connection_nothing_stays() -> None:
    cast = make_cast("atlas")
    LeadFactory(branch=cast.branch, responsible=cast.member)
    at = clock()
    Membership.objects.filter(user=cast.member).delete()
    for _ in range(8):
        assert names(who_could("view_lead", lead_of(cast), at)) == ["Ann Archer", "Ben Baker"]
        assert names(who_could("view_lead", lead_of(cast), clock())) == ["Ann Archer"]
    assert not connection.in_atomic_block
    assert not Membership.objects.filter(user=cast.member).exists()
    assert sql("SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema()") == []


@pytest.mark.django_db(transaction=True)
def test_with_statements_that_the_server_prepares() -> None:
    settings = connection.settings_dict["OPTIONS"]
    connection.close()
    connection.settings_dict["OPTIONS"] = settings | {"server_side_binding": True, "prepare_threshold": 2}
    try:
        cast = make_cast("atlas")
        LeadFactory(branch=cast.branch, responsible=cast.member)
        at = clock()
        Membership.objects.filter(user=cast.member).delete()
        for _ in range(3):
            with transaction.atomic():
                for _ in range(4):
                    lead = find_targets([lead_of(cast)])[lead_of(cast)]
                    assert names(who_may("view_lead", lead)) == ["Ann Archer"]
                assert sql("SELECT count(*) > 5 FROM pg_prepared_statements") == [(True,)]
                assert names(who_could("view_lead", lead_of(cast), at)) == ["Ann Archer", "Ben Baker"]
    finally:
        connection.close()
        connection.settings_dict["OPTIONS"] = settings


def test_companies_too(cast: Cast) -> None:
    """A share of a team, as the record's branch had it."""
    company, team = CompanyFactory(branch=cast.branch), cast.team(cast.member)
    at = stated(lambda: share(company, team))
    stated(lambda: company.team_shares.all().delete())
    name = TargetName("company", "acme", "C-1")
    assert names(who_could("view_company", name, at)) == ["Ann Archer", "Ben Baker"]
    assert names(who_could("view_company", name, clock())) == ["Ann Archer"]
