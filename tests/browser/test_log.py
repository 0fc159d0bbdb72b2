"""The log in a real browser: a change, its undoing, and both read back; on a phone, and without JavaScript."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.changes.overrides import SetOverride
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.browser.driving import faults, go, sideways, sign_in
from tests.factories import Cast


def take_away(cast: Cast) -> int:
    """Ben may see no leads any more; the operation's number."""
    membership = Membership.objects.get(branch=cast.branch, user=cast.member)
    change = SetOverride(
        account_id=cast.account.pk, membership_id=membership.pk, permission="view_lead", scope=Scope.NONE
    )
    done = change.apply(actor=cast.owner, reason="Leads are for the south only")
    assert done.operation_id is not None
    return done.operation_id


def undo(page: Page, live_server: LiveServer, cast: Cast) -> None:
    """The owner finds the change in the log, undoes it, and reads that it was undone."""
    log = f"{live_server.url}/a/{cast.account.slug}/audit/"
    number = take_away(cast)
    sign_in(page, live_server, cast.owner)
    go(page, live_server, f"/a/{cast.account.slug}/audit/")
    page.get_by_label("Affects").fill("Ben")
    page.get_by_label("Action").select_option("access.override.set")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page).to_have_url(re.compile("about=Ben"))
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Override set").click()
    expect(page).to_have_url(f"{log}{number}/")
    page.get_by_role("link", name="Undo this").click()
    expect(page).to_have_url(f"{log}{number}/undo/")
    page.get_by_label("Reason").fill("They are his, too")
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_text("What will change")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Ben Baker")
    page.get_by_role("button", name="Undo this").click()
    expect(page).to_have_url(f"{log}{number}/")
    expect(page.get_by_role("main")).to_contain_text("They are his, too")
    page.get_by_role("link", name="Undone by Ann Archer").click()
    expect(page.get_by_role("main")).to_contain_text("This change undid: Override set")
    assert sideways(page) == 0


def test_an_owner_undoes_a_change_and_reads_it_in_the_log(live_server: LiveServer, page: Page, cast: Cast) -> None:
    told = faults(page)
    undo(page, live_server, cast)
    assert told == []


def test_an_owner_undoes_a_change_on_a_phone(live_server: LiveServer, phone: Page, cast: Cast) -> None:
    undo(phone, live_server, cast)


def test_an_owner_undoes_a_change_without_javascript(live_server: LiveServer, plain: Page, cast: Cast) -> None:
    undo(plain, live_server, cast)
