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


def test_the_page_looks_again_by_itself(live_server: LiveServer, page: Page) -> None:
    cast = make_cast("amocrm")
    role = crowded(cast, 60)
    sign_in(page, live_server, staff(cast.branch, everything()))
    go(page, live_server, f"/admin/roles/role/{role.pk}/change/?do=edit")
    page.locator("details", has=page.locator("[name=grant_view_lead]")).locator("summary").click()
    page.locator("[name=grant_view_lead]").select_option("all")
    page.get_by_label("Reason").fill("They sell to all of them")
    page.get_by_role("button", name="See what it changes").click()
    expect(page).to_have_url(re.compile("do=edit&preview="))
    expect(page.get_by_role("status")).to_contain_text("is being computed")

    work()

    expect(page.get_by_text("60 members are affected:")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name="Edit the role")).to_be_enabled()
    assert role.grants.get(permission="view_lead").scope == Scope.RESPONSIBLE
