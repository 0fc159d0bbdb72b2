"""Searching records: conditions for which the database has an index, on any number of rows.

They narrow a list that is already limited to what the person may see.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BigIntegerField, BooleanField, F, Func, Q, QuerySet
from django.db.models.sql.datastructures import BaseTable

from apps.accounts import fence
from apps.crm.models import PREFIXES, Company, Contact, CrmRecord, Lead
from apps.crm.models.fields import normalised_email, normalised_phone

_REACHABLE: Mapping[str, type[Company | Contact | Lead]] = {"company": Company, "contact": Contact, "lead": Lead}
MOST_WORDS = 6
_PHONE = re.compile(r"\+?[\d\s()./-]{5,}")
_NUMBER = re.compile(r"\d{1,18}")
_R = TypeVar("_R", bound=CrmRecord)


class _View(BaseTable):
    """Return the SQL for a record type's table: the view of its rows in the current account."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        quote = compiler.quote_name_unless_alias
        return f"{quote(fence.view_of(self.table_name))} {quote(self.table_alias)}", ()


def searched(rows: QuerySet[_R]) -> QuerySet[_R]:
    """The same rows, to be narrowed by conditions on their texts, addresses and numbers.

    Row-level security has the database look at the account first and then at the text of row after row, so no index
    helps. The web role is therefore led to a view with the same condition, which the indexes serve.
    """
    matching = rows.all()
    if fence.is_fenced():
        alias = matching.query.get_initial_alias()
        assert alias is not None
        matching.query.alias_map[alias] = _View(rows.model._meta.db_table, alias)
    return matching


def search(rows: QuerySet[_R], text: str) -> QuerySet[_R]:
    """Return the rows that match the search text (`search_q`)."""
    return searched(rows).filter(search_q(rows.model, text)) if text.strip() else rows


def search_q(model: type[CrmRecord], text: str) -> Q:
    """Return the condition that matches the search text.

    Every word occurs in the name, or a lead's person or company begins with the text; or the text is the reference,
    its number, an email address or a phone number. No text finds everything.
    """
    words = text.replace("\x00", " ").split()
    if not words:
        return Q()
    text = " ".join(words)
    reachable = _REACHABLE.get(model.record_type)
    if reachable is not None and "@" in text:
        return reached_by(reachable, emails=[normalised_email(text)])
    condition = Q(*(Q(name__icontains=word) for word in words[:MOST_WORDS]))
    if model is Lead:
        condition |= Q(person_name__istartswith=text) | Q(company_name__istartswith=text)
    references = {text, text.upper()}
    if _NUMBER.fullmatch(text):
        references.add(f"{PREFIXES[model.record_type]}-{int(text)}")
        condition |= Q(pk=int(text))
    condition |= Q(reference__in=sorted(references))
    if reachable is not None and _PHONE.fullmatch(text):
        condition |= reached_by(reachable, phones=[normalised_phone(text), text])
    return condition


def reached_by(
    model: type[Company | Contact | Lead],
    *,
    emails: Collection[str] = (),
    phones: Collection[str] = (),
) -> Q:
    """The condition of having one of these addresses or numbers, given in the form that they are stored in."""
    condition = Q()
    if emails:
        condition |= Q(emails__overlap=list(emails))
    if phones:
        condition |= Q(phones__overlap=list(phones))
    if not condition:
        return Q(pk__in=[])
    # The planner takes any address for one row in two hundred, and would rather read the list in its order. An array of
    # keys leaves it no choice but the two indexes.
    keys: QuerySet[Any] = searched(model._default_manager.all()).filter(condition).order_by().values("pk")
    any_of = Func(ArraySubquery(keys), function="ANY", output_field=BigIntegerField())
    return Q(
        Func(F("pk"), any_of, template="(%(expressions)s)", arg_joiner=" = ", output_field=BooleanField()),
    )
