"""Possible duplicates of a record that is about to be created, among those the actor may see."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from apps.access.querysets import visible_to
from apps.accounts.models import User
from apps.crm.models import Company, Contact, CrmRecord, Lead, Opportunity
from apps.crm.models.fields import normalised_email, normalised_phone
from apps.crm.querysets import reached_by, searched

SHOWN = 5


def visible_duplicates(actor: User, record: CrmRecord) -> list[Any]:
    """Records of the same account and type that share an email address, a phone number, or name and company with it.

    At most `SHOWN`, the newest first, and only those the actor may view: who may create but not view gets nothing,
    and can create a duplicate (access model, section 4). Tasks and activities have no duplicates.
    """
    alike = _alike(record)
    if not alike:
        return []
    visible = visible_to(actor, f"view_{record.record_type}", account=record.account)
    return list(searched(visible).filter(alike).exclude(pk=record.pk)[:SHOWN])


def _alike(record: CrmRecord) -> Q:
    result = _same_name(record)
    if isinstance(record, Company | Contact | Lead):
        emails = [normalised_email(address) for address in record.emails]
        phones = [normalised_phone(phone, record.country) for phone in record.phones]
        if emails or phones:
            result |= reached_by(type(record), emails=emails, phones=phones)
    return result


def _same_name(record: CrmRecord) -> Q:
    """The condition of bearing the same name, at the same company where that is needed to tell namesakes apart."""
    same = Q(name__iexact=record.name)
    if isinstance(record, Company):
        return same
    if isinstance(record, Lead) and record.company_name and record.company_id is None:
        return same & Q(company_name__iexact=record.company_name)
    if isinstance(record, Contact | Lead | Opportunity) and record.company_id is not None:
        return same & Q(company=record.company_id)
    return Q()
