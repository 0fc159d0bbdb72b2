"""Private contacts: whatever the scopes say, out of reach of everyone but their responsible."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from apps.access import policy
from apps.access.errors import MissingPermission
from apps.access.querysets import visible_to
from apps.crm.errors import CrmError, NoSuchLink, NoSuchRecord, PrivacyRefused
from apps.crm.models import Activity, Contact, Task
from apps.crm.services import (
    assign_record,
    complete_task,
    create_record,
    delete_record,
    reopen_task,
    set_private,
    update_record,
)
from apps.roles.scopes import Scope
from tests.factories import (
    ActivityFactory,
    Cast,
    ContactFactory,
    OperatorFactory,
    TaskFactory,
    make_cast,
    share,
)
from tests.waiting import until_somebody_waits

REASONS = "You can’t make this contact private while others have a share of it or an open task about it."


@pytest.fixture
def keeper(cast: Cast) -> Cast:
    """The cast with a member who may keep private contacts."""
    cast.let(cast.member, "own_private_contacts")
    return cast


def mine(cast: Cast, **fields: Any) -> Contact:
    """A contact that the member is responsible for."""
    contact: Contact = ContactFactory(branch=cast.branch, responsible=cast.member, **fields)
    return contact


def refusal(contact: Contact, actor: Any) -> str:
    """What the actor is told who cannot make the contact private."""
    with pytest.raises(CrmError) as caught:
        set_private(contact, actor=actor, private=True)
    assert not Contact.objects.get(pk=contact.pk).private
    return str(caught.value)


# --- Becoming private ---


def test_the_responsible_makes_a_contact_private_and_then_nobody_else_sees_it(keeper: Cast) -> None:
    contact = set_private(mine(keeper), actor=keeper.member, private=True)
    assert policy.may(keeper.member, "view_contact", contact)
    operator = OperatorFactory()
    for somebody in (keeper.owner, keeper.outsider, operator):
        assert not policy.may(somebody, "view_contact", contact)
        assert not visible_to(somebody, "view_contact", account=keeper.account).exists()


def test_it_needs_the_permission_to_keep_private_contacts(cast: Cast) -> None:
    with pytest.raises(MissingPermission) as caught:
        set_private(mine(cast), actor=cast.member, private=True)
    assert (caught.value.codename, caught.value.target) == ("own_private_contacts", cast.branch)


def test_it_needs_the_right_to_edit_the_contact(keeper: Cast) -> None:
    keeper.let(keeper.member, "change_contact", Scope.NONE)
    with pytest.raises(MissingPermission) as caught:
        set_private(mine(keeper), actor=keeper.member, private=True)
    assert caught.value.codename == "change_contact"


def test_nobody_makes_somebody_else_s_contact_private(keeper: Cast) -> None:
    assert "Only the owner" in refusal(mine(keeper), keeper.owner)
    assert "needs an owner" in refusal(ContactFactory(branch=keeper.branch), keeper.owner)


def test_nobody_takes_a_contact_and_makes_it_private_at_once(keeper: Cast) -> None:
    contact = mine(keeper)
    changes = {"responsible": keeper.owner, "private": True}
    with pytest.raises(PrivacyRefused):
        update_record(contact, actor=keeper.owner, changes=changes)


@pytest.mark.parametrize("in_the_way", ["user share", "team share", "task", "task without a responsible"])
def test_whatever_part_others_have_in_it_the_refusal_is_the_same_sentence(keeper: Cast, in_the_way: str) -> None:
    contact = mine(keeper)
    if in_the_way == "user share":
        share(contact, keeper.join())
    elif in_the_way == "team share":
        share(contact, keeper.team(keeper.join()))
    else:
        who = {"responsible" if in_the_way == "task" else "created_by": keeper.join()}
        TaskFactory(about=contact, **who)
    assert refusal(contact, keeper.member) == REASONS


def test_done_tasks_of_others_and_open_ones_of_one_s_own_are_not_in_the_way(keeper: Cast) -> None:
    contact = mine(keeper)
    TaskFactory(about=contact, responsible=keeper.owner, done=True)
    TaskFactory(about=contact, responsible=keeper.member, created_by=keeper.owner)
    TaskFactory(about=contact)
    TaskFactory(about=mine(keeper), responsible=keeper.owner)
    assert set_private(contact, actor=keeper.member, private=True).private


def test_a_contact_is_private_from_the_first_moment(keeper: Cast) -> None:
    contact = Contact(branch=keeper.branch, name="Peter", private=True, responsible=keeper.member)
    assert create_record(contact, actor=keeper.member).private


def test_no_contact_is_created_private_to_somebody_else_or_to_nobody(keeper: Cast) -> None:
    for responsible in (keeper.member, None):
        contact = Contact(branch=keeper.branch, name="Peter", private=True, responsible=responsible)
        with pytest.raises(PrivacyRefused):
            create_record(contact, actor=keeper.owner)


# --- Being private ---


@pytest.fixture
def secret(keeper: Cast) -> Contact:
    """A private contact of the member's."""
    return mine(keeper, private=True, name="Peter")


def test_nobody_else_writes_what_they_cannot_see(keeper: Cast, secret: Contact) -> None:
    with pytest.raises(NoSuchRecord):
        update_record(secret, actor=keeper.owner, changes={"private": False})
    with pytest.raises(NoSuchRecord):
        assign_record(secret, actor=keeper.owner, responsible=keeper.owner)
    with pytest.raises(NoSuchRecord):
        delete_record(secret, actor=keeper.owner)


def test_its_responsible_lets_others_see_it_again(keeper: Cast, secret: Contact) -> None:
    set_private(secret, actor=keeper.member, private=False)
    assert policy.may(keeper.owner, "view_contact", Contact.objects.get())


def test_it_always_has_a_responsible(keeper: Cast, secret: Contact) -> None:
    keeper.let(keeper.member, "assign_record")
    with pytest.raises(PrivacyRefused, match="needs an owner"):
        assign_record(secret, actor=keeper.member, responsible=None)


def test_a_task_about_it_cannot_be_somebody_else_s(keeper: Cast, secret: Contact) -> None:
    keeper.let(keeper.member, "assign_record")
    task = Task(name="Call", about_contact=secret, responsible=keeper.owner)
    with pytest.raises(PrivacyRefused):
        create_record(task, actor=keeper.member)
    own = create_record(Task(name="Call", about_contact=secret, responsible=keeper.member), actor=keeper.member)
    with pytest.raises(PrivacyRefused):
        assign_record(own, actor=keeper.member, responsible=keeper.owner)
    elsewhere = TaskFactory(branch=keeper.branch, responsible=keeper.owner)
    keeper.let(keeper.member, "view_task")
    keeper.let(keeper.member, "change_task")
    with pytest.raises(PrivacyRefused):
        update_record(elsewhere, actor=keeper.member, changes={"about_contact": secret})


def test_what_is_about_it_is_as_private_as_it_is(keeper: Cast, secret: Contact) -> None:
    task = TaskFactory(about=secret, responsible=keeper.member)
    note = ActivityFactory(about=task, created_by=keeper.member)
    for record in (task, note):
        with pytest.raises(NoSuchRecord):
            delete_record(record, actor=keeper.owner)
    with pytest.raises(NoSuchLink):
        create_record(Activity(name="Hm", about_task=task), actor=keeper.owner)


def test_a_hand_over_takes_its_open_tasks_along_and_leaves_those_done(keeper: Cast, secret: Contact) -> None:
    keeper.let(keeper.member, "assign_record")
    todo = TaskFactory(about=secret, responsible=keeper.member)
    done = TaskFactory(about=secret, responsible=keeper.member, done=True)
    assign_record(secret, actor=keeper.member, responsible=keeper.owner)
    assert Task.objects.get(pk=todo.pk).responsible == keeper.owner
    assert Task.objects.get(pk=done.pk).responsible == keeper.member
    assert not policy.may(keeper.member, "view_contact", Contact.objects.get())
    assert policy.may(keeper.owner, "view_contact", Contact.objects.get())


def test_a_done_task_of_somebody_else_is_not_reopened_behind_their_back(keeper: Cast) -> None:
    contact = mine(keeper)
    task = TaskFactory(about=contact, responsible=keeper.join(), done=True)
    set_private(contact, actor=keeper.member, private=True)
    keeper.let(keeper.member, "view_task")
    keeper.let(keeper.member, "change_task")
    with pytest.raises(PrivacyRefused):
        reopen_task(task, actor=keeper.member)


# --- Both at once ---


@pytest.mark.django_db(transaction=True)
def test_a_contact_does_not_become_private_while_somebody_gets_a_task_about_it() -> None:
    cast = make_cast("atlas")
    cast.let(cast.member, "own_private_contacts")
    contact = mine(cast)

    def add_a_task() -> str:
        try:
            create_record(Task(name="Call", about_contact=contact, responsible=cast.owner), actor=cast.owner)
        except NoSuchLink:
            return "refused"
        finally:
            connection.close()
        return "added"

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            set_private(contact, actor=cast.member, private=True)
            waiting = pool.submit(add_a_task)
            until_somebody_waits()
        assert waiting.result(timeout=60) == "refused"


@pytest.mark.django_db(transaction=True)
def test_a_contact_does_not_become_private_while_a_task_about_it_is_handed_over() -> None:
    cast = make_cast("atlas")
    cast.let(cast.member, "own_private_contacts")
    contact = mine(cast)
    task = TaskFactory(about=contact, responsible=cast.member)

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
            assign_record(task, actor=cast.owner, responsible=cast.owner)
            waiting = pool.submit(hide)
            until_somebody_waits()
        assert waiting.result(timeout=60) == "refused"


def test_completing_one_s_own_task_about_it_works(keeper: Cast, secret: Contact) -> None:
    assert complete_task(TaskFactory(about=secret, responsible=keeper.member), actor=keeper.member).done
