"""The browsers of the tests of pages, beside pytest-playwright's `page` (1280 pixels wide, light)."""

import pytest
from playwright.sync_api import Page
from pytest_playwright.pytest_playwright import CreateContextCallback

from tests.factories import Cast, make_cast


@pytest.fixture
def cast(live_server: object) -> Cast:
    """The cast in a database that the server of the test reads too."""
    return make_cast()


@pytest.fixture
def phone(new_context: CreateContextCallback) -> Page:
    """A page on a phone."""
    return new_context(viewport={"width": 390, "height": 844}, has_touch=True).new_page()


@pytest.fixture
def dark(new_context: CreateContextCallback) -> Page:
    """A page of somebody who likes dark colours."""
    return new_context(color_scheme="dark").new_page()


@pytest.fixture
def plain(new_context: CreateContextCallback) -> Page:
    """A page in a browser that runs no JavaScript."""
    return new_context(java_script_enabled=False).new_page()
