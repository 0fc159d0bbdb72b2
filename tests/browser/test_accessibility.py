"""Every page of the table in real Chromium: axe finds nothing serious, in light, in the dark and on a phone.

Nothing is wider than a phone, and no page has anything to complain of in the console, where the content security
policy's refusals would stand. The same of what follows a form: previews, refusals, what was done. And the frame by
keyboard alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from apps.accounts.models import User
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.admin.people import everything, staff
from tests.browser.driving import faults, sideways, sign_in
from tests.factories import Cast, MembershipFactory, OverrideFactory, ParentMembershipFactory
from tests.pages.crowd import Crowd
from tests.pages.table import OPEN, ROUTES, ROWS
from tests.pages.test_routes import address_of

PARTS = 4
WIDE, NARROW = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
BAD = ("serious", "critical")
# In the dark, only the colours differ.
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}

FAULTY = """<!doctype html><html lang="en"><title>Faulty</title><meta name="color-scheme" content="light dark">
<main><h1>Faulty</h1><img src="/nothing.png"><p style="width: 600px; color: #888; background: #666">Unreadable</p>
</main><script>console.error("It went wrong")</script></html>"""
# What is taken along, and the part of a page that a search fetches.
NO_PAGES = ("export/", "pdf/", "/people/")


def violations(page: Page, options: dict[str, Any] | None = None) -> list[str]:
    """What axe finds on the page as it stands that is serious or critical."""
    found = page.evaluate("options => axe.run(document, {resultTypes: ['violations'], ...options})", options or {})
    return [
        f"{problem['id']}: {problem['help']}: {[node['html'][:200] for node in problem['nodes'][:3]]}"
        for problem in found["violations"]
        if problem["impact"] in BAD
    ]


def problems(page: Page, address: str) -> list[str]:
    """All that is wrong with the page at this address."""
    told = faults(page)
    answer = page.goto(address)
    assert answer is not None
    if answer.status != 200:
        return [f"it answers {answer.status}"]
    return problems_here(page) + [f"the console says {text}" for text in told]


def problems_here(page: Page) -> list[str]:
    """All that is wrong with the page as it stands, wide, in the dark and on a phone."""
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    page.evaluate(AXE_SCRIPT)
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    found += [f"in the dark, {problem}" for problem in violations(page, COLOURS)]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(NARROW)
    found += [f"on a phone, {problem}" for problem in violations(page)]
    if wider := sideways(page):
        found.append(f"on a phone, it is {wider} pixels too wide")
    page.set_viewport_size(WIDE)
    return found


def own_pages(cast: Cast, viewer: User) -> Iterator[str]:
    """The pages of those who are signed in. First those that speak of nothing, since a row changes what some are; those
    of billing last, since a plan takes away what it does not give.
    """
    for open_route in OPEN:
        if open_route.method == "GET" and open_route.signed_in == 200:
            yield f"/{open_route.path or open_route.pattern}"
    for route in sorted(ROUTES, key=lambda route: ("/billing/" in route.pattern, bool(route.row))):
        if route.method == "GET" and route.right == 200 and not route.pattern.endswith(NO_PAGES):
            named = ROWS[route.row](cast.branch, viewer) if route.row else {}
            yield address_of(route, cast.account, named)


@pytest.fixture
def viewer(cast: Cast) -> User:
    """Somebody who may do everything, in an account where something is going on."""
    user = staff(cast.branch, everything(), name="Vera Viewer", is_staff=False)
    ParentMembershipFactory(account=cast.account, user=user, role="super_admin")
    beside = cast.branch_beside()
    MembershipFactory(branch=beside, user=user, role=Membership.objects.get(user=user).role)
    Crowd(cast.account, (cast.branch, beside), user).grow(12)
    return user


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_for_everybody(live_server: LiveServer, page: Page, cast: Cast, viewer: User, part: int) -> None:
    sign_in(page, live_server, viewer)
    found = {}
    for number, path in enumerate(own_pages(cast, viewer)):
        if number % PARTS == part and (wrong := problems(page, f"{live_server.url}{path}")):
            found[path] = wrong
    assert not found, "\n".join(f"{path}: {problem}" for path, wrong in found.items() for problem in wrong)


def test_the_pages_before_signing_in_are_for_everybody(live_server: LiveServer, page: Page, cast: Cast) -> None:
    found = {}
    for route in OPEN:
        if route.method == "GET" and route.signed_out == 200:
            path = f"/{route.path or route.pattern}"
            if wrong := problems(page, f"{live_server.url}{path}"):
                found[path] = wrong
    assert not found, "\n".join(f"{path}: {problem}" for path, wrong in found.items() for problem in wrong)


def after_forms(page: Page, server: str, cast: Cast) -> Iterator[str]:
    """What stands there after a form was sent, named one by one: what is told while the page stands there."""
    member = f"{server}/a/{cast.account.slug}/members/{cast.member.pk}/"
    page.goto(f"{member}role/{cast.branch.slug}/")
    page.get_by_role("radio", name=re.compile("^Admin")).check()
    page.get_by_label("Reason").fill("She leads from Monday")
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_text("What will change")).to_be_visible()
    yield "a preview to be confirmed"
    page.goto(f"{member}remove/")
    page.get_by_label("Reason").fill(" ")
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    yield "a form that is refused"
    page.goto(f"{member}permissions/{cast.branch.slug}/?tab=billing")
    page.get_by_role("group", name="View billing").get_by_text("Permitted").click()
    expect(page.locator("#effect")).to_contain_text("View billing")
    yield "permissions with what they would do"
    OverrideFactory(branch=cast.branch, user=cast.member, permission="view_billing", scope=Scope.NONE)
    page.get_by_label("Reason").fill("Keeps the books")
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_role("row", name="View billing Same as role")).to_be_visible()
    yield "a form that somebody was quicker than"
    page.get_by_role("button", name="Preview changes").click()
    page.get_by_role("button", name="Update permissions").click()
    expect(page.get_by_role("status")).to_contain_text("Changes saved.")
    yield "permissions with what was done"
    page.goto(f"{server}/a/{cast.account.slug}/invitations/new/")
    page.get_by_label("Email").fill("nora@example.com")
    page.get_by_label("Role").select_option(label="Member")
    page.get_by_label("Reason").fill("Starts in May")
    page.get_by_role("button", name="Preview changes").click()
    page.get_by_role("button", name="Invite member").click()
    expect(page.get_by_role("textbox", name="Invitation sent")).to_be_visible()
    yield "a link that is shown once"


def test_what_follows_a_form_is_for_everybody(live_server: LiveServer, page: Page, cast: Cast) -> None:
    told = faults(page)
    sign_in(page, live_server, cast.owner)
    found = [
        f"{what}: {problem}" for what in after_forms(page, live_server.url, cast) for problem in problems_here(page)
    ]
    assert not found, "\n".join(found)
    assert told == []


def test_a_refused_sign_in_is_for_everybody(live_server: LiveServer, page: Page, cast: Cast) -> None:
    page.goto(f"{live_server.url}/login/")
    page.get_by_label("Email address").fill(cast.owner.email)
    page.get_by_label("Password").fill("no password of hers")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert").first).to_be_visible()
    assert problems_here(page) == []


def test_a_page_with_faults_is_told_of(live_server: LiveServer, page: Page) -> None:
    page.route("**/faulty/", lambda route: route.fulfill(content_type="text/html", body=FAULTY))
    found = " ".join(problems(page, f"{live_server.url}/faulty/"))
    for fault in ("image-alt", "in the dark, color-contrast", "on a phone, it is", "the console says"):
        assert fault in found


def test_the_first_key_leads_past_the_menus(live_server: LiveServer, page: Page, cast: Cast, viewer: User) -> None:
    sign_in(page, live_server, viewer)
    page.goto(f"{live_server.url}/a/{cast.account.slug}/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_menus_open_and_close_by_keyboard(live_server: LiveServer, page: Page, cast: Cast, viewer: User) -> None:
    sign_in(page, live_server, viewer)
    page.goto(f"{live_server.url}/a/{cast.account.slug}/")
    menu = page.locator("details.m-menu").last
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    expect(menu.get_by_role("link").or_(menu.get_by_role("button")).first).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()


def test_where_the_keyboard_is_can_be_seen(live_server: LiveServer, page: Page, cast: Cast, viewer: User) -> None:
    sign_in(page, live_server, viewer)
    page.goto(f"{live_server.url}/a/{cast.account.slug}/roles/")
    for _ in range(25):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
                const at = document.activeElement;
                const style = getComputedStyle(at);
                const drawn = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
                return at === document.body || drawn || style.boxShadow !== "none" || at.outerHTML.slice(0, 200);
            }"""
        )
        assert seen is True, seen
