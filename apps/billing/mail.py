"""What goes out about invoices: written in the database with what it tells of, and sent from there."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from apps.billing.models import Mailing
from apps.billing.money import written
from apps.billing.pdf import file_name, invoice_pdf

logger = logging.getLogger(__name__)

SUBJECTS = {
    Mailing.Kind.ISSUED: "{kind} {reference}",
    Mailing.Kind.REMINDER_1: "Reminder: invoice {reference} was due on {due}",
    Mailing.Kind.REMINDER_2: "Second reminder: invoice {reference} was due on {due}",
    Mailing.Kind.REMINDER_3: "Last reminder: invoice {reference} was due on {due}",
    Mailing.Kind.SUSPENDED: "{account} is read-only until invoice {reference} is paid",
}
TEXTS = {
    Mailing.Kind.ISSUED: "Attached is {noun} {reference} for {account} over {total}.{until}",
    Mailing.Kind.REMINDER_1: "Invoice {reference} over {total} was to be paid by {due}, and we have not seen it yet. "
    "If you have paid meanwhile, there is nothing more to do.",
    Mailing.Kind.REMINDER_2: "Invoice {reference} over {total} was to be paid by {due} and is still open. "
    "Please pay it in the next days.",
    Mailing.Kind.REMINDER_3: "Invoice {reference} over {total} was to be paid by {due} and is still open. If it is not "
    "paid soon, {account} becomes read-only: everybody can look at everything, and nobody can change anything.",
    Mailing.Kind.SUSPENDED: "Invoice {reference} over {total} was to be paid by {due}. {account} is read-only from now "
    "on. Nothing is lost, and everything is as it was as soon as the invoice is paid.",
}


def send_mailings(account_id: int) -> int:
    """Send what the account's invoices have to tell; returns how many went out. Safe to run twice at once.

    Each goes out in a transaction of its own, which notes that it went. Should the process die just between the two, it
    goes out a second time rather than never.
    """
    sent = 0
    waiting = list(Mailing.objects.filter(account=account_id, sent_at=None).order_by("pk").values_list("pk", flat=True))
    for pk in waiting:
        with transaction.atomic():
            mailing = _take(pk)
            if mailing is not None and _send(mailing):
                mailing.sent_at = timezone.now()
                mailing.save(update_fields=["sent_at"])
                sent += 1
    return sent


def message(mailing: Mailing) -> EmailMessage:
    """The message with the invoice as a PDF."""
    invoice = mailing.invoice
    words = {
        "kind": invoice.get_kind_display(),
        "noun": invoice.get_kind_display().lower(),
        "reference": invoice.reference,
        "account": str(invoice.account),
        "total": written(abs(invoice.total), invoice.currency),
        "due": f"{invoice.due_on:%-d %B %Y}",
        "until": "" if invoice.is_credit_note else f" Please pay it by {invoice.due_on:%-d %B %Y}.",
    }
    kind = Mailing.Kind(mailing.kind)
    seller = invoice.seller_details
    found = EmailMessage(
        subject=SUBJECTS[kind].format(**words),
        body=f"Hello,\n\n{TEXTS[kind].format(**words)}\n\n{seller['name']}\n{seller['email']}\n",
        from_email=seller["email"],
        to=[mailing.address],
    )
    found.attach(file_name(invoice), invoice_pdf(invoice), "application/pdf")
    return found


def _send(mailing: Mailing) -> bool:
    """Whether it went out; what the mail server does not take is tried again by the next run."""
    try:
        message(mailing).send()
    except (OSError, SMTPException):
        logger.exception("The message %s about invoice %s was not sent", mailing.pk, mailing.invoice.reference)
        return False
    return True


def _take(pk: int) -> Mailing | None:
    """The mailing under its lock; None where somebody else sends it, or has sent it."""
    rows = Mailing.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk, sent_at=None)
    return rows.select_related("invoice__account").first()
