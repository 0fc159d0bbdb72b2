"""The factories make what they say."""

import pytest

from apps.access import policy
from apps.roles.schemes import scheme_keys
from apps.roles.scopes import Scope
from tests.factories import FACTORIES, ActivityFactory, ContactFactory, TaskFactory, make_cast, share

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("scheme", scheme_keys())
def test_the_cast_has_an_owner_who_may_a_member_and_an_outsider_who_may_not(scheme: str) -> None:
    cast = make_cast(scheme)
    lead = FACTORIES["lead"](branch=cast.branch)
    assert policy.may(cast.owner, "view_lead", lead)
    assert not policy.may(cast.outsider, "view_lead", lead)


@pytest.mark.parametrize("record_type", FACTORIES)
def test_each_factory_makes_a_record_of_its_type_inside_one_account(record_type: str) -> None:
    record = FACTORIES[record_type]()
    record.refresh_from_db()
    assert record.record_type == record_type
    assert record.account == record.branch.account


def test_a_task_and_a_note_are_on_the_branch_of_what_they_are_about() -> None:
    contact = ContactFactory()
    task = TaskFactory(about=contact)
    note = ActivityFactory(about=task)
    assert (task.about, note.about) == (contact, task)
    assert contact.branch == task.branch == note.branch


def test_a_share_and_an_override_count() -> None:
    cast = make_cast("atlas")
    contact = ContactFactory(branch=cast.branch)
    cast.let(cast.member, "view_contact", Scope.SHARED)
    assert not policy.may(cast.member, "view_contact", contact)
    share(contact, cast.team(cast.member))
    assert policy.may(cast.member, "view_contact", contact)
