"""Django's faces of the policy."""

import asyncio

import pytest
from django.contrib.auth import get_backends
from django.contrib.auth.models import AnonymousUser

from apps.access.backends import MandateBackend
from apps.access.mandate_cache import bind_account
from apps.access.policy import may, may_anywhere, who_may
from apps.roles.catalogue import UnknownPermission, WrongTarget
from tests.factories import ContactFactory, LeadFactory, OperatorFactory, UserFactory, make_cast, share

pytestmark = pytest.mark.django_db


def test_only_the_mandate_backend_grants() -> None:
    cast = make_cast()
    granting = [backend for backend in get_backends() if backend.get_all_permissions(cast.owner, cast.branch)]
    assert [type(backend) for backend in granting] == [MandateBackend]


def test_has_perm_with_an_object_is_may() -> None:
    cast = make_cast()
    mine, other = LeadFactory(branch=cast.branch, responsible=cast.member), LeadFactory(branch=cast.branch)
    assert cast.member.has_perm("crm.change_lead", mine)
    assert not cast.member.has_perm("crm.change_lead", other)
    assert cast.member.has_perms(["crm.view_lead", "crm.change_lead"], mine)


def test_has_perm_without_an_object_asks_whether_anywhere_in_the_current_account() -> None:
    cast = make_cast()
    assert not cast.member.has_perm("crm.view_lead")
    bind_account(cast.member, cast.account)
    assert cast.member.has_perm("crm.view_lead")
    assert not cast.member.has_perm("crm.delete_lead")
    assert cast.member.has_module_perms("crm")
    assert not cast.member.has_module_perms("billing")


def test_unknown_codenames_and_wrong_targets_are_not_granted_to_anybody() -> None:
    cast = make_cast()
    operator = OperatorFactory()
    bind_account(operator, cast.account)
    lead = LeadFactory(branch=cast.branch)
    for name in ("crm.view_nothing", "other.view_lead", "view_leads", ""):
        assert not operator.has_perm(name)
        assert not operator.has_perm(name, lead)
    assert not operator.has_perm("crm.view_lead", cast.branch)
    assert not operator.has_perm("crm.view_contact", lead)
    assert not operator.has_perm("accounts.view_branch", UserFactory())


def test_may_raises_where_has_perm_says_no() -> None:
    cast = make_cast()
    with pytest.raises(UnknownPermission, match="There is no permission"):
        may(cast.owner, "view_nothing", cast.branch)
    with pytest.raises(WrongTarget, match="view_lead is asked of a lead, not of a branch"):
        may(cast.owner, "view_lead", cast.branch)
    with pytest.raises(WrongTarget, match="applies to an account, a branch or a record"):
        may(cast.owner, "view_lead", cast.owner)
    with pytest.raises(UnknownPermission):
        may_anywhere(cast.owner, "view_nothing", cast.account)


def test_an_anonymous_user_has_nothing() -> None:
    cast = make_cast()
    assert not MandateBackend().has_perm(AnonymousUser(), "crm.view_lead", LeadFactory(branch=cast.branch))
    assert not MandateBackend().has_module_perms(AnonymousUser(), "crm")


def test_a_superuser_has_no_short_cut_around_private_contacts() -> None:
    cast = make_cast()
    operator = OperatorFactory()
    private = ContactFactory(branch=cast.branch, responsible=cast.member, private=True)
    assert operator.has_perm("crm.view_contact", ContactFactory(branch=cast.branch))
    assert not operator.has_perm("crm.view_contact", private)
    assert cast.member.has_perm("crm.view_contact", private)


def test_get_all_permissions_is_what_has_perm_says_yes_to() -> None:
    cast = make_cast()
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    granted = cast.member.get_all_permissions(lead)
    assert {"crm.view_lead", "crm.change_lead"} <= granted
    assert "crm.delete_lead" not in granted
    assert all(cast.member.has_perm(name, lead) for name in granted)


def test_with_perm_lists_who_may() -> None:
    cast = make_cast()
    lead = LeadFactory(branch=cast.branch)
    share(lead, cast.member, "view")
    found = set(MandateBackend().with_perm("crm.view_lead", obj=lead, include_superusers=False))
    assert found == set(who_may("view_lead", lead)) == {cast.owner, cast.member}


@pytest.mark.django_db(transaction=True)
def test_the_async_twins_answer_the_same() -> None:
    cast = make_cast()
    bind_account(cast.member, cast.account)
    mine = LeadFactory(branch=cast.branch, responsible=cast.member)
    backend = MandateBackend()
    for name in ("crm.view_lead", "crm.delete_lead"):
        assert asyncio.run(backend.ahas_perm(cast.member, name, mine)) is backend.has_perm(cast.member, name, mine)
        assert asyncio.run(cast.member.ahas_perm(name, mine)) is cast.member.has_perm(name, mine)
    assert asyncio.run(cast.member.ahas_module_perms("crm"))
    assert asyncio.run(cast.member.aget_all_permissions(mine)) == cast.member.get_all_permissions(mine)
    assert asyncio.run(backend.aget_user_permissions(cast.member, mine)) == cast.member.get_all_permissions(mine)
    assert asyncio.run(backend.aget_group_permissions(cast.member, mine)) == set()
