"""How records are found by what people type: a name, an e-mail address, a phone number, a reference or an id."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q, QuerySet

from apps.crm.models.fields import normalised_email, normalised_phone

_REFERENCE = re.compile(r"[A-Za-z]-\d{1,18}")
_NUMBER = re.compile(r"\d{1,18}")
_PHONE = re.compile(r"\+?[\d\s()/.-]{5,}")
WORDS = 6


def matching(rows: QuerySet[Any], typed: str) -> QuerySet[Any]:
    """The rows that match. Several words must all be in the name; the other ways take the text as a whole."""
    text = " ".join(typed.replace("\x00", " ").split())
    if not text:
        return rows
    names = {field.name for field in rows.model._meta.get_fields()}
    found = Q()
    for word in text.split(" ")[:WORDS]:
        found &= Q(name__icontains=word)
    if _REFERENCE.fullmatch(text):
        found |= Q(reference=text.upper())
    if _NUMBER.fullmatch(text):
        found |= Q(pk=int(text))
    if "emails" in names and "@" in text:
        found |= Q(emails__contains=[normalised_email(text)])
    if "phones" in names and _PHONE.fullmatch(text):
        found |= Q(phones__contains=[normalised_phone(text)]) | Q(phones__contains=[text])
    return rows.filter(found)
