"""Searching records: conditions for which the database has an index, on any number of rows.

They narrow a list of what somebody may see; by themselves they hide nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BigIntegerField, BooleanField, F, Func, Q, QuerySet

from apps.crm.models import PREFIXES, Company, Contact, CrmRecord, Lead
from apps.crm.models.fields import normalised_email, normalised_phone

_REACHABLE: Mapping[str, type[Company | Contact | Lead]] = {"company": Company, "contact": Contact, "lead": Lead}
MOST_WORDS = 6
_PHONE = re.compile(r"\+?[\d\s()./-]{5,}")
_NUMBER = re.compile(r"\d{1,18}")


def search_q(model: type[CrmRecord], text: str) -> Q:
    """The condition of being found by what somebody typed.

    Every word stands in the name, or a lead's person or company begins with the text; or the text is the reference,
    its number, an e-mail address or a phone number. No text finds everything.
    """
    words = text.replace("\x00", " ").split()
    if not words:
        return Q()
    text = " ".join(words)
    reachable = _REACHABLE.get(model.record_type)
    if reachable is not None and "@" in text:
        return reached_by(reachable, emails=[normalised_email(text)])
    found = Q(*(Q(name__icontains=word) for word in words[:MOST_WORDS]))
    if model is Lead:
        found |= Q(person_name__istartswith=text) | Q(company_name__istartswith=text)
    references = {text, text.upper()}
    if _NUMBER.fullmatch(text):
        references.add(f"{PREFIXES[model.record_type]}-{int(text)}")
        found |= Q(pk=int(text))
    found |= Q(reference__in=sorted(references))
    if reachable is not None and _PHONE.fullmatch(text):
        found |= reached_by(reachable, phones=[normalised_phone(text), text])
    return found


def reached_by(
    model: type[Company | Contact | Lead],
    *,
    emails: Collection[str] = (),
    phones: Collection[str] = (),
) -> Q:
    """The condition of having one of these addresses or numbers, given in the form that they are stored in."""
    found = Q()
    if emails:
        found |= Q(emails__overlap=list(emails))
    if phones:
        found |= Q(phones__overlap=list(phones))
    if not found:
        return Q(pk__in=[])
    # The planner takes any address for one row in two hundred, and would rather read the list in its order. An array of
    # keys leaves it no choice but the two indexes.
    keys: QuerySet[Any] = model._default_manager.filter(found).order_by().values("pk")
    any_of = Func(ArraySubquery(keys), function="ANY", output_field=BigIntegerField())
    return Q(
        Func(F("pk"), any_of, template="(%(expressions)s)", arg_joiner=" = ", output_field=BooleanField()),
    )
