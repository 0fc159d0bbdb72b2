"""Roles: side by side, one in full, compared, copied, edited, and deleted once its members have another one."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Account, User
from apps.audit.models import Operation
from apps.changes.undo import Undo
from apps.roles.models import Role, RoleGrant
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.admin.people import all_but, browser, staff
from tests.factories import Cast, MembershipFactory, OwnRoleFactory, make_cast, published
from tests.pages.test_permissions import part, send, text

pytestmark = pytest.mark.django_db


def manager(cast: Cast) -> User:
    """A member with every permission except reading the audit log."""
    return staff(cast.branch, all_but("view_audit_log"), is_staff=False)


def auditor(cast: Cast, **scopes: Scope) -> Role:
    """An own role, copied from the member's."""
    role = OwnRoleFactory(account=cast.account, key="auditor", name="Auditor", based_on=published("amocrm", "employee"))
    RoleGrant.objects.bulk_create(
        RoleGrant(role=role, permission=name, scope=scope)
        for name, scope in ({"view_lead": Scope.ALL} | scopes).items()
    )
    return role


def address(account: Account, rest: str = "") -> str:
    return f"/a/{account.slug}/roles/{rest}"


def sent(client: Client, page: str, **choices: str) -> dict[str, Any]:
    form = client.get(page).context["form"]
    data = {name: form[name].value() for name in form.fields} | {"reason": "Asked for"} | choices
    return {name: "" if value is None else value for name, value in data.items()}


def test_the_roles_stand_side_by_side_in_the_published_terms() -> None:
    cast = make_cast("atlas")
    page = browser(cast.owner).get(address(cast.account))
    assert [role.name for role, _ in page.context["roles"]] == [
        "Owner", "Admin", "Member", "Super Admin", "Billing Admin", "Viewer",
    ]  # fmt: skip
    assert {role.key: many for role, many in page.context["roles"]}["super_admin"] == 1
    assert [title for title, _ in page.context["table"]][4] == "Clients"
    assert "Atlas doesn’t support custom roles" in page.content.decode().replace("&#x27;", "'")


def test_own_roles_stand_there_with_those_who_hold_them() -> None:
    cast = make_cast("amocrm")
    role = auditor(cast)
    MembershipFactory(branch=cast.branch, role=role)
    MembershipFactory(branch=cast.branch, role=role, status="removed")
    page = browser(cast.owner).get(address(cast.account))
    assert {role.key: many for role, many in page.context["roles"]}["auditor"] == 1
    assert "custom, based on Employee" in text(page)


def test_the_account_whose_plan_has_no_own_roles_is_told_so() -> None:
    cast = make_cast("atmos")
    Account.objects.filter(pk=cast.account.pk).update(features=[])
    assert "plan doesn’t include custom roles" in text(browser(cast.owner).get(address(cast.account)))
    page = browser(cast.owner).get(address(cast.account, "user/"))
    assert "plan doesn’t include custom roles" in text(page)
    assert f"{address(cast.account, 'user/copy/')}" not in page.content.decode()


def test_one_role_in_full_names_its_holders() -> None:
    cast = make_cast("amocrm")
    holder = MembershipFactory(branch=cast.branch, role=auditor(cast)).user
    page = browser(cast.owner).get(address(cast.account, "auditor/"))
    assert f"/a/{cast.account.slug}/members/{holder.pk}/" in page.content.decode()


def test_two_roles_are_compared_where_they_differ() -> None:
    cast = make_cast("amocrm")
    auditor(cast, export_lead=Scope.ALL)
    client = browser(cast.owner)
    differing = client.get(address(cast.account, "auditor/?with=employee"))
    shown = {line.permission.codename for _, lines in differing.context["table"] for line in lines}
    assert "export_lead" in shown
    assert "view_lead" not in shown
    whole = client.get(address(cast.account, "auditor/?with=employee&all=on"))
    assert "view_lead" in {line.permission.codename for _, lines in whole.context["table"] for line in lines}


def test_a_published_role_is_copied() -> None:
    cast = make_cast("amocrm")
    client = browser(manager(cast))
    page = address(cast.account, "employee/copy/")
    send(client, page, sent(client, page, name="Field sales", confirmed="yes"))
    assert Role.objects.get(account_id=cast.account.pk, key="field-sales").based_on == published("amocrm", "employee")


def test_a_locked_role_is_not_copied_and_a_published_one_not_edited() -> None:
    cast = make_cast("amocrm")
    client = browser(cast.owner)
    assert "is locked, so you can’t copy it" in text(client.get(address(cast.account, "administrator/copy/")))
    assert "it is a built-in role" in text(client.get(address(cast.account, "employee/edit/")))
    assert "it is a built-in role" in text(client.get(address(cast.account, "employee/delete/")))


def test_an_own_role_is_edited_with_a_preview_of_who_is_affected() -> None:
    cast = make_cast("amocrm")
    role = auditor(cast)
    holder = MembershipFactory(branch=cast.branch, role=role).user
    client = browser(manager(cast))
    page = address(cast.account, "auditor/edit/")
    data = sent(client, page, grant_view_lead="none")
    assert "View leads" in part(client, page, data | {"reason": ""})
    shown = text(send(client, page, data))
    assert str(holder) in shown
    assert "Permitted → Prohibited" in shown
    send(client, page, data | {"confirmed": "yes"})
    assert RoleGrant.objects.get(role=role, permission="view_lead").scope == Scope.NONE


def test_what_the_page_hides_stays_as_it_is() -> None:
    cast = make_cast("amocrm")
    role = auditor(cast, view_project=Scope.CREATED)
    client = browser(manager(cast))
    page = address(cast.account, "auditor/edit/")
    data = {name: value for name, value in sent(client, page, grant_view_lead="none").items() if "project" not in name}
    assert "view_project" not in client.get(page).content.decode()
    send(client, page, data | {"confirmed": "yes"})
    stands = dict(RoleGrant.objects.filter(role=role).values_list("permission", "scope"))
    assert (stands["view_lead"], stands["view_project"]) == (Scope.NONE, Scope.CREATED)


def test_an_overtaken_edit_shows_the_difference_and_keeps_the_others_update() -> None:
    cast = make_cast("amocrm")
    role = auditor(cast, view_contact=Scope.ALL, view_company=Scope.ALL)
    client = browser(manager(cast))
    page = address(cast.account, "auditor/edit/")
    data = sent(client, page, grant_view_lead="none", confirmed="yes")
    RoleGrant.objects.filter(role=role, permission__in=["view_lead", "view_contact"]).update(scope=Scope.CREATED)
    refused = send(client, page, data)
    form = refused.context["form"]
    assert ("View leads", "Permitted", "If creator") in form.differences
    again = {name: form[name].value() or "" for name in form.fields}
    send(client, page, again | {"confirmed": "yes"})
    stands = dict(RoleGrant.objects.filter(role=role).values_list("permission", "scope"))
    assert stands["view_lead"] == Scope.NONE
    assert stands["view_contact"] == Scope.CREATED


def test_a_role_goes_once_its_members_have_another_one_and_both_are_undone() -> None:
    cast = make_cast("amocrm")
    role = auditor(cast)
    held = MembershipFactory(branch=cast.branch, role=role)
    client = browser(manager(cast))
    page = address(cast.account, "auditor/delete/")
    assert "You can delete a role after its members" in text(client.get(page))
    refused = send(client, page, sent(client, page, confirmed="yes"))
    assert refused.context["form"].errors["successor"]
    send(client, page, sent(client, page, successor="employee", confirmed="yes"))
    assert Membership.objects.get(pk=held.pk).role.key == "employee"
    send(client, page, sent(client, page, confirmed="yes"))
    assert not Role.objects.filter(pk=role.pk).exists()
    for verb in ("access.own_role.deleted", "access.role.changed"):
        operation = Operation.objects.get(verb=verb)
        Undo(account_id=cast.account.pk, operation_id=operation.pk).apply(actor=None, reason="Was a mistake")
    assert set(Membership.objects.filter(role__key="auditor")) == {held}


def test_a_removed_member_is_moved_too_since_they_could_be_restored_to_the_role() -> None:
    cast = make_cast("amocrm")
    removed = MembershipFactory(branch=cast.branch, role=auditor(cast), status="removed")
    client = browser(manager(cast))
    page = address(cast.account, "auditor/delete/")
    send(client, page, sent(client, page, successor="employee", confirmed="yes"))
    assert Membership.objects.get(pk=removed.pk).role.key == "employee"


def test_a_role_that_nobody_holds_goes_without_more() -> None:
    cast = make_cast("amocrm")
    role = auditor(cast)
    client = browser(manager(cast))
    page = address(cast.account, "auditor/delete/")
    send(client, page, sent(client, page, confirmed="yes"))
    assert not Role.objects.filter(pk=role.pk).exists()


def test_somebody_without_the_right_sees_why_the_buttons_are_off() -> None:
    cast = make_cast("amocrm")
    auditor(cast)
    page = browser(cast.member).get(address(cast.account, "auditor/"))
    assert "You need “Define roles”" in text(page)
    assert address(cast.account, "auditor/edit/") not in page.content.decode()


def test_parent_roles_tell_their_holders_to_those_who_may_see_them() -> None:
    cast = make_cast("atlas")
    assert (
        str(cast.owner)
        in text(browser(cast.owner).get(address(cast.account, "super_admin/"))).split("Members with this role")[1]
    )
    assert "No members that you can see" in text(browser(cast.member).get(address(cast.account, "super_admin/")))
