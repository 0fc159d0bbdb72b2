"""What goes out: the message, once, with the invoice as a PDF that says what the invoice says."""

from __future__ import annotations

import re
import zlib
from base64 import a85decode
from datetime import date
from unittest.mock import patch

import pytest

from apps.billing.invoicing import credit
from apps.billing.mail import send_mailings
from apps.billing.models import Mailing
from apps.billing.pdf import file_name, invoice_pdf
from apps.billing.running import run_account, run_billing
from tests.billing.cases import START, begin, invoices, on
from tests.factories import make_cast
from tests.mailing import post

pytestmark = pytest.mark.django_db


def test_the_message_goes_out_once_with_the_invoice() -> None:
    cast = make_cast()
    begin(cast.account)
    with on(START):
        run_billing([cast.account.pk])
        run_billing([cast.account.pk])
    (message,) = post()
    invoice = invoices(cast.account)[0]
    assert (message.to, message.reply_to) == (["bills@acme.example"], [invoice.seller_details["email"]])
    assert f"/a/acme/billing/invoices/{invoice.reference}/" in str(message.body)
    assert invoice.reference in message.subject
    assert "€142.80" in str(message.body)
    ((name, content, kind),) = message.attachments
    assert (name, kind) == (f"invoice-{invoice.reference}.pdf", "application/pdf")
    assert content == invoice_pdf(invoice)


def test_a_message_is_handed_to_the_mail_with_the_note_that_it_was_or_not_at_all() -> None:
    cast = make_cast()
    begin(cast.account)
    with patch("apps.billing.mail.timezone.now", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        send_mailings(cast.account.pk)
    assert post() == []
    assert send_mailings(cast.account.pk) == 1
    assert send_mailings(cast.account.pk) == 0
    assert len(post()) == 1


def test_reminders_say_what_is_late() -> None:
    cast = make_cast("atmos")
    begin(cast.account)
    for day in (date(2026, 1, 20), date(2026, 2, 3), date(2026, 2, 20)):
        with on(day):
            run_account(cast.account.pk)
    send_mailings(cast.account.pk)
    subjects = [message.subject for message in post()]
    assert any(subject.startswith("Reminder") for subject in subjects)
    assert any(subject.startswith("Last reminder") for subject in subjects)
    assert any("read-only" in subject for subject in subjects)
    assert Mailing.objects.filter(sent_at=None).count() == 0


def test_the_pdf_of_an_invoice_is_always_the_same() -> None:
    cast = make_cast()
    begin(cast.account, name="Żółw & Søn <GmbH> Ōsaka 株式会社")
    invoice = invoices(cast.account)[0]
    first = invoice_pdf(invoice)
    assert first == invoice_pdf(invoice)
    assert b"/Count 1" in first
    note = credit(invoice.pk, cast.account.pk, actor=None, reason="A favour")
    assert file_name(note) == f"credit-note-{note.reference}.pdf"
    assert invoice_pdf(note) != first


def test_names_and_addresses_stand_in_the_pdf_in_their_own_letters() -> None:
    cast = make_cast()
    begin(cast.account, name="Ωκεανός Щука Łódź", address="Ґанок 1\nΘεσσαλονίκη")
    plain = _streams(invoice_pdf(invoices(cast.account)[0]))
    # The font's part in the file says which letters it shows, by their code points.
    assert [letter for letter in "ΩόςЩукаŁźҐΘ" if f"<{ord(letter):04X}>".encode() not in plain] == []


def test_a_pdf_holds_text_that_can_be_read() -> None:
    cast = make_cast()
    begin(cast.account)
    assert b" Tj" in _streams(invoice_pdf(invoices(cast.account)[0]))


def _streams(content: bytes) -> bytes:
    streams = re.findall(rb"stream\r?\n(.*?)endstream", content, re.S)
    return b"".join(_inflated(stream) for stream in streams)


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(a85decode(stream.strip(), adobe=False) if stream.strip().endswith(b"~>") else stream)
    except (ValueError, zlib.error):
        return zlib.decompress(a85decode(b"<~" + stream.strip(), adobe=True)) if b"~>" in stream else b""
