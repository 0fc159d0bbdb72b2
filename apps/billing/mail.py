"""What goes out about invoices: written in the database with what it tells of, and handed from there to the mail."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts import datetime_formats, mail
from apps.accounts.isolation import attempt_each
from apps.accounts.mail import Attachment
from apps.accounts.preferences import as_read_by
from apps.billing.models import Mailing
from apps.billing.money import written
from apps.billing.pdf import file_name, invoice_pdf

TEMPLATES = {Mailing.Kind.ISSUED: "invoice_issued", Mailing.Kind.SUSPENDED: "invoice_suspended"}
REMINDERS = {Mailing.Kind.REMINDER_1: 1, Mailing.Kind.REMINDER_2: 2, Mailing.Kind.REMINDER_3: 3}


def send_mailings(account_id: int) -> int:
    """Hand what the account's invoices have to tell to the mail; returns how many there were. Safe to run at once.

    Each is handed over in the transaction that notes it, so once, wherever the process dies; the queue delivers it.

    Raises:
        Exception: what went wrong with a message, once all were tried.
    """
    sent = 0

    def send(pk: int) -> None:
        nonlocal sent
        with transaction.atomic():
            mailing = _take(pk)
            if mailing is not None:
                with as_read_by(None, mailing.invoice.account):
                    _hand_over(mailing)
                mailing.sent_at = timezone.now()
                mailing.save(update_fields=["sent_at"])
        sent += mailing is not None

    waiting = Mailing.objects.filter(account=account_id, sent_at=None).order_by("pk")
    attempt_each(list(waiting.values_list("pk", flat=True)), send)
    return sent


def _hand_over(mailing: Mailing) -> None:
    """The message with the invoice as a PDF; answers to it go to the seller."""
    invoice, kind = mailing.invoice, Mailing.Kind(mailing.kind)
    page = reverse("billing:invoice", args=[invoice.account.slug, invoice.reference])
    words: dict[str, Any] = {
        "kind": invoice.get_kind_display(),
        "is_credit_note": invoice.is_credit_note,
        "number": REMINDERS.get(kind),
        "reference": invoice.reference,
        "account": str(invoice.account),
        "total": written(abs(invoice.total), invoice.currency),
        "due": datetime_formats.written(invoice.due_on, datetime_formats.DateTimeForm.LONG_DAY),
        "seller": invoice.seller_details["name"],
        "address": mail.link(page),
    }
    mail.send(
        TEMPLATES.get(kind, "invoice_reminder"),
        mailing.address,
        words,
        attachments=[Attachment(file_name(invoice), invoice_pdf(invoice), "application/pdf")],
        reply_to=invoice.seller_details["email"],
    )


def _take(pk: int) -> Mailing | None:
    """Return the locked mailing; None if another process has it or it was sent."""
    rows = Mailing.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk, sent_at=None)
    return rows.select_related("invoice__account").first()
