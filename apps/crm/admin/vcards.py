"""Contacts as vCards (RFC 6350)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from apps.access.admin.actions import BulkAction, log_export
from apps.access.admin.desk import desk_of, veil
from apps.crm.models import Contact

_LONGEST_LINE = 75


def vcard(contact: Contact) -> str:
    """The contact as one vCard 4.0; its company only where the caller left it in sight."""
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"FN:{_text(contact.name)}", f"UID:{contact.account_id}-{contact.reference}"]
    if contact.company is not None:
        lines.append(f"ORG:{_text(contact.company.name)}")
    if contact.job_title:
        lines.append(f"TITLE:{_text(contact.job_title)}")
    lines += [f"EMAIL:{_text(email)}" for email in contact.emails]
    lines += [f"TEL:{_text(phone)}" for phone in contact.phones]
    if contact.website:
        lines.append(f"URL:{_text(contact.website)}")
    place = (contact.street, contact.city, contact.region, contact.postal_code, contact.country)
    if any(place):
        lines.append(f"ADR:;;{';'.join(_text(part) for part in place)}")
    lines.append("END:VCARD")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _text(value: str) -> str:
    """A value with the characters escaped that would end it, so that it stays one value of one line."""
    plain = value.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    return plain.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def _folded(line: str) -> str:
    """The line in pieces of at most 75 octets, as the format wants it; no character is cut in two."""
    pieces, piece, size = [], "", 0
    for character in line:
        width = len(character.encode())
        if size + width > _LONGEST_LINE:
            pieces.append(piece)
            piece, size = " ", 1
        piece += character
        size += width
    return "\r\n".join([*pieces, piece])


def download(model_admin: Any, request: HttpRequest, rows: list[Any]) -> HttpResponse:
    """The contacts as one file."""
    log_export(request, rows, "vCard")
    veil(desk_of(request), rows)
    response = HttpResponse("".join(vcard(row) for row in rows), content_type="text/vcard; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="contacts.vcf"'
    return response


VCARD = BulkAction("download_vcard", "Download vCard", "contact_page", download, "view", bulk="download_vcard")
