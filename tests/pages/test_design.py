"""The pages and the admin look alike, and nothing runs that is written into a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import unfold
from django.conf import settings

from apps.accounts.models import Branch
from tests.admin.people import browser, everything, staff
from tests.factories import Cast, make_cast

STATIC = Path(settings.BASE_DIR) / "static" / "mandate"
TEMPLATES = Path(settings.BASE_DIR) / "templates"


@pytest.fixture
def branch() -> Branch:
    cast: Cast = make_cast()
    return cast.branch


def test_our_stylesheets_have_every_colour_that_unfolds_stylesheet_reads() -> None:
    unfolds = Path(unfold.__file__ or "").parent / "static" / "unfold" / "css" / "styles.css"
    read = set(re.findall(r"var\((--color-(?:base|primary|font)-[\w-]+|--border-radius)\b", unfolds.read_text()))
    ours = (STATIC / "tokens.css").read_text() + (STATIC / "admin.css").read_text()
    assert len(read) > 20
    assert read - set(re.findall(r"(--[\w-]+): [^;]+;", ours)) == set()


def test_colours_stand_in_the_tokens_alone() -> None:
    for sheet in ("components.css", "pages.css", "permissions.css", "admin.css"):
        found = re.findall(r"(?:oklch|oklab|hsl|rgb)\([^)]*\)|#[0-9a-f]{3,8}\b", (STATIC / sheet).read_text())
        assert {colour for colour in found if not colour.startswith(("rgb(0 0 0", "rgb(255 255 255", "#fff"))} == set()


def test_no_template_of_the_pages_has_scripts_or_styles_in_it() -> None:
    for template in (TEMPLATES / "pages").rglob("*.html"):
        text = template.read_text()
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text), template


@pytest.mark.django_db
def test_the_policy_is_strict_on_the_pages_and_adds_eval_in_the_admin_alone(branch: Branch) -> None:
    client = browser(staff(branch, everything()))
    page = client.get(f"/a/{branch.account.slug}/").headers["Content-Security-Policy"].split("; ")
    admin = client.get("/admin/").headers["Content-Security-Policy"].split("; ")
    assert "script-src 'self'" in page
    assert "unsafe" not in str(page)
    assert set(admin) - set(page) == {"script-src 'self' 'unsafe-eval'"}


@pytest.mark.django_db
def test_times_are_told_in_the_readers_zone(branch: Branch) -> None:
    user = staff(branch, everything(), time_zone="Asia/Tokyo")
    client = browser(user)
    client.get("/")
    here = client.get(f"/a/{branch.account.slug}/")
    assert here.status_code == 200
    user.time_zone = "Not/AZone"
    user.save()
    assert client.get("/").status_code == 200
