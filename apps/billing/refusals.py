"""What billing refuses, in sentences; pages and commands show it like a refused change of access."""

from __future__ import annotations

from apps.changes.refusals import NoSuchTarget


class BillingRefused(NoSuchTarget):
    """What is asked makes no sense for the subscription or the invoice as it stands; nothing was written."""
