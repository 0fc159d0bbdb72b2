"""“I can't see it” in a real browser: from the list of members to the matrix, a cell of it, and the answer."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.accounts.models import User
from apps.roles.scopes import Scope
from tests.browser.driving import faults, go, sideways, sign_in, take
from tests.factories import Cast, LeadFactory, TeamFactory, UserFactory


@pytest.fixture
def peopled(cast: Cast) -> Cast:
    """The cast with colleagues in every role, a team, and somebody who may more than their role says."""
    north, south = cast.branch, cast.branch_beside()
    people = [("Hanne Holm", "admin", north), ("Iker Ibarra", "member", north), ("Jana Novotná", "member", north)]
    people += [("Kofi Mensah", "owner", south), ("Lucía Sánchez de la Fuente", "member", south)]
    for name, role, branch in people:
        cast.join(role, branch=branch, user=UserFactory(name=name, email=f"{name[:4].lower()}@acme.example"))
    TeamFactory(branch=north, name="Field sales", members=User.objects.filter(name__in=("Iker Ibarra", "Jana Novotná")))
    cast.let(cast.member, "view_lead", Scope.RESPONSIBLE | Scope.SHARED | Scope.TEAM)
    cast.let(cast.member, "export_lead", Scope.RESPONSIBLE)
    return cast


def ask_why(page: Page, live_server: LiveServer, cast: Cast, *, pictures: bool = False) -> None:
    """The owner looks why Ben does not see a lead, and what would change that."""
    lead = LeadFactory(branch=cast.branch, name="Roof of the town hall", responsible=cast.owner)
    sign_in(page, live_server, cast.owner)
    go(page, live_server, f"/a/{cast.account.slug}/members/")
    expect(page.locator("#found").get_by_role("link", name="Ben Baker")).to_be_visible()
    if pictures:
        take(page, "members", height=920)
    go(page, live_server, f"/a/{cast.account.slug}/matrix/?tab=records")
    assert sideways(page) == 0
    if pictures:
        take(page, "matrix", height=1000)
    page.get_by_title(re.compile("^Ben Baker: View leads: ")).click()
    expect(page.get_by_role("heading", level=2, name="Ben Baker: View leads")).to_be_visible()
    page.get_by_label(re.compile("^Record")).fill(lead.reference)
    page.get_by_role("button", name="Explain").click()
    expect(page).to_have_url(re.compile(f"record={lead.reference}"))
    expect(page.get_by_role("heading", level=2, name="Ben Baker doesn’t have access: View leads")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("How to get access")
    assert sideways(page) == 0
    if pictures:
        take(page, "why", height=860)


@pytest.mark.parametrize("window", ["page", "phone", "plain"])
def test_an_owner_sees_at_a_glance_who_may_and_reads_why_not(
    live_server: LiveServer, peopled: Cast, window: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    told = faults(page)
    ask_why(page, live_server, peopled, pictures=window == "page")
    assert told == []
