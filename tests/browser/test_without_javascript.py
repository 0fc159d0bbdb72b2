"""The whole path of an owner without JavaScript: from signing in to a change, the log, and undoing it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.access.models import Override
from apps.access.policy import may
from apps.accounts.addresses import vouch_for
from tests.browser.driving import sideways
from tests.factories import PASSWORD, Cast


@pytest.mark.parametrize("width", [1280, 390])
def test_an_owner_signs_in_changes_reads_and_undoes(
    live_server: LiveServer, plain: Page, cast: Cast, width: int
) -> None:
    plain.set_viewport_size({"width": width, "height": 844})
    vouch_for([cast.owner])
    account = f"{live_server.url}/a/{cast.account.slug}/"
    plain.goto(f"{account}members/")
    expect(plain).to_have_url(re.compile("/login/"))
    plain.get_by_label("Email address").fill(cast.owner.email)
    plain.get_by_label("Password").fill(PASSWORD)
    plain.get_by_role("button", name="Sign in", exact=True).click()
    expect(plain).to_have_url(f"{account}members/")

    plain.get_by_role("link", name="Ben Baker").click()
    expect(plain).to_have_url(f"{account}members/{cast.member.pk}/")
    plain.get_by_role("link", name="Update permissions").click()
    expect(plain).to_have_url(f"{account}members/{cast.member.pk}/permissions/{cast.branch.slug}/")
    assert sideways(plain) == 0
    plain.locator("label", has_text=re.compile("^Billing$")).click()
    plain.get_by_role("group", name="View billing").get_by_text("Permitted").click()
    plain.get_by_label("Reason").fill("Keeps the books")
    plain.get_by_role("button", name="Preview changes").click()
    expect(plain.get_by_role("heading", name="What will change")).to_be_visible()
    assert not Override.objects.exists()
    assert sideways(plain) == 0
    plain.get_by_role("button", name="Update permissions").click()
    expect(plain.get_by_role("status")).to_contain_text("Changes saved.")
    assert may(cast.member, "view_billing", cast.branch)

    plain.get_by_role("link", name="View in audit log").click()
    expect(plain).to_have_url(re.compile(r"/audit/\d+/$"))
    expect(plain.get_by_role("main")).to_contain_text("Keeps the books")
    assert sideways(plain) == 0
    plain.get_by_role("link", name="Undo this").click()
    expect(plain).to_have_url(re.compile(r"/audit/\d+/undo/$"))
    plain.get_by_label("Reason").fill("It was somebody else")
    plain.get_by_role("button", name="Preview changes").click()
    expect(plain.get_by_text("What will change")).to_be_visible()
    plain.get_by_role("button", name="Undo this").click()
    expect(plain).to_have_url(re.compile(r"/audit/\d+/$"))
    expect(plain.get_by_role("main")).to_contain_text("It was somebody else")
    assert not Override.objects.exists()
