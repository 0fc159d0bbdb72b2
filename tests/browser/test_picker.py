"""Choosing somebody among very many in a real browser: with the keys, with a finger, and without a script."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.pages.forms import pool
from apps.teams.models import ParentMembership, TeamMember
from tests.admin.people import everything, staff
from tests.browser.driving import faults, go, sideways, sign_in
from tests.browser.test_accessibility import violations
from tests.factories import Cast, LeadFactory, MembershipFactory, UserFactory

GRANT = "/a/acme/parent-roles/grant/"


@pytest.fixture
def crowd(cast: Cast) -> Cast:
    """The cast with more people than are offered in a list."""
    for number in range(pool.FEW):
        person = UserFactory(name=f"Zoe {number:03}", email=f"zoe{number}@acme.example")
        MembershipFactory(branch=cast.branch, user=person)
    return cast


def test_somebody_is_found_and_chosen_with_the_keys_alone(live_server: LiveServer, page: Page, crowd: Cast) -> None:
    told = faults(page)
    sign_in(page, live_server, crowd.owner)
    go(page, live_server, GRANT)
    field = page.get_by_role("combobox", name="Member")
    field.press_sequentially("zoe 04")
    found = page.get_by_role("listbox").get_by_role("option")
    expect(found).to_have_count(11)
    expect(page.get_by_role("status")).to_have_text("11 people found")
    page.evaluate(AXE_SCRIPT)
    assert violations(page) == []
    field.press("ArrowDown")
    field.press("ArrowDown")
    expect(found.and_(page.get_by_role("option", selected=True))).to_contain_text("Zoe 040")
    assert page.evaluate("document.activeElement.getAttribute('aria-activedescendant')") in page.content()
    field.press("Enter")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(field).to_have_value("Zoe 040")
    page.get_by_label("Parent role").select_option(index=1)
    page.get_by_label("Reason").fill("Looks after all branches")
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_role("main")).to_contain_text("Zoe 040")
    page.get_by_role("button", name="Grant parent role").click()
    expect(page).to_have_url(re.compile("/parent-roles/$"))
    assert ParentMembership.objects.filter(user__name="Zoe 040").exists()
    assert told == []


def test_a_team_is_filled_on_a_phone(live_server: LiveServer, phone: Page, crowd: Cast) -> None:
    team = crowd.team(crowd.member)
    told = faults(phone)
    sign_in(phone, live_server, crowd.owner)
    go(phone, live_server, f"/a/acme/teams/{team.pk}/change/")
    expect(phone.get_by_role("checkbox", name="Ben Baker")).to_be_checked()
    field = phone.get_by_role("combobox", name="Members")
    field.press_sequentially("zoe42@")
    phone.get_by_role("option", name="Zoe 042").tap()
    expect(phone.get_by_role("checkbox", name="Zoe 042")).to_be_checked()
    expect(field).to_have_value("")
    phone.get_by_role("checkbox", name="Ben Baker").uncheck()
    assert sideways(phone) == 0
    phone.evaluate(AXE_SCRIPT)
    assert violations(phone) == []
    phone.get_by_label("Reason").fill("Changed places")
    phone.get_by_role("button", name="Preview changes").click()
    phone.get_by_role("button", name="Edit team").click()
    expect(phone).to_have_url(re.compile(r"/teams/(\d+/)?$"))
    held = TeamMember.objects.filter(team=team).values_list("user__name", flat=True)
    assert list(held) == ["Zoe 042"]
    assert told == []


def test_somebody_is_found_without_a_script(live_server: LiveServer, plain: Page, crowd: Cast) -> None:
    sign_in(plain, live_server, crowd.owner)
    go(plain, live_server, GRANT)
    plain.get_by_label("Member").fill("zoe 04")
    plain.get_by_label("Parent role").select_option(index=1)
    plain.get_by_label("Reason").fill("Looks after all branches")
    plain.get_by_role("button", name="Preview changes").click()
    expect(plain.get_by_role("alert")).to_have_text("Several people match “zoe 04”. Choose one.")
    plain.get_by_label("Member").select_option(label="Zoe 043 (zoe43@acme.example)")
    plain.get_by_role("button", name="Preview changes").click()
    expect(plain.get_by_text("What will change")).to_be_visible()
    expect(plain.get_by_role("main")).to_contain_text("Zoe 043")


def test_the_responsible_is_chosen_in_the_admin(live_server: LiveServer, page: Page, crowd: Cast) -> None:
    told = faults(page)
    sign_in(page, live_server, staff(crowd.branch, everything(), name="Vera Viewer"))
    go(page, live_server, "/admin/crm/lead/add/")
    page.get_by_text("Ownership").first.click()
    field = page.get_by_role("combobox", name="Owner")
    field.click()
    field.fill("ben")
    page.get_by_role("option", name="Ben Baker").click()
    expect(field).to_have_value("Ben Baker")
    expect(page.locator("input[type=hidden][name=responsible]")).to_have_value(str(crowd.member.pk))
    assert told == []


def test_a_list_of_the_admin_is_narrowed_to_somebody_who_is_searched_for(
    live_server: LiveServer, page: Page, crowd: Cast
) -> None:
    told = faults(page)
    sign_in(page, live_server, staff(crowd.branch, everything(), name="Vera Viewer"))
    LeadFactory(branch=crowd.branch, name="Printers for the office", responsible=crowd.member, created_by=crowd.member)
    LeadFactory(branch=crowd.branch, name="Chairs", responsible=crowd.owner, created_by=crowd.member)
    go(page, live_server, "/admin/crm/lead/")
    page.get_by_text("Filters").first.click()
    page.get_by_role("searchbox", name="Find a person: owner").press_sequentially("baker")
    page.get_by_role("link", name="Ben Baker").click()
    expect(page).to_have_url(re.compile(f"responsible={crowd.member.pk}"))
    expect(page.locator("#result_list")).to_contain_text("Printers for the office")
    expect(page.locator("#result_list")).not_to_contain_text("Chairs")
    assert told == []
