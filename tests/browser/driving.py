"""Driving a real browser: signing in without the form, going somewhere, and taking the guide's pictures.

    def test_an_owner_finds_a_member(live_server: LiveServer, page: Page, cast: Cast) -> None:
        sign_in(page, live_server, cast.owner)
        go(page, live_server, f"/a/{cast.account.slug}/members/")
        page.get_by_role("searchbox").fill("Ben")
        page.get_by_role("button", name="Filter").click()
        expect(page).to_have_url(re.compile("q=Ben"))
        take(page, "members")

`phone`, `dark` and `plain` of this folder's `conftest` are pages like `page`, 390 pixels wide, in dark colours, or
without JavaScript. After each submit, wait for the address that follows (`expect(page).to_have_url`).
"""

from __future__ import annotations

import os
import typing
from pathlib import Path

from django.conf import settings
from PIL import Image
from playwright.sync_api import ConsoleMessage, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.accounts.models import User
from tests.admin.people import browser

PICTURES = Path(settings.BASE_DIR) / "docs" / "images" / "guide"
# `make pictures` sets it; otherwise a test only sees that the page is there.
TAKING = "MANDATE_PICTURES"
COLOURS = 128
# What htmx says of a search whose page was left before it was answered; other failures have names of their own.
BROKEN_OFF = ("htmx:afterRequest", "htmx:sendAbort")
# Bytes: a clone carries each picture for ever.
LARGEST = 120_000


def sign_in(page: Page, live_server: LiveServer, user: User) -> None:
    """Sign the user in by a session of theirs, as if they had filled in the form; all pages of the context have it."""
    session = browser(user).cookies[settings.SESSION_COOKIE_NAME]
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])


def go(page: Page, live_server: LiveServer, path: str) -> None:
    """Open the path, which must answer 200 and be the page's own address."""
    answer = page.goto(f"{live_server.url}{path}")
    assert answer is not None
    assert answer.status == 200, f"{path}: {answer.status}"
    expect(page).to_have_url(f"{live_server.url}{path}")


def faults(page: Page) -> list[str]:
    """What the page complains of from now on: errors of scripts, and what the content security policy refused."""
    found: list[str] = []

    def hear(told: ConsoleMessage) -> None:
        if told.type == "error" and not told.text.startswith(BROKEN_OFF):
            found.append(told.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def sideways(page: Page) -> int:
    """How many pixels the page is wider than its window; 0 is what it should be."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


def take(page: Page, name: str, of: Locator | None = None, *, height: int = 720) -> None:
    """See that the page (or a part of it) is there, and with `MANDATE_PICTURES=1` write its picture for the guide.

    Each picture that `docs/guide/` shows is taken by a test under its name, so that it stays true. `height` is how much
    of the page is shown, in its pixels.
    """
    expect(of or page.get_by_role("heading", level=1).first).to_be_visible()
    if not os.environ.get(TAKING):
        return
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    before = page.viewport_size
    page.set_viewport_size({"width": 1280, "height": height})
    page.evaluate("scrollTo(0, 0)")
    (of or page).screenshot(path=path, animations="disabled")
    if before:
        page.set_viewport_size(before)
    _make_small(path)
    assert path.stat().st_size < LARGEST, f"{name}: {path.stat().st_size} bytes"


def _make_small(path: Path) -> None:
    """Few colours, those that fill most of the picture as they are: a clone carries each picture for ever."""
    with Image.open(path) as taken:
        picture = taken.convert("RGB")
    counted = typing.cast("list[tuple[int, tuple[int, int, int]]]", picture.getcolors(picture.width * picture.height))
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for _, colour in sorted(counted, reverse=True)[:COLOURS] for part in colour])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)
