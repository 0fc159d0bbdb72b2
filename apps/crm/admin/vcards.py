"""Contacts as vCards (RFC 2426)."""

from __future__ import annotations

from typing import Any

import vobject
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from apps.access.context import access_of, veil
from apps.backoffice.actions import BulkAction, log_export
from apps.crm.models import Contact


def vcard(contact: Contact) -> str:
    """The contact as one vCard 3.0; its company only where the caller left it visible.

    A contact has one name, which goes where a card wants the given one.
    """
    card = vobject.vCard()
    card.add("uid").value = f"{contact.account_id}-{contact.reference}"
    card.add("fn").value = _line(contact.name)
    card.add("n").value = vobject.vcard.Name(given=_line(contact.name))
    if contact.company is not None:
        card.add("org").value = [_line(contact.company.name)]
    for name, values in {
        "title": [contact.job_title],
        "email": contact.emails,
        "tel": contact.phones,
        "url": [contact.website],
    }.items():
        for value in filter(None, values):
            card.add(name).value = _line(value)
    if any((contact.street, contact.city, contact.region, contact.postal_code, contact.country)):
        card.add("adr").value = vobject.vcard.Address(
            street=contact.street.replace("\r", ""),
            city=_line(contact.city),
            region=_line(contact.region),
            code=_line(contact.postal_code),
            country=_line(contact.country),
        )
    text: str = card.serialize()
    return text


def _line(text: str) -> str:
    """The text on one line: the library escapes what has a meaning in a card, but not a carriage return."""
    return " ".join(str(text).split())


def download(model_admin: Any, request: HttpRequest, rows: list[Any]) -> HttpResponse:
    """The contacts as one file."""
    log_export(request, rows, "vCard")
    veil(access_of(request), rows)
    response = HttpResponse("".join(vcard(row) for row in rows), content_type="text/vcard; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="contacts.vcf"'
    return response


VCARD = BulkAction("download_vcard", _("Download vCard"), "contact_page", download, "view", bulk="download_vcard")
