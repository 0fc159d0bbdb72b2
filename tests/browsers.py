"""Chromium for the tests in a browser: the operating system's, since Playwright's own is a download."""

import os
import shutil
from typing import Any

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def chromium_path() -> str:
    """The installed Chromium. Fails the test where there is none: a test that is skipped proves nothing."""
    for name in CHROMIUM_NAMES:
        if path := shutil.which(name):
            return path
    pytest.fail("The browser tests need Chromium: `make test` installs it as root, or install it by hand.")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """How pytest-playwright starts the browser.

    No sandbox, since root has none; nothing in the background, so that the browser talks to the test's server
    alone.
    """
    # From here on Playwright's event loop runs in this thread, where Django would refuse to query.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    return {
        **browser_type_launch_args,
        "executable_path": chromium_path(),
        "args": [
            "--no-sandbox",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
        ],
    }
