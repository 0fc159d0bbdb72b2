"""Asked for and given until Friday, only one's own in sight, and looking as a colleague, in a real browser."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.access.models import Override
from apps.access.policy import may
from apps.accounts.models import User
from apps.roles.scopes import Scope
from tests.admin.people import staff
from tests.browser.driving import faults, go, sideways, sign_in, take
from tests.factories import Cast, ContactFactory, LeadFactory, OverrideFactory, UserFactory, make_cast, published

WHY = "The fair is on Thursday"


def friday() -> str:
    """The next Friday at six in the evening, as a browser's calendar sends it."""
    now = timezone.localtime()
    day = now + timedelta(days=(4 - now.weekday()) % 7 or 7)
    return day.strftime("%Y-%m-%dT18:00")


def owner_of(cast: Cast) -> User:
    """Somebody of Atlas' owner role."""
    return cast.join("owner")


def asks_and_is_given(page: Page, live_server: LiveServer, cast: Cast, *, pictures: bool) -> None:
    owner, member = owner_of(cast), cast.member
    sign_in(page, live_server, member)
    go(page, live_server, f"/a/{cast.account.slug}/requests/")
    page.get_by_role("link", name="Request access").first.click()
    expect(page).to_have_url(f"{live_server.url}/a/{cast.account.slug}/requests/new/")
    page.get_by_label("Permission").select_option("export_lead")
    page.get_by_label("Reason").fill(WHY)
    assert sideways(page) == 0
    if pictures:
        take(page, "request")
    page.get_by_role("button", name="Request access").click()
    expect(page).to_have_url(re.compile(r"/requests/\?tab=mine$"))
    expect(page.get_by_text("Pending", exact=True)).to_be_visible()
    sign_in(page, live_server, owner)
    go(page, live_server, f"/a/{cast.account.slug}/requests/")
    expect(page.get_by_text(WHY)).to_be_visible()
    page.get_by_role("link", name="Export leads").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("requests “Export leads”")
    if pictures:
        take(page, "decide")
    page.get_by_role("link", name="Approve").click()
    page.get_by_label("End date").fill(friday())
    page.get_by_label("Reason").fill("Until the fair is over")
    assert sideways(page) == 0
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_text("What will change")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page).to_have_url(f"{live_server.url}/a/{cast.account.slug}/requests/")
    override = Override.objects.get(user=member)
    assert override.expires_at is not None
    assert timezone.localtime(override.expires_at).strftime("%Y-%m-%dT%H:%M") == friday()
    mine = LeadFactory(branch=cast.branch, responsible=member)
    assert may(member, "export_lead", mine)
    sign_in(page, live_server, member)
    go(page, live_server, "/me/access/")
    expect(page.get_by_text("Until the fair is over")).to_be_visible()
    assert sideways(page) == 0


@pytest.mark.parametrize("window", ["page", "phone", "plain"])
def test_a_member_asks_for_export_and_an_owner_grants_it_until_friday(
    live_server: LiveServer, cast: Cast, window: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    told = faults(page)
    asks_and_is_given(page, live_server, cast, pictures=window == "page")
    if window == "page":
        take(page, "my-access", height=1000)
    assert told == []


def test_why_is_answered_from_a_cell_of_the_matrix(live_server: LiveServer, page: Page, cast: Cast) -> None:
    told = faults(page)
    for name, role in (("Carla Cole", "admin"), ("Hal Hunter", "member"), ("Ines Ito", "member")):
        cast.join(role, user=UserFactory(name=name))
    OverrideFactory(branch=cast.branch, user=cast.member, permission="view_billing", scope=Scope.ALL)
    sign_in(page, live_server, owner_of(cast))
    go(page, live_server, f"/a/{cast.account.slug}/matrix/?tab=billing")
    page.locator("a[title^='Ben Baker: View billing']").click()
    expect(page).to_have_url(re.compile("/why/"))
    expect(page.get_by_role("main")).to_contain_text("by an override")
    lead = LeadFactory(branch=cast.branch, name="Harbour lights")
    query = f"user={cast.member.email}&branch={cast.branch.slug}&permission=view_lead&record={lead.reference}"
    go(page, live_server, f"/a/{cast.account.slug}/why/?{query}")
    expect(page.get_by_role("main")).to_contain_text("Ben Baker doesn’t have access: View leads")
    assert told == []


@pytest.mark.parametrize("window", ["page", "phone"])
def test_a_focused_user_sees_only_their_contacts(
    live_server: LiveServer, window: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    cast = make_cast("onepagecrm")
    focused = cast.join(published("onepagecrm", "focused_user"))
    User.objects.filter(pk=focused.pk).update(is_staff=True)
    ContactFactory(branch=cast.branch, name="Mine Alone", responsible=focused)
    ContactFactory(branch=cast.branch, name="Somebody Elses", responsible=cast.owner)
    sign_in(page, live_server, focused)
    go(page, live_server, "/admin/crm/contact/")
    expect(page.get_by_text("Mine Alone").first).to_be_visible()
    expect(page.get_by_text("Somebody Elses")).to_have_count(0)


@pytest.mark.parametrize("window", ["page", "phone", "plain"])
def test_an_owner_looks_as_a_member_and_stops(
    live_server: LiveServer, cast: Cast, window: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    told = faults(page)
    owner, member = owner_of(cast), staff(cast.branch, ["view_lead"], name="Mia Member", is_staff=False)
    sign_in(page, live_server, owner)
    go(page, live_server, f"/a/{cast.account.slug}/members/{member.pk}/view-as/")
    page.get_by_label("Reason").fill("She cannot find the bills")
    assert sideways(page) == 0
    page.get_by_role("button", name="View as Mia").click()
    expect(page).to_have_url(f"{live_server.url}/a/{cast.account.slug}/")
    banner = page.get_by_role("region", name="Viewing as another member")
    expect(banner).to_contain_text("You are viewing as Mia Member")
    expect(page.get_by_role("link", name="Billing")).to_have_count(0)
    assert sideways(page) == 0
    go(page, live_server, f"/a/{cast.account.slug}/requests/new/")
    page.get_by_label("Permission").select_option("view_billing")
    page.get_by_label("Reason").fill("In her name")
    page.get_by_role("button", name="Request access").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("View only")
    told.clear()
    page.get_by_role("main").get_by_role("button", name="Stop viewing").click()
    expect(page).to_have_url(f"{live_server.url}/a/{cast.account.slug}/")
    expect(page.get_by_text("Viewing ended.")).to_be_visible()
    expect(banner).to_have_count(0)
    assert told == []
