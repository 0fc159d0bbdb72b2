"""The settings in a real browser: a status renamed, the account closed and kept; on a phone and without a script."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.crm.models import LeadStatus
from tests.browser.driving import faults, go, sideways, sign_in, take
from tests.factories import Cast


def rename(page: Page, live_server: LiveServer, cast: Cast, *, pictures: bool = False) -> None:
    """The owner calls a status otherwise, and moves it up."""
    LeadStatus.objects.filter(account=cast.account).delete()
    for position, name in enumerate(("New", "Contacted")):
        LeadStatus.objects.create(account=cast.account, name=name, position=position)
    settings = f"/a/{cast.account.slug}/settings/"
    statuses = f"{live_server.url}{settings}lead-statuses/"
    sign_in(page, live_server, cast.owner)
    go(page, live_server, settings)
    if pictures:
        take(page, "settings", height=1130)
    page.get_by_role("link", name="Lead statuses").click()
    expect(page).to_have_url(statuses)
    page.get_by_role("link", name="Contacted", exact=True).click()
    page.get_by_label("Name").fill("In touch")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(statuses)
    page.get_by_role("button", name="Move “In touch” up").click()
    expect(page.locator(".m-entries li").first).to_contain_text("In touch")
    assert sideways(page) == 0


def close_and_keep(page: Page, live_server: LiveServer, cast: Cast) -> None:
    """The owner closes the account, sees until when it is kept, and takes it back."""
    closing = f"/a/{cast.account.slug}/settings/closing/"
    sign_in(page, live_server, cast.owner)
    go(page, live_server, closing)
    page.get_by_label("The account’s name").fill(cast.account.name)
    page.get_by_label("Reason").fill("We merge with another one")
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_text("Nothing has changed yet.")).to_be_visible()
    page.get_by_role("button", name="Close account").click()
    expect(page.get_by_text("closes on")).to_be_visible()
    expect(page).to_have_url(f"{live_server.url}{closing}")
    page.get_by_label("Reason").fill("We stay")
    page.get_by_role("button", name="Preview changes").click()
    page.get_by_role("button", name="Keep account").click()
    expect(page.get_by_label("The account’s name")).to_be_visible()
    expect(page).to_have_url(f"{live_server.url}{closing}")
    cast.account.refresh_from_db()
    assert cast.account.status == "active"
    assert sideways(page) == 0


def test_an_owner_renames_a_status(live_server: LiveServer, page: Page, cast: Cast) -> None:
    told = faults(page)
    rename(page, live_server, cast, pictures=True)
    assert told == []


def test_an_owner_renames_a_status_on_a_phone_without_javascript(
    live_server: LiveServer, plain: Page, cast: Cast
) -> None:
    plain.set_viewport_size({"width": 390, "height": 844})
    rename(plain, live_server, cast)


def test_an_owner_closes_the_account_and_takes_it_back(live_server: LiveServer, page: Page, cast: Cast) -> None:
    close_and_keep(page, live_server, cast)


def test_an_owner_closes_the_account_on_a_phone_without_javascript(
    live_server: LiveServer, plain: Page, cast: Cast
) -> None:
    plain.set_viewport_size({"width": 390, "height": 844})
    close_and_keep(plain, live_server, cast)


def keep_a_pipeline(page: Page, live_server: LiveServer, cast: Cast) -> None:
    """The owner adds a pipeline with two statuses, puts it first, and stops offering the other one."""
    pipelines = f"{live_server.url}/a/{cast.account.slug}/settings/pipelines/"
    sign_in(page, live_server, cast.owner)
    page.goto(pipelines)
    expect(page.get_by_role("button", name="Stop offering")).to_have_attribute("aria-disabled", "true")
    assert sideways(page) == 0
    page.get_by_label("Name").fill("Renewals")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Statuses of “Renewals”")).to_be_visible()
    for name in ("Contract ends", "Renewed"):
        page.get_by_label("Name").fill(name)
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
    assert sideways(page) == 0
    page.get_by_role("link", name="Pipelines", exact=True).click()
    expect(page).to_have_url(pipelines)
    page.get_by_role("button", name="Move “Renewals” up").click()
    expect(page.locator(".m-entries li").first).to_contain_text("Contract ends, Renewed")
    page.get_by_role("button", name=re.compile(r"Stop offering\s*: Sales")).click()
    expect(page.locator(".m-entries li").last).to_contain_text("no longer offered")
    assert sideways(page) == 0


def test_an_owner_keeps_a_second_pipeline(live_server: LiveServer, page: Page, cast: Cast) -> None:
    told = faults(page)
    keep_a_pipeline(page, live_server, cast)
    assert told == []


def test_an_owner_keeps_a_second_pipeline_on_a_phone_without_javascript(
    live_server: LiveServer, plain: Page, cast: Cast
) -> None:
    plain.set_viewport_size({"width": 390, "height": 844})
    keep_a_pipeline(plain, live_server, cast)
