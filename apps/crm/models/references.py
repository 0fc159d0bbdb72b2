"""References: what people read a record by, numbered for each account and type (`L-1`, `L-2`, …)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.db import connection, models

from apps.accounts.models import Account
from apps.audit.text import SingleLineField

PREFIXES: Mapping[str, str] = MappingProxyType(
    {"company": "C", "contact": "P", "lead": "L", "opportunity": "O", "task": "T", "activity": "N"}
)

_ALLOCATE = """
INSERT INTO crm_referencecounter AS counter (account_id, record_type, last) VALUES (%s, %s, %s)
ON CONFLICT (account_id, record_type) DO UPDATE SET last = counter.last + excluded.last
RETURNING last
"""
_RAISE = """
INSERT INTO crm_referencecounter AS counter (account_id, record_type, last) VALUES (%s, %s, %s)
ON CONFLICT (account_id, record_type) DO UPDATE SET last = greatest(counter.last, excluded.last)
"""


class ReferenceCounterManager(models.Manager["ReferenceCounter"]):
    """Hands out numbers. The transaction that took some locks only the counter's row, until the commit."""

    def allocate(self, account_id: int, record_type: str, count: int = 1) -> list[str]:
        """The next `count` references, unique; a rolled-back transaction gives them back.

        Raises:
            ValueError: less than one is asked for.
            KeyError: such records have no references.
        """
        if count < 1:
            raise ValueError(f"{count} references were asked for; ask for one at least.")
        prefix = PREFIXES[record_type]
        with connection.cursor() as cursor:
            cursor.execute(_ALLOCATE, [account_id, record_type, count])
            (last,) = cursor.fetchone()
        return [f"{prefix}-{number}" for number in range(last - count + 1, last + 1)]

    def raise_to(self, account_id: int, record_type: str, last: int) -> None:
        """Let the next reference come after `last`, unless the counter is further already."""
        with connection.cursor() as cursor:
            cursor.execute(_RAISE, [account_id, record_type, last])


class ReferenceCounter(models.Model):
    """The last number that was handed out for a record type in an account."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    record_type = SingleLineField(max_length=20)
    last = models.BigIntegerField()

    objects = ReferenceCounterManager()

    class Meta:
        """One counter for each account and type."""

        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["account", "record_type"], name="one_counter_per_type")]

    def __str__(self) -> str:
        return f"{PREFIXES[self.record_type]}-{self.last}"
