"""A disabled button names people who can really grant what is missing."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.access import facts
from apps.access.context import AccessContext
from apps.access.mandate_cache import bind_account
from apps.access.models import Override
from apps.access.policy import People
from apps.access.reasons import grantors, tooltip
from apps.accounts.models import User
from apps.roles.scopes import Scope
from tests.admin.people import all_but, everything, staff
from tests.factories import BranchFactory, Cast, MembershipFactory, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast("amocrm")


def desk_of(user: User, cast: Cast) -> AccessContext:
    bind_account(user, cast.account)
    return AccessContext(user)


def names(access: AccessContext, codename: str) -> list[str]:
    return [user.name for user in grantors(access, codename)]


def test_whoever_may_give_rights_and_has_it_themselves_is_named(cast: Cast) -> None:
    asker = staff(cast.branch, ["view_lead"], name="Asker")
    staff(cast.branch, everything(), name="Able")
    staff(cast.branch, all_but("export_lead"), name="Without it")
    staff(cast.branch, ["export_lead"], name="Without the right")
    access = desk_of(asker, cast)
    assert "Able" in names(access, "export_lead")
    assert not {"Without it", "Without the right"} & set(names(access, "export_lead"))
    assert "Ask Able" in tooltip(access, "export_lead")


def test_on_every_branch_in_sight_and_not_on_the_first_alone(cast: Cast) -> None:
    second = BranchFactory(account=cast.account, name="Zenith")
    asker = staff(cast.branch, ["view_lead"], name="Asker")
    MembershipFactory(branch=second, user=asker, role=asker.memberships.get().role)
    staff(second, everything(), name="Only there")
    access = desk_of(asker, cast)
    assert "Only there" in names(access, "export_lead")
    assert "Only there" not in [user.name for user in grantors(access, "export_lead", cast.branch)]
    assert "Only there" in [user.name for user in grantors(access, "export_lead", second)]


def test_of_what_a_role_can_never_have_those_are_named_who_change_roles(cast: Cast) -> None:
    role_user = staff(cast.branch, ["view_lead"], name="Asker")
    role = role_user.memberships.get().role
    role.grants.create(permission="export_lead", scope=Scope.NONE, grantable=False)
    staff(cast.branch, all_but("change_roles", "grant_parent_roles"), name="Overrides")
    staff(cast.branch, all_but("manage_member_permissions"), name="Roles")
    found = names(desk_of(role_user, cast), "export_lead")
    assert "Roles" in found
    assert "Overrides" not in found


def test_nobody_is_told_to_ask_themselves(cast: Cast) -> None:
    asker = staff(cast.branch, all_but("export_lead"), name="Asker")
    Override.objects.create(
        account=cast.account, branch=cast.branch, user=asker, permission="add_lead", scope=Scope.ALL, reason="Needed"
    )
    assert "Asker" not in names(desk_of(asker, cast), "export_lead")


def test_many_buttons_cost_no_more_queries_than_one(cast: Cast) -> None:
    asker = staff(cast.branch, ["view_lead"], name="Asker")
    access = desk_of(asker, cast)
    tooltip(access, "export_lead")
    with CaptureQueriesContext(connection) as queries:
        for codename in ("delete_lead", "view_audit_log", "invite_members", "add_branch"):
            tooltip(access, codename)
    assert len(queries) == 0


def test_among_very_many_the_foremost_are_asked_first_and_the_others_where_those_cannot(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "FOREMOST", 3)
    able = [staff(cast.branch, everything(), name=f"Able {number}") for number in range(6)]
    account = facts.account_facts(cast.account.pk)
    first, others = People(account, [cast.branch.pk]).stages()
    (everybody,) = People(account).stages()
    assert cast.owner.pk in first.users
    assert len(first.users) < len(everybody.users)
    assert sorted([*first.users, *others.users]) == sorted(everybody.users)
    last = max(able, key=lambda user: user.pk)
    assert last.pk not in first.users
    found = People(account, [cast.branch.pk]).who_may(
        "manage_member_permissions", cast.branch, lambda mandate: mandate.user_id == last.pk
    )
    assert found == [last]
