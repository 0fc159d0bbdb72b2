"""Overriding a member's permissions, and an account's own roles, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.access.models import Override
from apps.access.policy import may
from apps.accounts.models import User
from apps.roles.models import RoleGrant
from apps.roles.scopes import Scope
from tests.browser.driving import faults, go, sideways, sign_in, take
from tests.factories import Cast, LeadFactory, MembershipFactory, OverrideFactory, make_cast
from tests.pages.test_roles import auditor


def address(cast: Cast, user: User, tab: str) -> str:
    return f"/a/{cast.account.slug}/members/{user.pk}/permissions/{cast.branch.slug}/?tab={tab}"


@pytest.mark.parametrize("window", ["page", "phone"])
def test_an_owner_removes_manage_billing_from_an_admin_and_reads_it_in_the_log(
    live_server: LiveServer, cast: Cast, window: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    told = faults(page)
    admin = cast.join("admin")
    sign_in(page, live_server, cast.owner)
    go(page, live_server, address(cast, admin, "billing"))
    page.get_by_role("group", name="Manage billing").get_by_text("Prohibited").click()
    effect = page.locator("#effect")
    expect(effect).to_contain_text("Manage billing")
    expect(effect).to_contain_text("Prohibited")
    if window == "page":
        take(page, "update-permissions", height=800)
    assert sideways(page) == 0
    page.get_by_label("Reason").fill("Bills are paid by head office")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("status")).to_contain_text("Changes saved.")
    assert not may(admin, "manage_billing", cast.branch)
    page.get_by_role("link", name="View in audit log").click()
    expect(page).to_have_url(re.compile(r"/audit/\d+/"))
    expect(page.locator("main")).to_contain_text("Bills are paid by head office")
    assert told == []


def test_a_stale_form_is_refused_with_the_difference(live_server: LiveServer, page: Page, cast: Cast) -> None:
    sign_in(page, live_server, cast.owner)
    go(page, live_server, address(cast, cast.member, "billing"))
    OverrideFactory(branch=cast.branch, user=cast.member, permission="view_billing", scope=Scope.NONE)
    page.get_by_role("group", name="View billing").get_by_text("Permitted").click()
    expect(page.locator("#effect")).to_contain_text("changed while you were editing")
    page.get_by_label("Reason").fill("Keeps the books")
    page.get_by_role("button", name="Preview changes").click()
    row = page.get_by_role("row", name="View billing Same as role")
    expect(row).to_contain_text("Prohibited")
    page.get_by_role("button", name="Preview changes").click()
    page.get_by_role("button", name="Update permissions").click()
    expect(page.get_by_role("status")).to_contain_text("Changes saved.")
    assert Override.objects.get().scope == Scope.ALL


def test_what_is_capped_is_told_while_one_chooses(live_server: LiveServer, page: Page, cast: Cast) -> None:
    LeadFactory(branch=cast.branch, responsible=cast.member)
    sign_in(page, live_server, cast.owner)
    go(page, live_server, address(cast, cast.member, "records"))
    page.get_by_label("View leads").select_option("none")
    expect(page.locator("#effect")).to_contain_text("Loses access to 1 lead")
    expect(page.locator("#effect")).to_contain_text("“View leads” would limit “Edit leads” to Prohibited.")


def test_an_override_is_set_without_javascript(live_server: LiveServer, plain: Page, cast: Cast) -> None:
    sign_in(plain, live_server, cast.owner)
    go(plain, live_server, address(cast, cast.member, "organisation"))
    plain.locator("label", has_text=re.compile("^Team$")).click()
    plain.get_by_role("group", name="Invite team members").get_by_text("Permitted").click()
    plain.get_by_label("until (empty: no end)").locator("visible=true").fill("2090-01-31T17:00")
    plain.get_by_label("Reason").fill("Helps with onboarding")
    plain.get_by_role("button", name="Preview changes").click()
    expect(plain.get_by_role("heading", name="What will change")).to_be_visible()
    plain.get_by_role("button", name="Update permissions").click()
    expect(plain.get_by_role("status")).to_contain_text("Changes saved.")
    expect(plain.get_by_role("row", name="Invite team members")).to_contain_text("until 31 Jan 2090")
    assert may(cast.member, "invite_members", cast.branch)


def test_an_override_is_set_on_a_phone(live_server: LiveServer, phone: Page, cast: Cast) -> None:
    sign_in(phone, live_server, cast.owner)
    go(phone, live_server, address(cast, cast.member, "records"))
    assert sideways(phone) == 0
    phone.get_by_label("View leads").select_option("all")
    expect(phone.locator("#effect")).to_contain_text("View leads")
    phone.get_by_label("Reason").fill("Takes over the leads")
    phone.get_by_role("button", name="Save changes").click()
    expect(phone.get_by_role("status")).to_contain_text("Changes saved.")
    assert sideways(phone) == 0


def test_an_own_role_is_edited_with_a_preview_of_who_is_affected(live_server: LiveServer, page: Page) -> None:
    cast = make_cast("amocrm")
    role = auditor(cast)
    MembershipFactory(branch=cast.branch, role=role, user__name="Hal Hunter")
    told = faults(page)
    sign_in(page, live_server, cast.owner)
    go(page, live_server, f"/a/{cast.account.slug}/roles/")
    page.get_by_role("link", name="Auditor").click()
    expect(page).to_have_url(re.compile("/roles/auditor/$"))
    page.get_by_role("link", name="Edit").click()
    expect(page).to_have_url(re.compile("/roles/auditor/edit/$"))
    page.locator("label", has_text=re.compile("^Records$")).click()
    page.get_by_label("View leads").select_option("responsible+shared")
    expect(page.locator("#effect")).to_contain_text("If responsible")
    page.get_by_label("Reason").fill("Looks at their own")
    page.get_by_role("button", name="Preview changes").click()
    expect(page.locator("main")).to_contain_text("Hal Hunter")
    page.get_by_role("button", name="Edit role").click()
    expect(page.get_by_role("status")).to_contain_text("Changes saved.")
    assert RoleGrant.objects.get(role=role, permission="view_lead").scope == Scope.RESPONSIBLE | Scope.SHARED
    assert told == []


def test_the_roles_fit_a_phone_with_the_permissions_in_sight(live_server: LiveServer, phone: Page, cast: Cast) -> None:
    sign_in(phone, live_server, cast.owner)
    go(phone, live_server, f"/a/{cast.account.slug}/roles/")
    assert sideways(phone) == 0
    table = phone.get_by_role("region", name="Compare roles")
    table.evaluate("region => { region.scrollLeft = 300 }")
    before = phone.get_by_role("rowheader", name="View billing").bounding_box()
    assert before is not None
    assert before["x"] >= 0
