"""The seller on the invoices, written from the settings after each migrate."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connections, transaction

from apps.billing.models import Seller


def write_seller(using: str, **_: Any) -> None:
    """Have the seller as the settings describe it; the number that it has come to stays. Nothing without its table."""
    if Seller._meta.db_table not in connections[using].introspection.table_names():
        return
    described = dict(settings.BILLING_SELLER)
    with transaction.atomic(using=using):
        Seller.objects.using(using).update_or_create(key=described.pop("key"), defaults=described)


def seller() -> Seller:
    """Who issues invoices now.

    Raises:
        Seller.DoesNotExist: the database has not been migrated since the seller was described.
    """
    return Seller.objects.get(key=settings.BILLING_SELLER["key"])
