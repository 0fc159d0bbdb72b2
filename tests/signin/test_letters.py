"""What people write stays text in every mail: no subject, paragraph, header, button or markup comes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Engine
from django.test import override_settings
from django.utils import timezone

from apps.accounts import mail
from apps.accounts.origins import is_ours
from tests.mailing import post

OURS = "http://testserver/somewhere/?proof=abc"
PLAIN = "Ann"
HOSTILE = (
    "Eve\r\nBcc: all@evil.example\n\nhttp://testserver.evil.example/\n\nhttp://testserver/trap/\n \n"
    "http://testserver\x0b\x0b\x85\u2028\u2029<b>bold</b><script>alert(1)</script>{{ 7|add:7 }}{% now 'Y' %}"
)
NOW = timezone.now()


class Written:
    """A person, an account or whatever else a mail names: all of it is what somebody wrote, but for what is given."""

    def __init__(self, text: str, **given: Any) -> None:
        self._text = text
        self.__dict__ |= given

    def __getattr__(self, name: str) -> Written:
        if name.startswith("_"):
            raise AttributeError(name)
        return Written(self._text)

    def __str__(self) -> str:
        return self._text


# For each mail: what people write in it, and the rest of its values in each form that it takes. `address`, or the other
# name of a button, is ours.
Values = Mapping[str, Any]
LETTERS: dict[str, tuple[tuple[str, ...], str, list[Values]]] = {
    "email_change": (("name", "before"), "address", [{}]),
    "email_change_known": ((), "sign_in", [{}]),
    "email_changed": (("name", "email"), "", [{}]),
    "email_confirmation": (("user",), "activate_url", [{}]),
    "ending": (
        ("permission", "person"),
        "address",
        [{"mine": True, "override": {"expires_at": NOW}}, {"mine": False, "override": {"expires_at": NOW}}],
    ),
    "invitation": (
        ("by",),
        "address",
        [{"invitation": {"expires_at": NOW}}, {"invitation": {"expires_at": NOW, "branch": None}}],
    ),
    "invoice_issued": (
        ("kind", "reference", "account", "total", "due", "seller"),
        "address",
        [{"is_credit_note": False}, {"is_credit_note": True}],
    ),
    "invoice_reminder": (
        ("reference", "account", "total", "due", "seller"),
        "address",
        [{"number": 1}, {"number": 2}, {"number": 3}],
    ),
    "invoice_suspended": (("reference", "account", "total", "due", "seller"), "address", [{}]),
    "mfa_reset": (("user", "account", "by", "reason"), "sign_in", [{}]),
    "password_changed": (("ip",), "", [{"timestamp": NOW}]),
    "password_reset": (("ip",), "", [{"timestamp": NOW}]),
    "password_reset_key": (("user",), "password_reset_url", [{}]),
    "password_set": (("ip",), "", [{"timestamp": NOW}]),
    "recovery_codes_generated": (("ip",), "", [{"timestamp": NOW}]),
    "request_decided": (
        ("permission", "person", "reference"),
        "address",
        [{"asked": {"status": "approved", "expires_at": NOW}}, {"asked": {"status": "declined", "expires_at": None}}],
    ),
    "request_made": (
        ("permission", "person"),
        "address",
        [{"asked": {}, "reference": ...}, {"asked": {}, "about": True}, {"asked": {}}],
    ),
    "sign_up": (("name", "organisation"), "address", [{}]),
    "sign_up_known": ((), "sign_in", [{}]),
    "token_made": (("name", "token"), "", [{"ends_at": NOW}]),
    "totp_activated": (("ip",), "", [{"timestamp": NOW}]),
    "totp_deactivated": (("ip",), "", [{"timestamp": NOW}]),
    "webauthn_added": (("ip",), "", [{"timestamp": NOW}]),
    "webauthn_removed": (("ip",), "", [{"timestamp": NOW}]),
}
CASES = [(name, number) for name, (_, _, forms) in LETTERS.items() for number in range(len(forms))]


def context_of(name: str, number: int, text: str) -> dict[str, Any]:
    """The values of a mail in one of its forms, where people write this text."""
    written, button, forms = LETTERS[name]
    found: dict[str, Any] = {each: Written(text) for each in written}
    for key, value in forms[number].items():
        if isinstance(value, dict):
            found[key] = Written(text, **value)
        else:
            found[key] = Written(text) if value is ... else value
    return found | ({button: OURS} if button else {})


def sent(name: str, number: int, text: str) -> EmailMultiAlternatives:
    mail.send(name, "ann@acme.example", context_of(name, number, text))
    (message,) = post()
    return message


def paragraphs(message: EmailMultiAlternatives) -> list[str]:
    return re.split(r"\n\s*\n", str(message.body))


def html_of(message: EmailMultiAlternatives) -> str:
    return str(message.alternatives[0][0])


def test_every_mail_stands_in_the_table() -> None:
    there = {path.stem for path in (Path(settings.BASE_DIR) / "templates" / "mail").glob("*.txt")}
    assert there - {"letter"} == set(LETTERS)


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "number"), CASES)
def test_what_people_write_adds_nothing_to_a_mail(name: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine.get_default(), "string_if_invalid", "MISSING %s")
    plain, hostile = sent(name, number, PLAIN), sent(name, number, HOSTILE)
    flat = " ".join(HOSTILE.split())
    assert "MISSING" not in str(plain.body)
    assert hostile.subject == plain.subject.replace(PLAIN, flat)
    assert len(paragraphs(hostile)) == len(paragraphs(plain))
    assert str(hostile.body) == str(plain.body).replace(PLAIN, flat)
    links = [OURS] if LETTERS[name][1] else []
    for message in (plain, hostile):
        assert re.findall(r'href="([^"]*)"', html_of(message)) == links
        assert [each for each in paragraphs(message) if each.startswith("http") and " " not in each] == links
    assert len(re.findall("<p[ >]", html_of(hostile))) == len(re.findall("<p[ >]", html_of(plain)))
    assert "<script" not in html_of(hostile)
    assert "<b>" not in html_of(hostile)
    assert set(hostile.message().keys()) == set(plain.message().keys())
    assert hostile.recipients() == ["ann@acme.example"]


@pytest.mark.parametrize(("address", "ours"), [
    ("https://crm.example", True),
    ("https://crm.example/a/acme/?next=/b#c", True),
    ("https://CRM.example:443/", True),
    ("https://crm.example.evil.example/", False),
    ("https://crm.example@evil.example/", False),
    ("https://crm.example:8443/", False),
    ("https://crm.example:x/", False),
    ("http://crm.example/", False),
    ("//crm.example/", False),
    ("/a/acme/", False),
    ("https://crm.example\\@evil.example/", False),
    ("https://crm.example\n.evil.example/", False),
    (" https://crm.example/", False),
    ("javascript:alert(1)//https://crm.example", False),
    ("https:/crm.example/", False),
    ("https://[crm.example/", False),
    ("", False),
])  # fmt: skip
def test_an_address_is_ours_by_scheme_host_and_port(address: str, ours: bool) -> None:
    with override_settings(PUBLIC_ADDRESS="https://crm.example"):
        assert is_ours(address) is ours


def test_a_button_leads_to_a_page_of_ours_or_the_mail_is_not_sent() -> None:
    for address in ("http://testserver.evil.example/", "https://testserver/", "", "somewhere"):
        with pytest.raises(ValueError, match="a page of ours"):
            mail.compose("sign_up", context_of("sign_up", 0, PLAIN) | {"address": address})
