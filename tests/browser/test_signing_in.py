"""Signing in in a real browser: with a passkey, with an app's digits, and by a link that a real mail server took."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from django.test import override_settings
from playwright.sync_api import CDPSession, Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.accounts.addresses import vouch_for
from apps.accounts.models import User
from apps.changes.invitations import Invite
from tests.browser.driving import faults, go, sideways, take
from tests.factories import PASSWORD, Cast, published
from tests.mailing import ADDRESS, Postbox, post, postbox
from tests.signin.people import digits

__all__ = ["postbox"]


@pytest.fixture
def owner(cast: Cast) -> User:
    vouch_for([cast.owner])
    return cast.owner


@pytest.fixture(autouse=True)
def _here(live_server: LiveServer) -> Iterator[None]:
    """Links in mails lead to the server of the test."""
    with override_settings(PUBLIC_ADDRESS=live_server.url):
        yield


def device_of(page: Page) -> CDPSession:
    """Give the browser a device that keeps passkeys, and a person who always touches it."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return devices


def fill_in(page: Page, user: User, password: str = PASSWORD) -> None:
    page.get_by_label("Email address").fill(user.email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def show_who(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()


def sign_out(page: Page, live_server: LiveServer) -> None:
    go(page, live_server, "/logout/")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{live_server.url}/login/")


def address_in(postbox: Postbox, email: str) -> str:
    """Where the last mail that a real server took for somebody leads."""
    post()
    letter = postbox.letters()[-1]
    assert letter["To"] == email
    body = letter.get_body(("plain",))
    assert body is not None
    address = ADDRESS.search(str(body.get_content()))
    assert address is not None
    return address[0]


@pytest.mark.parametrize("window", ["page", "phone"])
def test_a_passkey_is_added_and_signs_in_without_the_password(
    live_server: LiveServer, owner: User, window: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    told = faults(page)
    device_of(page)
    go(page, live_server, "/login/")
    fill_in(page, owner)
    expect(page).to_have_url(f"{live_server.url}/")
    page.goto(f"{live_server.url}/mfa/webauthn/add/")
    show_who(page)
    expect(page).to_have_url(f"{live_server.url}/mfa/webauthn/add/")
    page.get_by_label("Name").fill("Ann’s laptop")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")
    go(page, live_server, "/mfa/")
    expect(page.get_by_text("Ann’s laptop")).to_be_visible()
    if window == "page":
        take(page, "second-factor", page.get_by_role("main"))
    assert sideways(page) == 0
    sign_out(page, live_server)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{live_server.url}/")
    go(page, live_server, "/mfa/webauthn/")
    expect(page.get_by_text("Last used on")).to_be_visible()
    assert told == []


def test_a_passkey_leads_where_one_wanted_to_go_and_never_astray(
    live_server: LiveServer, page: Page, owner: User
) -> None:
    device_of(page)
    page.goto(f"{live_server.url}/login/?next=/mfa/webauthn/add/")
    fill_in(page, owner)
    show_who(page)
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")
    for wanted, led in (("/me/sessions/", "/me/sessions/"), ("https://evil.example/", "/"), ("//evil.example/", "/")):
        sign_out(page, live_server)
        page.goto(f"{live_server.url}/login/?next={wanted}")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page).to_have_url(f"{live_server.url}{led}")


def test_a_passkey_is_the_second_factor_beside_the_password(live_server: LiveServer, page: Page, owner: User) -> None:
    device_of(page)
    page.goto(f"{live_server.url}/login/?next=/mfa/webauthn/add/")
    fill_in(page, owner)
    show_who(page)
    page.get_by_label("Sign in with this passkey only").uncheck()
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")
    sign_out(page, live_server)
    fill_in(page, owner)
    expect(page).to_have_url(f"{live_server.url}/mfa/authenticate/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{live_server.url}/")


def test_without_the_device_the_page_says_that_the_passkey_was_not_used(
    live_server: LiveServer, page: Page, owner: User
) -> None:
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": False}},
    )
    go(page, live_server, "/login/")
    page.evaluate("() => { navigator.credentials.get = () => Promise.reject(new DOMException('', 'NotAllowedError')) }")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("The passkey was not used")).to_be_visible()
    expect(page).to_have_url(f"{live_server.url}/login/")


@pytest.mark.parametrize("window", ["page", "phone"])
def test_an_app_is_set_up_and_its_digits_and_a_recovery_code_sign_in(
    live_server: LiveServer, window: str, owner: User, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    page.goto(f"{live_server.url}/login/?next=/mfa/totp/activate/")
    fill_in(page, owner)
    show_who(page)
    expect(page).to_have_url(f"{live_server.url}/mfa/totp/activate/")
    assert sideways(page) == 0
    secret = page.locator("code").inner_text()
    page.get_by_label("Code from the app").fill(digits(secret))
    page.get_by_role("button", name="Turn on").click()
    expect(page).to_have_url(f"{live_server.url}/mfa/recovery-codes/")
    assert sideways(page) == 0
    kept = page.locator("code").all_inner_texts()
    assert len(kept) == 10
    sign_out(page, live_server)
    fill_in(page, owner)
    expect(page).to_have_url(f"{live_server.url}/mfa/authenticate/")
    page.get_by_label("Code").fill(kept[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{live_server.url}/")
    sign_out(page, live_server)
    fill_in(page, owner)
    page.get_by_label("Code").fill(kept[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("This code is incorrect")).to_be_visible()


def test_a_forgotten_password_is_set_anew_by_a_link_in_a_real_mail_without_javascript(
    live_server: LiveServer, plain: Page, owner: User, postbox: Postbox
) -> None:
    go(plain, live_server, "/login/")
    plain.get_by_role("link", name="Forgot your password?").click()
    plain.get_by_label("Email address").fill(owner.email)
    plain.get_by_role("button", name="Send link").click()
    expect(plain).to_have_url(f"{live_server.url}/password/reset/done/")
    plain.goto(address_in(postbox, owner.email))
    expect(plain.get_by_role("heading", level=1)).to_have_text("Choose a new password")
    plain.get_by_label("New password").fill("seven green bottles on a wall")
    plain.get_by_label("Confirm password").fill("seven green bottles on a wall")
    plain.get_by_role("button", name="Save password").click()
    expect(plain).to_have_url(f"{live_server.url}/password/reset/key/done/")
    plain.get_by_role("link", name="Sign in").click()
    fill_in(plain, owner, "seven green bottles on a wall")
    expect(plain).to_have_url(f"{live_server.url}/")


def test_where_one_is_signed_in_is_seen_and_ended(
    live_server: LiveServer, page: Page, phone: Page, owner: User
) -> None:
    for window in (phone, page):
        go(window, live_server, "/login/")
        fill_in(window, owner)
        expect(window).to_have_url(f"{live_server.url}/")
    go(page, live_server, "/me/")
    page.get_by_role("link", name="View your sessions").click()
    expect(page.get_by_text("This device", exact=True)).to_be_visible()
    page.get_by_role("button", name=re.compile("^End the session of")).click()
    show_who(page)
    expect(page).to_have_url(f"{live_server.url}/me/sessions/")
    expect(page.get_by_text("Session ended.")).to_be_visible()
    phone.goto(f"{live_server.url}/me/")
    expect(phone).to_have_url(f"{live_server.url}/login/?next=/me/")


@pytest.mark.parametrize("window", ["page", "phone", "plain"])
def test_an_invitation_is_accepted_and_a_second_use_is_refused(
    live_server: LiveServer, window: str, cast: Cast, postbox: Postbox, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    role = published(cast.account.scheme, "member").pk
    change = Invite(account_id=cast.account.pk, email="zoe@acme.example", role_id=role, branch_id=cast.branch.pk)
    change.apply(actor=cast.owner, reason="We grow")
    address = address_in(postbox, "zoe@acme.example")
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"You are invited to {cast.account}")
    assert sideways(page) == 0
    page.get_by_label("Your name").fill("Zoe Zimmer")
    page.get_by_label("Password").fill("a heron stands in the rain")
    page.get_by_role("button", name="Accept invitation").click()
    expect(page).to_have_url(f"{live_server.url}/a/{cast.account.slug}/")
    page.goto(address)
    expect(page.get_by_text("This invitation was already accepted.")).to_be_visible()
    page.context.clear_cookies()
    page.goto(address)
    expect(page.get_by_text("This invitation was already accepted.")).to_be_visible()


@pytest.mark.parametrize("window", ["page", "phone", "plain"])
def test_a_link_that_was_passed_on_has_the_mail_sent_that_lets_in(
    live_server: LiveServer, window: str, cast: Cast, postbox: Postbox, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    role = published(cast.account.scheme, "member").pk
    change = Invite(account_id=cast.account.pk, email="zoe@acme.example", role_id=role, branch_id=cast.branch.pk)
    change.apply(actor=cast.owner, reason="We grow")
    go(page, live_server, f"/invitations/{change.token}/")
    assert sideways(page) == 0
    page.get_by_role("button", name="Send link").click()
    expect(page.get_by_role("status")).to_have_text(
        "We have sent a link to z***@acme.example. Open it to accept the invitation."
    )
    page.goto(address_in(postbox, "zoe@acme.example"))
    page.get_by_label("Your name").fill("Zoe Zimmer")
    page.get_by_label("Password").fill("a heron stands in the rain")
    page.get_by_role("button", name="Accept invitation").click()
    expect(page).to_have_url(f"{live_server.url}/a/{cast.account.slug}/")


@pytest.mark.parametrize("window", ["page", "phone", "plain"])
def test_an_organisation_opens_an_account_of_its_own(
    live_server: LiveServer, window: str, cast: Cast, postbox: Postbox, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    go(page, live_server, "/login/")
    page.get_by_role("link", name="Create an account for your organisation").click()
    expect(page).to_have_url(f"{live_server.url}/signup/")
    assert sideways(page) == 0
    page.get_by_label("Organisation name").fill("Acme")
    page.get_by_label("Staff ladder").check()
    page.get_by_label("Your name").fill("Mia Miller")
    page.get_by_label("Email address").fill("mia@miller.example")
    page.get_by_role("button", name="Send confirmation link").click()
    expect(page.get_by_text("“acme” is taken. Choose another one.")).to_be_visible()
    page.get_by_label("Web address").fill("acme-miller")
    page.get_by_role("button", name="Send confirmation link").click()
    expect(page).to_have_url(f"{live_server.url}/login/verify/")
    page.goto(address_in(postbox, "mia@miller.example"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Create Acme?")
    page.get_by_label("Password").fill("a heron stands in the rain")
    page.get_by_role("button", name="Create account").click()
    expect(page).to_have_url(f"{live_server.url}/a/acme-miller/")


@pytest.mark.parametrize("window", ["page", "phone", "plain"])
def test_a_token_is_made_lets_a_program_read_and_is_ended(
    live_server: LiveServer, window: str, cast: Cast, owner: User, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    page.goto(f"{live_server.url}/login/?next=/me/")
    fill_in(page, owner)
    page.get_by_role("link", name="View your API tokens").click()
    expect(page).to_have_url(f"{live_server.url}/me/tokens/")
    page.get_by_role("link", name="Create token").click()
    show_who(page)
    expect(page).to_have_url(f"{live_server.url}/me/tokens/new/")
    assert sideways(page) == 0
    page.get_by_label("Name").fill("Nightly report")
    page.get_by_label("Expires after").select_option("90")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nightly report")
    assert sideways(page) == 0
    asked = Request(
        f"{live_server.url}/a/{cast.account.slug}/why/?user={cast.member.email}&permission=view_lead"
        f"&branch={cast.branch.slug}",
        headers={"Authorization": f"Bearer {page.locator('code').inner_text()}"},
    )
    with urlopen(asked) as answer:
        assert answer.headers["Set-Cookie"] is None
        assert json.load(answer)["user"] == cast.member.email
    page.get_by_role("link", name="I have saved it").click()
    expect(page.get_by_text("last used")).to_be_visible()
    assert sideways(page) == 0
    page.get_by_role("button", name="End the token Nightly report").click()
    expect(page.get_by_text("Token revoked.")).to_be_visible()
    with pytest.raises(HTTPError, match="401"):
        urlopen(asked)


@pytest.mark.parametrize("window", ["page", "phone", "plain"])
def test_the_address_changes_by_a_link_in_a_real_mail(
    live_server: LiveServer, window: str, owner: User, postbox: Postbox, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(window)
    page.goto(f"{live_server.url}/login/?next=/me/")
    fill_in(page, owner)
    page.get_by_role("link", name="Change email address").click()
    show_who(page)
    expect(page).to_have_url(f"{live_server.url}/me/email/")
    assert sideways(page) == 0
    page.get_by_label("New email address").fill("ann@new.example")
    page.get_by_role("button", name="Send link").click()
    expect(page.get_by_text("We sent a link to ann@new.example.")).to_be_visible()
    expect(page.get_by_text(owner.email, exact=True)).to_be_visible()
    page.goto(address_in(postbox, "ann@new.example"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm your email address")
    assert sideways(page) == 0
    page.get_by_role("button", name="Change email address").click()
    expect(page.get_by_text("You now sign in as ann@new.example.")).to_be_visible()
    post()
    assert postbox.letters()[-1]["To"] == owner.email
    sign_out(page, live_server)
    fill_in(page, User(email="ann@new.example"))
    expect(page).to_have_url(f"{live_server.url}/")
