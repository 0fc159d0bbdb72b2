"""JSON and YAML of absurd depth, length or numbers is refused in words, wherever people or programs send any."""

from __future__ import annotations

import ast
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from apps.audit.heads import InvalidHeads as HeadsRefused
from apps.audit.heads import read as read_heads
from apps.audit.untrusted import DEEPEST, LONGEST, read_json
from apps.billing.gateways.base import InvalidSignature
from apps.billing.gateways.stripe import StripeGateway
from apps.orgfiles import organisation
from tests.admin.people import browser
from tests.billing.stripes import SECRET, signature
from tests.factories import make_cast
from tests.pages.test_role_files import upload
from tests.pages.test_roles import manager
from tests.signin.people import somebody, with_app

MANY = 200_000
BOMBS = {
    "lists": "[" * MANY,
    "whole lists": "[" * MANY + "]" * MANY,
    "objects": '{"a":' * MANY,
    "mixed": '[{"a":' * MANY,
    "after an escape": r'{"a": "\ud83d\ude00", "b":' + "[" * MANY,
    "number": "9" * MANY,
    "texts": '["' + '\\"' * MANY,
}
bombs = pytest.mark.parametrize("text", list(BOMBS.values()), ids=list(BOMBS))


@bombs
def test_a_bomb_is_no_json(text: str) -> None:
    for sent in (text, text.encode()):
        with pytest.raises(json.JSONDecodeError):
            read_json(sent)


def test_the_limits_are_exact() -> None:
    assert read_json("[" * DEEPEST + "]" * DEEPEST)
    with pytest.raises(json.JSONDecodeError, match="nested too deeply"):
        read_json("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))
    assert read_json('"' + "x" * (LONGEST - 2) + '"')
    with pytest.raises(json.JSONDecodeError, match="longer than"):
        read_json('"' + "x" * (LONGEST - 1) + '"')


plain = st.none() | st.booleans() | st.integers() | st.text(alphabet='[]{}"\\a\u2028', max_size=30)


@given(st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner)))
def test_everything_else_is_read_as_it_is(value: Any) -> None:
    for spaced in (None, 2):
        assert read_json(json.dumps(value, indent=spaced)) == value


@pytest.mark.django_db
@bombs
def test_passkeys_of_strangers_and_of_people(text: str) -> None:
    user = somebody()
    with_app(user)
    signed_in = browser(user)
    signed_in.post("/login/again/", {"password": "correct horse battery staple"})
    for client, address in (
        (Client(), "/mfa/webauthn/login/"),
        (signed_in, "/mfa/webauthn/reauthenticate/"),
        (signed_in, "/mfa/webauthn/add/"),
    ):
        client.raise_request_exception = True
        assert client.post(address, {"credential": text}).status_code in (200, 302), address


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["roles.yaml", "roles.json"])
@bombs
def test_role_files(text: str, name: str) -> None:
    cast = make_cast("amocrm")
    answer = upload(browser(manager(cast)), cast, text, name)
    assert answer.status_code == 200
    assert answer.context["problems"]


@bombs
def test_organisation_files(text: str) -> None:
    for sent in (text, "- " * MANY, "{a: " * MANY):
        with pytest.raises(organisation.InvalidOrganisation):
            organisation.load(BytesIO(sent.encode()))


@bombs
def test_messages_of_the_gateway(text: str) -> None:
    gateway = StripeGateway("sk_test_12345", SECRET)
    with pytest.raises(InvalidSignature):
        gateway.read(text.encode(), signature(text.encode()))


@bombs
def test_heads_of_the_log(text: str) -> None:
    with pytest.raises(HeadsRefused, match="it was not written by audit_heads"):
        read_heads(text.encode())


def test_only_what_we_wrote_ourselves_is_read_in_another_way() -> None:
    """Texts that we sealed, values that the database computed, and single texts in quotes."""
    ours = {
        "apps/access/history/replay.py",
        "apps/accounts/mail.py",
        "apps/accounts/sign_in_emails.py",
        "apps/signin/views/email.py",
        "apps/signin/views/signup.py",
        "apps/audit/untrusted.py",
        "apps/orgfiles/lines.py",
    }
    root = Path(settings.BASE_DIR)
    readers = set()
    for path in [*root.glob("apps/**/*.py"), *root.glob("config/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in (
                "json.loads", "json.load", "yaml.load", "yaml.safe_load", "yaml.compose",
            ):  # fmt: skip
                readers.add(str(path.relative_to(root)))
    assert readers == ours
