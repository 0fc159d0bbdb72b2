"""The people of an account in a real browser: another role, the ladder, a removal and the way back, several at once."""

from __future__ import annotations

import re

import pytest
from django.test import override_settings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.accounts.models import User
from apps.teams.models import Membership
from tests.browser.driving import faults, go, sideways, sign_in, take
from tests.factories import Cast, LeadFactory, MembershipFactory, UserFactory, make_cast


@pytest.fixture
def ladder(live_server: object) -> Cast:
    """The cast in a scheme where roles only move up."""
    return make_cast("staff-ladder")


def open_member(page: Page, live_server: LiveServer, cast: Cast, person: User) -> str:
    """Find somebody in the list, and open their page; its address."""
    sign_in(page, live_server, cast.owner)
    go(page, live_server, f"/a/{cast.account.slug}/members/")
    page.get_by_role("searchbox").fill(person.name)
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile("q="))
    page.locator("#found").get_by_role("link", name=person.name).click()
    address = f"{live_server.url}/a/{cast.account.slug}/members/{person.pk}/"
    expect(page).to_have_url(address)
    return address


def confirm(page: Page, reason: str, button: str) -> None:
    """Say why, look at what would happen, and do it."""
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_text("What will change")).to_be_visible()
    page.get_by_role("button", name=button).click()


def change_role(page: Page, live_server: LiveServer, cast: Cast) -> None:
    """The owner makes Ben an admin, and reads it in the log."""
    address = open_member(page, live_server, cast, cast.member)
    page.get_by_role("link", name="Change role: North").click()
    expect(page).to_have_url(f"{address}role/north/")
    page.get_by_role("radio", name=re.compile("^Admin")).check()
    confirm(page, "Runs the north from Monday", "Change role")
    expect(page).to_have_url(address)
    expect(page.get_by_role("link", name="Admin", exact=True)).to_be_visible()
    assert sideways(page) == 0
    page.get_by_role("link", name="View in audit log").click()
    expect(page).to_have_url(re.compile(r"/audit/\d+/$"))
    expect(page.get_by_role("main")).to_contain_text("Runs the north from Monday")
    expect(page.get_by_role("main")).to_contain_text("Ben Baker")


def test_an_owner_changes_a_role_and_reads_it_in_the_log(live_server: LiveServer, page: Page, cast: Cast) -> None:
    told = faults(page)
    change_role(page, live_server, cast)
    take(page, "operation", height=680)
    assert told == []


def test_an_owner_changes_a_role_on_a_phone(live_server: LiveServer, phone: Page, cast: Cast) -> None:
    change_role(phone, live_server, cast)


def test_an_owner_changes_a_role_without_javascript(live_server: LiveServer, plain: Page, cast: Cast) -> None:
    change_role(plain, live_server, cast)


@pytest.mark.parametrize("window", ["page", "phone", "plain"])
def test_the_ladder_refuses_a_demotion_and_offers_the_plan(
    live_server: LiveServer, ladder: Cast, window: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    manager = ladder.join("project_manager")
    address = open_member(page, live_server, ladder, manager)
    page.get_by_role("link", name="Change role: North").click()
    page.get_by_role("radio", name=re.compile("^Teammate")).check()
    page.get_by_label("Reason").fill("Does something else now")
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_role("alert")).to_contain_text("Staff ladder only allows promotions")
    if window == "page":
        take(page, "ladder", height=1000)
    assert sideways(page) == 0
    page.get_by_role("link", name="Open offboarding plan").click()
    expect(page).to_have_url(f"{address}remove/?from=north")
    expect(page.get_by_role("main")).to_contain_text(f"{manager.name} is Project Manager on North")
    assert Membership.objects.get(user=manager).role.key == "project_manager"


def remove_and_restore(page: Page, live_server: LiveServer, cast: Cast, *, pictures: bool = False) -> None:
    """Ben goes, with a plan for what he leaves, and comes back."""
    for name in ("Roof of the town hall", "Lifts for the hospital", "A new quay"):
        LeadFactory(branch=cast.branch, name=name, responsible=cast.member)
    address = open_member(page, live_server, cast, cast.member)
    page.get_by_role("link", name="Remove", exact=True).click()
    expect(page).to_have_url(f"{address}remove/")
    page.get_by_label("Leads").select_option(label="Ann Archer")
    page.get_by_label("Private contacts").select_option(label="Ann Archer")
    if pictures:
        take(page, "removal", height=1000)
    confirm(page, "Moves to Oslo", "Remove from branch")
    members = f"{live_server.url}/a/acme/members/"
    expect(page).to_have_url(members)
    expect(page.get_by_text("1 member", exact=True)).to_be_visible()
    page.get_by_role("link", name="Restore", exact=True).click()
    expect(page).to_have_url(f"{members}restore/")
    assert sideways(page) == 0
    page.get_by_role("link", name="Restore: Ben Baker").click()
    confirm(page, "Oslo was too far", "Restore")
    expect(page).to_have_url(address)
    expect(page.get_by_role("link", name="Change role: North")).to_be_visible()


def test_a_member_is_removed_with_a_plan_and_restored(live_server: LiveServer, page: Page, cast: Cast) -> None:
    remove_and_restore(page, live_server, cast, pictures=True)


def test_a_member_is_removed_and_restored_without_javascript(live_server: LiveServer, plain: Page, cast: Cast) -> None:
    remove_and_restore(plain, live_server, cast)


def test_a_member_is_removed_and_restored_on_a_phone(live_server: LiveServer, phone: Page, cast: Cast) -> None:
    remove_and_restore(phone, live_server, cast)


def test_all_on_a_page_are_selected_by_one_box_and_get_another_role(
    live_server: LiveServer, page: Page, cast: Cast
) -> None:
    for number in range(3):
        MembershipFactory(branch=cast.branch, user=UserFactory(name=f"Zoe {number}"))
    told = faults(page)
    sign_in(page, live_server, cast.owner)
    go(page, live_server, "/a/acme/members/")
    page.get_by_role("searchbox").fill("Zoe")
    expect(page).to_have_url(re.compile("q=Zoe"))
    expect(page.get_by_text("3 members", exact=True)).to_be_visible()
    page.get_by_label("Select all members on this page").check()
    page.get_by_role("button", name="Change role of selected members").click()
    expect(page.get_by_role("main")).to_contain_text("3 members")
    page.get_by_label("Role").select_option(label="Admin")
    confirm(page, "All of them lead", "Change role")
    expect(page).to_have_url(f"{live_server.url}/a/acme/members/")
    assert Membership.objects.filter(role__key="admin").count() == 3
    assert told == []


@override_settings(PUBLIC_ADDRESS="https://crm.acme.example")
def test_an_invitation_shows_its_link_once(live_server: LiveServer, page: Page, cast: Cast) -> None:
    sign_in(page, live_server, cast.owner)
    go(page, live_server, "/a/acme/members/invited/")
    page.get_by_role("link", name="Invite member").click()
    page.get_by_label("Email").fill("nora@example.com")
    page.get_by_label("Role").select_option(label="Member")
    confirm(page, "Starts in May", "Invite member")
    link = page.get_by_role("textbox", name="Invitation sent")
    expect(link).to_have_value(re.compile(r"^https://crm\.acme\.example/invitations/\S+/$"))
    take(page, "invitation", height=560)
    token = link.input_value()
    page.get_by_role("link", name="Done").click()
    expect(page).to_have_url(f"{live_server.url}/a/acme/members/invited/")
    expect(page.get_by_role("row", name=re.compile("nora@example.com"))).to_contain_text("Pending")
    assert token not in page.content()
