"""issue_invoices: bill what is owed and not billed yet, and do nothing else of the day's work."""

from __future__ import annotations

from typing import ClassVar

from apps.billing.management.commands import run_billing


class Command(run_billing.Command):
    """Exit 0: done, also where nothing was owed; 1: it failed in some accounts, and is done in the others.

    Run again, or twice at once, it issues nothing twice.
    """

    help = (
        "Issues an invoice to each payer who owes something not billed yet, and mails it. The periods that have "
        "come are begun by run_billing."
    )
    examples: ClassVar[tuple[str, ...]] = ("", "acme --dry-run", "--json")
    only_invoices: ClassVar[bool] = True
