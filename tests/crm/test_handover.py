"""Handing over a user's records, and moving a branch's records: as if one by one, without revealing private records."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from apps.access import handover
from apps.access.handover import Delete, HandOver, HandOverPlan, NotARecipient, NotAssignable, Portfolio
from apps.accounts.models import Account, Branch, User
from apps.audit.services import CONSOLE
from apps.crm.errors import NoSuchRecord, PrivacyRefused
from apps.crm.models import Activity, Change, Contact, Lead, LeadTeamShare, LeadUserShare, Opportunity, Task
from apps.crm.services import assign_record, delete_record, history_of, set_private, update_record
from apps.crm.services import handover as crm_handover
from apps.crm.services.handover import CrmRecordKeeper
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.factories import (
    FACTORIES,
    ActivityFactory,
    Cast,
    ContactFactory,
    LeadFactory,
    OpportunityFactory,
    TaskFactory,
    UserFactory,
    make_cast,
    share,
)
from tests.waiting import until_somebody_waits

TYPES = tuple(FACTORIES)


@pytest.fixture
def heir(cast: Cast) -> User:
    """A colleague of the cast's member on the same branch."""
    return cast.join()


def portfolio(cast: Cast, branch: Branch | None = None, seen_by: User | None = None) -> Portfolio:
    return Portfolio(cast.account, cast.member, branch, seen_by)


def everything(to: User | None, private: HandOver | Delete | None = None) -> HandOverPlan:
    return HandOverPlan(dict.fromkeys(TYPES, None if to is None else to.pk), private)


def hand_over(cast: Cast, plan: HandOverPlan, branch: Branch | None = None) -> handover.Counts:
    return handover.hand_over(portfolio(cast, branch), plan, actor=cast.owner)


def nothing_is_written() -> bool:
    return not Change.objects.exists()


# --- Handing over ---


@pytest.mark.parametrize("record_type", TYPES)
def test_a_colleague_answers_for_it_and_the_history_tells_it(cast: Cast, heir: User, record_type: str) -> None:
    record = FACTORIES[record_type](branch=cast.branch, responsible=cast.member)
    before = record.updated_at
    assert hand_over(cast, everything(heir)) == {record_type: {cast.branch.pk: 1}}
    record.refresh_from_db()
    assert record.responsible == heir
    assert record.updated_at > before
    (entry,) = history_of(record, reader=cast.owner)
    assert (entry.actor_name, entry.action) == ("Ann Archer", "Changed")
    assert [(line.label, line.before, line.after) for line in entry.lines] == [("Owner", str(cast.member), str(heir))]


def test_what_others_answer_for_stays_and_so_does_another_account(cast: Cast, heir: User) -> None:
    kept = [
        LeadFactory(branch=cast.branch, responsible=cast.owner, created_by=cast.member),
        LeadFactory(branch=cast.branch),
        LeadFactory(branch=cast.elsewhere, responsible=cast.member),
    ]
    assert hand_over(cast, everything(heir)) == {}
    assert [Lead.objects.get(pk=lead.pk).responsible_id for lead in kept] == [cast.owner.pk, None, cast.member.pk]
    assert nothing_is_written()


def test_done_tasks_keep_their_responsible(cast: Cast, heir: User) -> None:
    done = TaskFactory(branch=cast.branch, responsible=cast.member, done=True)
    todo = TaskFactory(branch=cast.branch, responsible=cast.member)
    assert handover.count(portfolio(cast)) == hand_over(cast, everything(heir)) == {"task": {cast.branch.pk: 1}}
    assert Task.objects.get(pk=done.pk).responsible == cast.member
    assert Task.objects.get(pk=todo.pk).responsible == heir


def test_each_type_goes_its_own_way(cast: Cast, heir: User) -> None:
    made = {name: FACTORIES[name](branch=cast.branch, responsible=cast.member) for name in ("lead", "task", "company")}
    hand_over(cast, HandOverPlan({"lead": heir.pk, "task": None}, None))
    for record in made.values():
        record.refresh_from_db()
    assert [made[name].responsible for name in ("lead", "task", "company")] == [heir, None, cast.member]
    assert Change.objects.get(record_type="task").fields == {
        "responsible": [{"id": cast.member.pk, "name": str(cast.member)}, None]
    }


def test_one_branch_at_a_time(cast: Cast, heir: User) -> None:
    south = cast.branch_beside()
    here, there = (LeadFactory(branch=branch, responsible=cast.member) for branch in (cast.branch, south))
    hand_over(cast, everything(heir), cast.branch)
    assert Lead.objects.get(pk=here.pk).responsible == heir
    assert Lead.objects.get(pk=there.pk).responsible == cast.member


def test_the_count_tells_types_and_branches(cast: Cast) -> None:
    south = cast.branch_beside()
    for branch in (cast.branch, cast.branch, south):
        LeadFactory(branch=branch, responsible=cast.member)
    ActivityFactory(branch=south, responsible=cast.member)
    assert handover.count(portfolio(cast)) == {"lead": {cast.branch.pk: 2, south.pk: 1}, "activity": {south.pk: 1}}
    assert handover.count(portfolio(cast, south)) == {"lead": {south.pk: 1}, "activity": {south.pk: 1}}


def test_the_operator_at_the_console_is_named_as_such(cast: Cast, heir: User) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    handover.hand_over(portfolio(cast), everything(heir), actor=None)
    change = Change.objects.get(record_id=lead.pk)
    assert (change.actor, change.actor_name) == (None, CONSOLE)


def test_people_without_a_name_are_remembered_by_their_address(cast: Cast) -> None:
    User.objects.filter(pk=cast.member.pk).update(name="")
    heir = cast.join(user=UserFactory(name="", email="new@acme.example"))
    LeadFactory(branch=cast.branch, responsible=cast.member)
    hand_over(cast, everything(heir))
    before, after = Change.objects.get().fields["responsible"]
    assert (before["name"], after["name"]) == ("ben@acme.example", "new@acme.example")


def test_an_empty_portfolio_and_a_second_time_change_nothing(cast: Cast, heir: User) -> None:
    LeadFactory(branch=cast.branch, responsible=cast.member)
    assert hand_over(cast, everything(heir))
    written = Change.objects.count()
    assert hand_over(cast, everything(heir)) == handover.count(portfolio(cast)) == {}
    assert Change.objects.count() == written


def test_a_type_of_which_there_are_no_records_is_a_mistake(cast: Cast, heir: User) -> None:
    with pytest.raises(ValueError, match="project"):
        hand_over(cast, HandOverPlan({"project": heir.pk}, None))


# --- Who can receive ---


def removed(cast: Cast) -> User:
    heir = cast.join()
    cast.remove(heir)
    return heir


RECEIVERS: dict[str, Callable[[Cast], User]] = {
    "removed": removed,
    "inactive": lambda cast: cast.join(user=UserFactory(is_active=False)),
    "of another account": lambda cast: cast.outsider,
    "nowhere a member": lambda cast: UserFactory(),
    "the user": lambda cast: cast.member,
    "on another branch": lambda cast: cast.join(branch=cast.branch_beside()),
}


@pytest.mark.parametrize("who", RECEIVERS)
@pytest.mark.parametrize("private", [False, True])
def test_only_an_active_member_of_the_branch_receives(cast: Cast, who: str, private: bool) -> None:
    receiver = RECEIVERS[who](cast)
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    plan = HandOverPlan({"company": None}, HandOver(receiver.pk)) if private else everything(receiver)
    for attempt in (hand_over, lambda cast, plan: handover.check(portfolio(cast), plan)):
        with pytest.raises(NotARecipient, match="Choose an active member of North: only they"):
            attempt(cast, plan)
    assert Lead.objects.get(pk=lead.pk).responsible == cast.member
    assert nothing_is_written()


def test_a_user_who_does_not_exist_and_an_outsider_are_refused_with_nothing_to_hand_over(cast: Cast) -> None:
    cast.remove(cast.member)
    for user_id in (cast.outsider.pk, 10**9):
        with pytest.raises(NotARecipient, match="an active member of Acme:"):
            hand_over(cast, HandOverPlan({"lead": user_id}, None))


def test_every_branch_is_named_on_which_the_receiver_is_no_member(cast: Cast, heir: User) -> None:
    places = [cast.branch, cast.branch_beside("South"), cast.branch_beside("West")]
    for place in places:
        TaskFactory(branch=place, responsible=cast.member)
    with pytest.raises(NotARecipient, match="an active member of South and West:"):
        hand_over(cast, everything(heir))
    hand_over(cast, everything(None))
    assert not Task.objects.exclude(responsible=None).exists()


def test_nobody_is_a_member_of_a_closed_branch(cast: Cast, heir: User) -> None:
    LeadFactory(branch=cast.branch, responsible=cast.member)
    Branch.objects.filter(pk=cast.branch.pk).update(status=Branch.Status.CLOSED)
    with pytest.raises(NotARecipient, match="North"):
        hand_over(cast, everything(heir))


def test_what_a_receiver_does_not_get_asks_nothing_of_them(cast: Cast, heir: User) -> None:
    there = cast.join(branch=cast.branch_beside())
    LeadFactory(branch=cast.branch, responsible=cast.member)
    hand_over(cast, HandOverPlan({"lead": heir.pk, "company": there.pk}, None))
    assert Lead.objects.get().responsible == heir


# --- Private contacts ---


def secret_world(cast: Cast) -> Contact:
    """A private contact of the member's with tasks and notes: their own, others', and nobody's."""
    secret: Contact = ContactFactory(branch=cast.branch, private=True, responsible=cast.member)
    TaskFactory(about=secret, name="own", responsible=cast.member)
    TaskFactory(about=secret, name="other's", responsible=cast.owner)
    TaskFactory(about=secret, name="nobody's")
    done = TaskFactory(about=secret, name="done", responsible=cast.member, done=True)
    ActivityFactory(about=secret, name="note", responsible=cast.member)
    ActivityFactory(about=done, name="note on a task", responsible=cast.member)
    LeadFactory(branch=cast.branch, contact=secret, responsible=cast.owner)
    OpportunityFactory(branch=cast.branch, contact=secret, responsible=cast.owner)
    return secret


def responsibles() -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for model in (Task, Activity):
        found |= dict(model._default_manager.values_list("name", "responsible"))
    return found


def test_a_private_contact_goes_to_a_colleague_with_its_open_tasks(cast: Cast, heir: User) -> None:
    secret, other = secret_world(cast), cast.join()
    hand_over(cast, everything(other, HandOver(heir.pk)))
    secret.refresh_from_db()
    assert (secret.private, secret.responsible) == (True, heir)
    assert responsibles() == {
        "own": heir.pk,
        "other's": heir.pk,
        "nobody's": None,
        "done": cast.member.pk,
        "note": heir.pk,
        "note on a task": heir.pk,
    }
    assert Lead.objects.get().contact == Opportunity.objects.get().contact == secret


def test_a_private_contact_is_deleted_and_the_tasks_about_it_go_with_the_others(cast: Cast, heir: User) -> None:
    secret = secret_world(cast)
    hand_over(cast, everything(heir, Delete()))
    assert not Contact.objects.exists()
    assert responsibles() == {
        "own": heir.pk,
        "other's": cast.owner.pk,
        "nobody's": None,
        "done": cast.member.pk,
        "note on a task": heir.pk,
    }
    assert {task.about for task in Task.objects.all()} == {None}
    assert Lead.objects.get().contact is Opportunity.objects.get().contact is None
    change = Change.objects.get(record_type="contact")
    assert (change.record_id, change.action) == (secret.pk, "deleted")
    assert change.fields["private"] == [True, None]


def test_without_a_word_private_contacts_stay_as_they_are(cast: Cast, heir: User) -> None:
    secret_world(cast)
    before = responsibles()
    assert hand_over(cast, everything(heir)) == {}
    assert Contact.objects.get().responsible == cast.member
    assert responsibles() == before
    assert nothing_is_written()


@pytest.mark.parametrize("delete", [True, False])
def test_nothing_that_is_told_depends_on_private_contacts(cast: Cast, heir: User, delete: bool) -> None:
    plan = everything(heir, Delete() if delete else HandOver(heir.pk))
    told = []
    for prepare in (lambda: None, lambda: secret_world(cast)):
        LeadFactory(branch=cast.branch, responsible=cast.member)
        prepare()
        steps: list[int] = []
        told.append(
            (
                handover.count(portfolio(cast)),
                handover.check(portfolio(cast), plan),
                handover.hand_over(portfolio(cast), plan, actor=cast.owner, progress=steps.append),
                steps,
            )
        )
    assert told[0] == told[1]
    assert not Contact.objects.filter(responsible=cast.member).exists()


def test_a_refusal_does_not_depend_on_private_contacts_either(cast: Cast, heir: User) -> None:
    south = cast.branch_beside()
    cast.join(branch=south, user=cast.member)
    plan = everything(heir, HandOver(heir.pk))
    told = []
    for _ in range(2):
        with pytest.raises(NotARecipient) as refused:
            hand_over(cast, plan)
        told.append(str(refused.value))
        ContactFactory(branch=south, private=True, responsible=cast.member)
    assert told == ["Choose an active member of South: only they can own records there."] * 2
    cast.join(branch=south, user=heir)
    hand_over(cast, plan)
    assert set(Contact.objects.values_list("responsible", flat=True)) == {heir.pk}


def test_where_the_colleague_cannot_be_responsible_a_private_contact_stays_unsaid(cast: Cast, heir: User) -> None:
    """The user was never a member there: a refusal would tell that there is something."""
    secret = ContactFactory(branch=cast.branch_beside(), private=True, responsible=cast.member)
    TaskFactory(about=secret, responsible=cast.member)
    assert hand_over(cast, everything(heir, HandOver(heir.pk))) == {}
    assert Contact.objects.get().responsible == Task.objects.get().responsible == cast.member
    hand_over(cast, everything(heir, Delete()))
    assert not Contact.objects.exists()
    assert Task.objects.get().responsible == cast.member


def test_what_is_about_somebody_else_s_private_contact_is_not_touched(cast: Cast, heir: User) -> None:
    secret = ContactFactory(branch=cast.branch, private=True, responsible=cast.owner)
    task = TaskFactory(about=secret, responsible=cast.member)
    ActivityFactory(about=secret, responsible=cast.member)
    ActivityFactory(about=task, responsible=cast.member)
    for private in (HandOver(heir.pk), Delete()):
        assert handover.count(portfolio(cast)) == hand_over(cast, everything(heir, private)) == {}
    assert set(responsibles().values()) == {cast.member.pk}
    assert nothing_is_written()


@pytest.mark.django_db(transaction=True)
def test_a_contact_does_not_become_private_while_a_task_about_it_is_handed_over() -> None:
    cast = make_cast("atlas")
    heir = cast.join()
    cast.let(cast.member, "own_private_contacts")
    contact = ContactFactory(branch=cast.branch, responsible=cast.member)
    TaskFactory(about=contact, responsible=cast.member)

    def hide() -> str:
        try:
            set_private(contact, actor=cast.member, private=True)
        except PrivacyRefused:
            return "refused"
        finally:
            connection.close()
        return "hidden"

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert hand_over(cast, HandOverPlan({"task": heir.pk}, None))
            waiting = pool.submit(hide)
            until_somebody_waits()
        assert waiting.result(timeout=60) == "refused"


@pytest.mark.django_db(transaction=True)
def test_a_task_is_not_handed_over_whose_contact_becomes_private_meanwhile() -> None:
    cast = make_cast("atlas")
    heir = cast.join()
    cast.let(cast.member, "own_private_contacts")
    contact = ContactFactory(branch=cast.branch, responsible=cast.member)
    TaskFactory(about=contact, responsible=cast.member)

    def give() -> handover.Counts:
        try:
            return hand_over(cast, HandOverPlan({"task": heir.pk}, None))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            set_private(contact, actor=cast.member, private=True)
            waiting = pool.submit(give)
            until_somebody_waits()
        assert waiting.result(timeout=60) == {}
    assert Task.objects.get().responsible == cast.member


# --- With somebody's rights ---


def test_what_the_actor_cannot_view_does_not_exist_for_them(cast: Cast, heir: User) -> None:
    actor = cast.join()
    cast.let(actor, "assign_record")
    cast.let(actor, "view_lead", Scope.CREATED)
    seen = LeadFactory(branch=cast.branch, responsible=cast.member, created_by=actor)
    unseen = LeadFactory(branch=cast.branch, responsible=cast.member)
    mine = portfolio(cast, seen_by=actor)
    assert handover.count(mine) == {"lead": {cast.branch.pk: 1}}
    assert handover.hand_over(mine, everything(heir), actor=actor) == {"lead": {cast.branch.pk: 1}}
    assert Lead.objects.get(pk=seen.pk).responsible == heir
    assert Lead.objects.get(pk=unseen.pk).responsible == cast.member


def test_what_the_actor_may_view_but_not_assign_is_in_the_way(cast: Cast, heir: User) -> None:
    actor = cast.join()
    cast.let(actor, "view_lead")
    cast.let(actor, "assign_record", Scope.CREATED)
    LeadFactory(branch=cast.branch, responsible=cast.member, created_by=actor)
    LeadFactory(branch=cast.branch, responsible=cast.member)
    FACTORIES["company"](branch=cast.branch, responsible=cast.member)
    ContactFactory(branch=cast.branch, responsible=cast.member, private=True)
    with pytest.raises(NotAssignable, match="You need “Change the responsible” on 1 of the") as refused:
        handover.hand_over(portfolio(cast, seen_by=actor), everything(heir, HandOver(heir.pk)), actor=actor)
    assert refused.value.missing == {"assign_record": 1}
    assert nothing_is_written()


@pytest.mark.parametrize("delete", [True, False])
def test_one_s_own_private_contacts_need_the_right_too(cast: Cast, heir: User, delete: bool) -> None:
    ContactFactory(branch=cast.branch, responsible=cast.member, private=True)
    mine = portfolio(cast, seen_by=cast.member)
    plan = HandOverPlan({}, Delete() if delete else HandOver(heir.pk))
    with pytest.raises(NotAssignable, match="“Delete contacts” on" if delete else "“Change the responsible” on"):
        handover.check(mine, plan)
    cast.let(cast.member, "delete_contact" if delete else "assign_record")
    handover.hand_over(mine, plan, actor=cast.member)
    assert not Contact.objects.filter(responsible=cast.member).exists()


def test_private_contacts_that_stay_are_not_in_their_responsible_s_way(cast: Cast, heir: User) -> None:
    secret = ContactFactory(branch=cast.branch, responsible=cast.member, private=True)
    TaskFactory(about=secret, responsible=cast.member)
    assert handover.check(portfolio(cast, seen_by=cast.member), everything(heir)) == {}


# --- As if done one by one ---


class World:
    """Records of every type at random: some private, some about each other, on two branches with two teams."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.cast = make_cast("atlas")
        self.user, self.heir, self.other = self.cast.member, self.cast.join(), self.cast.join()
        self.branches = [self.cast.branch, self.cast.branch_beside()]
        for user in (self.user, self.heir, self.other):
            self.cast.join(branch=self.branches[1], user=user)
        for branch in self.branches:
            self.cast.team(self.user, self.other, branch=branch)
            self.cast.team(self.user, self.heir, branch=branch)
            for name in ("view_lead", "view_contact", "view_company", "view_opportunity", "view_task", "view_activity"):
                self.cast.let(self.user, name, branch=branch)
            for name in ("assign_record", "delete_contact"):
                self.cast.let(self.user, name, branch=branch)

    def fill(self, *, secrets: bool = True, count: int = 40) -> World:
        made: dict[str, list[Any]] = {name: [] for name in TYPES}
        for _ in range(count):
            name = self.random.choice(TYPES)
            fields: dict[str, Any] = {"responsible": self.anybody(), "branch": self.random.choice(self.branches)}
            if name == "contact" and secrets and fields["responsible"] is not None:
                fields["private"] = self.random.random() < 0.5
            if name in ("lead", "opportunity") and made["contact"]:
                fields["contact"] = self.random.choice(made["contact"])
            if name in ("task", "activity"):
                kinds = FACTORIES[name]._meta.model.about_fields.values()
                subjects = [record for kind in kinds for record in made[kind]]
                if subjects and self.random.random() < 0.8:
                    fields |= {"about": (about := self.random.choice(subjects)), "branch": about.branch}
            if name == "task":
                fields["done"] = self.random.random() < 0.3
            made[name].append(FACTORIES[name](**fields))
        return self

    def anybody(self) -> User | None:
        return self.random.choice([self.user, self.user, self.other, None])

    def receiver(self) -> int | None:
        return self.random.choice([self.heir.pk, self.other.pk, None])

    def after(self, act: Callable[[], object]) -> tuple[object, ...]:
        """The records and their history after this was done, which then is undone."""
        with transaction.atomic():
            act()
            rows = {
                name: sorted(
                    factory._meta.model._default_manager.values_list("pk", "responsible", "branch", *links_of(name))
                )
                for name, factory in FACTORIES.items()
            }
            history = Counter(
                (*row, str(fields))
                for *row, fields in Change.objects.values_list(
                    "account", "record_type", "record_id", "reference", "actor", "actor_name", "action", "fields"
                )
            )
            transaction.set_rollback(True)
        return rows, history


def links_of(name: str) -> list[str]:
    model = FACTORIES[name]._meta.model
    return [*model.about_fields, *({"contact", "private"} & {field.name for field in model._meta.fields})]


def assign_one_by_one(world: World, plan: HandOverPlan) -> None:
    """The plan with the services for single records, as the user would do it."""
    user = world.user
    people = User.objects.in_bulk()

    def assign(record: Any, to: int | None) -> None:
        try:
            assign_record(record, actor=user, responsible=None if to is None else people[to])
        except NoSuchRecord:
            return  # about somebody else's private contact

    for contact in Contact.objects.filter(responsible=user, private=True):
        if isinstance(plan.private, Delete):
            delete_record(contact, actor=user)
        elif plan.private is not None:
            about = Q(about_contact=contact) | Q(about_task__about_contact=contact)
            for activity in Activity.objects.filter(about, responsible=user):
                assign(activity, plan.private.user_id)
            assign(contact, plan.private.user_id)
    secret = Q(about_contact__private=True)
    for name, to in plan.to.items():
        rows = FACTORIES[name]._meta.model._default_manager.filter(responsible=user)
        if name == "contact":
            rows = rows.filter(private=False)
        if name == "task":
            rows = rows.filter(done=False).exclude(secret)
        if name == "activity":
            rows = rows.exclude(secret).exclude(about_task__about_contact__private=True)
        for record in rows:
            assign(record, to)


@pytest.mark.parametrize("seed", range(12))
def test_a_hand_over_is_what_assigning_one_by_one_is(db: None, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crm_handover, "BATCH", 3)
    world = World(seed).fill()
    private = world.random.choice([HandOver(world.heir.pk), Delete(), None])
    plan = HandOverPlan({name: world.receiver() for name in TYPES}, private)
    given = Portfolio(world.cast.account, world.user)
    expected = world.after(lambda: assign_one_by_one(world, plan))
    assert world.after(lambda: handover.hand_over(given, plan, actor=world.user)) == expected
    judged = Portfolio(world.cast.account, world.user, seen_by=world.user)
    assert world.after(lambda: handover.hand_over(judged, plan, actor=world.user)) == expected


def move_one_by_one(world: World) -> None:
    for name in TYPES:
        if name != "activity":
            rows = FACTORIES[name]._meta.model._default_manager
            for record in rows.filter(branch=world.branches[0]):
                update_record(record, actor=world.cast.owner, changes={"branch": world.branches[1]})


@pytest.mark.parametrize("seed", range(8))
def test_a_move_is_what_moving_one_by_one_is(db: None, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crm_handover, "BATCH", 3)
    world = World(seed).fill(secrets=False)
    source, target = world.branches
    expected = world.after(lambda: move_one_by_one(world))
    assert world.after(lambda: handover.move(source, target, actor=world.cast.owner)) == expected


# --- Moving a branch's records ---


def test_all_records_of_a_branch_move_with_their_responsibles(cast: Cast) -> None:
    south = cast.branch_beside()
    made = {name: FACTORIES[name](branch=cast.branch, responsible=cast.member) for name in TYPES}
    elsewhere = LeadFactory(branch=cast.branch_beside("West"))
    moved = handover.move(cast.branch, south, actor=cast.owner)
    # The activity brought a lead that it is about.
    assert moved == {name: {cast.branch.pk: 2 if name == "lead" else 1} for name in TYPES}
    for record in made.values():
        record.refresh_from_db()
        assert (record.branch, record.responsible) == (south, cast.member)
    elsewhere.refresh_from_db()
    assert elsewhere.branch.name == "West"
    (entry,) = history_of(made["lead"], reader=cast.owner)
    assert [(line.label, line.before, line.after) for line in entry.lines] == [("Branch", "North", "South")]
    assert handover.move(cast.branch, south, actor=cast.owner) == {}


def test_private_contacts_move_unsaid_and_stay_private(cast: Cast) -> None:
    south = cast.branch_beside()
    secret = secret_world(cast)
    told: list[int] = []
    moved = handover.move(cast.branch, south, actor=None, progress=told.append)
    assert moved == {"lead": {cast.branch.pk: 1}, "opportunity": {cast.branch.pk: 1}}
    assert told == [1, 1]
    secret.refresh_from_db()
    assert (secret.branch, secret.private, secret.responsible) == (south, True, cast.member)
    for model in (Lead, Opportunity, Task, Activity):
        assert not model._default_manager.exclude(branch=south).exists()


def test_shares_of_users_stay_and_those_of_the_branch_s_teams_are_deleted(cast: Cast) -> None:
    south = cast.branch_beside()
    lead, other = LeadFactory(branch=cast.branch), LeadFactory(branch=south)
    share(lead, cast.owner)
    for team in (cast.team(cast.owner), cast.team(cast.member)):
        share(lead, team)
    kept = cast.team(cast.owner, branch=south)
    share(other, kept)
    handover.move(cast.branch, south, actor=cast.owner)
    assert LeadUserShare.objects.get().content_object_id == lead.pk
    assert LeadTeamShare.objects.get().group == kept.group


@pytest.mark.parametrize("target", ["itself", "another account's", "closed"])
def test_records_move_to_another_open_branch_of_the_account_only(cast: Cast, target: str) -> None:
    lead = LeadFactory(branch=cast.branch)
    closed = cast.branch_beside()
    closed.status = Branch.Status.CLOSED
    branch = {"itself": cast.branch, "another account's": cast.elsewhere, "closed": closed}[target]
    with pytest.raises(ValueError, match="another open branch"):
        handover.move(cast.branch, branch, actor=cast.owner)
    lead.refresh_from_db()
    assert lead.branch == cast.branch


# --- In bulk ---


def test_the_statements_do_not_grow_with_the_records(cast: Cast, heir: User) -> None:
    south = cast.branch_beside()
    cast.join(branch=south, user=heir)
    counted = []
    for count in (2, 30):
        for name in TYPES:
            FACTORIES[name].create_batch(count, branch=cast.branch, responsible=cast.member)
        ContactFactory.create_batch(count, branch=cast.branch, responsible=cast.member, private=True)
        with CaptureQueriesContext(connection) as captured:
            hand_over(cast, everything(heir, HandOver(heir.pk)))
            handover.move(cast.branch, south, actor=cast.owner)
        counted.append(len(captured))
    assert counted[0] == counted[1]


def test_progress_comes_batch_by_batch(cast: Cast, heir: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crm_handover, "BATCH", 2)
    LeadFactory.create_batch(5, branch=cast.branch, responsible=cast.member)
    steps: list[int] = []
    handover.hand_over(portfolio(cast), everything(heir), actor=None, progress=steps.append)
    assert steps == [2, 2, 1]
    assert Change.objects.count() == Lead.objects.filter(responsible=heir).count() == 5


def test_no_record_is_in_two_batches(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crm_handover, "BATCH", 2)
    leads = LeadFactory.create_batch(5, branch=cast.branch)
    Lead.objects.filter(pk__in=[lead.pk for lead in leads[:3]]).update(created_at=leads[0].created_at)
    read = [pk for batch in crm_handover._batches(Lead.objects.all()) for pk, _ in batch]
    assert sorted(read) == [lead.pk for lead in leads]


def test_every_record_type_of_the_app_has_its_keeper() -> None:
    assert set(CrmRecordKeeper.record_types) == set(TYPES) <= set(handover.record_types())


def test_the_people_s_memberships_are_none_of_its_business(cast: Cast, heir: User) -> None:
    before = list(Membership.objects.order_by("pk").values())
    versions = dict(Account.objects.values_list("pk", "access_version"))
    LeadFactory(branch=cast.branch, responsible=cast.member)
    hand_over(cast, everything(heir))
    assert list(Membership.objects.order_by("pk").values()) == before
    assert dict(Account.objects.values_list("pk", "access_version")) == versions
