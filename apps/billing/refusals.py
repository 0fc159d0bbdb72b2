"""What billing refuses, in sentences; pages and commands show it like a refused change of access."""

from __future__ import annotations

from apps.changes.refusals import NoSuchTarget


class BillingRefused(NoSuchTarget):
    """The change doesn't fit the current subscription or invoice; nothing was written."""
