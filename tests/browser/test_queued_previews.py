"""A change of very many in a real browser: the page is there at once, and the preview as soon as it is computed."""

import re

from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.roles.scopes import Scope
from tests.admin.people import everything, staff
from tests.browser.driving import go, sign_in
from tests.changes.test_preview import crowded
from tests.changes.test_queued_previews import work
from tests.factories import make_cast

# Milliseconds: sixty members are looked at, on a machine that may be busy.
SLOW = 30_000


def test_the_page_looks_again_by_itself_in_the_admin(live_server: LiveServer, page: Page) -> None:
    cast = make_cast("amocrm")
    role = crowded(cast, 60)
    sign_in(page, live_server, staff(cast.branch, everything()))
    go(page, live_server, f"/admin/roles/role/{role.pk}/change/?do=edit")
    page.locator("details", has=page.locator("[name=grant_view_lead]")).locator("summary").click()
    page.locator("[name=grant_view_lead]").select_option("all")
    page.get_by_label("Reason").fill("They sell to all of them")
    page.get_by_role("button", name="Preview changes").click()
    expect(page).to_have_url(re.compile("do=edit&preview="), timeout=SLOW)
    expect(page.get_by_role("status")).to_contain_text("Calculating the preview", timeout=SLOW)

    work()

    expect(page.get_by_text("60 members are affected:")).to_be_visible(timeout=SLOW)
    expect(page.get_by_role("button", name="Edit role")).to_be_enabled()
    assert role.grants.get(permission="view_lead").scope == Scope.RESPONSIBLE


def test_the_page_of_an_owner_looks_again_without_being_loaded_anew(live_server: LiveServer, page: Page) -> None:
    cast = make_cast("amocrm")
    role = crowded(cast, 60)
    sign_in(page, live_server, staff(cast.branch, everything()))
    go(page, live_server, f"/a/acme/roles/{role.key}/edit/")
    page.locator("[name=grant_view_branch]").select_option("all")
    page.locator("[name=reason]").fill("They look after the branch")
    page.get_by_role("button", name="Preview changes").first.click()
    expect(page).to_have_url(re.compile("preview="), timeout=SLOW)
    expect(page.get_by_role("status")).to_contain_text("Calculating the preview", timeout=SLOW)
    page.evaluate("window.kept = true")

    work()

    expect(page.get_by_role("button", name="Edit role")).to_be_enabled(timeout=SLOW)
    assert page.evaluate("window.kept")


def test_it_looks_again_without_javascript(live_server: LiveServer, plain: Page) -> None:
    cast = make_cast("amocrm")
    role = crowded(cast, 60)
    sign_in(plain, live_server, staff(cast.branch, everything()))
    go(plain, live_server, f"/a/acme/roles/{role.key}/edit/")
    plain.locator("[name=grant_view_branch]").select_option("all")
    plain.locator("[name=reason]").fill("They look after the branch")
    plain.get_by_role("button", name="Preview changes").first.click()
    expect(plain.get_by_role("status")).to_contain_text("Calculating the preview", timeout=SLOW)

    work()

    expect(plain.get_by_role("button", name="Edit role")).to_be_enabled(timeout=SLOW)
