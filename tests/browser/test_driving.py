"""The frame of an account's pages in a real browser: signed in, on a phone, in the dark, and without JavaScript."""

from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.driving import faults, go, sideways, sign_in
from tests.factories import Cast


def test_an_owner_comes_home(live_server: LiveServer, page: Page, cast: Cast) -> None:
    told = faults(page)
    sign_in(page, live_server, cast.owner)
    go(page, live_server, f"/a/{cast.account.slug}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text(cast.account.name)
    assert told == []


def test_home_fits_a_phone(live_server: LiveServer, phone: Page, cast: Cast) -> None:
    sign_in(phone, live_server, cast.owner)
    go(phone, live_server, f"/a/{cast.account.slug}/")
    assert sideways(phone) == 0


def test_home_is_dark_for_who_likes_it_so(live_server: LiveServer, dark: Page, cast: Cast) -> None:
    sign_in(dark, live_server, cast.owner)
    go(dark, live_server, f"/a/{cast.account.slug}/")
    light = dark.evaluate("getComputedStyle(document.body).backgroundColor")
    dark.emulate_media(color_scheme="light")
    assert dark.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_home_is_whole_without_javascript(live_server: LiveServer, plain: Page, cast: Cast) -> None:
    sign_in(plain, live_server, cast.owner)
    go(plain, live_server, f"/a/{cast.account.slug}/")
    expect(plain.get_by_role("navigation").first).to_be_visible()


def test_a_second_person_takes_the_place_of_the_first(live_server: LiveServer, page: Page, cast: Cast) -> None:
    sign_in(page, live_server, cast.owner)
    go(page, live_server, f"/a/{cast.account.slug}/")
    sign_in(page, live_server, cast.member)
    go(page, live_server, f"/a/{cast.account.slug}/")
    expect(page.locator("body")).to_contain_text("Ben")
