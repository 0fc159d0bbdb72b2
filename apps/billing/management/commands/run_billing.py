"""run_billing: the day's work of billing in every account, or in those that are named."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, ClassVar

from django.core.management.base import CommandError

from apps.access.targets import find_account
from apps.billing.models import Subscription
from apps.billing.running import BillingRun, run_billing
from apps.console.arguments import AskingCommand, add_json
from apps.console.progress import ProgressBar


class Command(AskingCommand):
    """Exit 0: done, also where there was nothing to do; 1: it failed in some accounts, and is done in the others.

    Run again, or twice at once, it does nothing twice.
    """

    help = (
        "Does the day's work of billing: begins the periods that have come, issues what is owed, reminds of what is "
        "late, makes accounts read-only that do not pay, and sends the messages. It can be run as often as one likes, "
        "and be killed at any time: the next run does what is left. Where it fails in some accounts, it names them and "
        "exits with 1; all others are done."
    )
    examples: ClassVar[tuple[str, ...]] = ("", "acme --dry-run", "--json")
    only_invoices: ClassVar[bool] = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which accounts, and how to report."""
        parser.add_argument("accounts", nargs="*", metavar="ACCOUNT", help="slugs; left out: every subscribed account")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")
        add_json(parser)

    def handle(self, *args: Any, accounts: list[str], **options: Any) -> None:
        """Run, and say what was done."""
        named = [_subscribed(slug) for slug in accounts] if accounts else None
        dry_run = bool(options["dry_run"])
        run = run_billing(named, dry_run=dry_run, only_invoices=self.only_invoices, progress=ProgressBar(self.stderr))
        if options["json"]:
            self.print_json({"dry_run": dry_run, **asdict(run)})
        else:
            self._tell(run, dry_run=dry_run)
        run.check()

    def _tell(self, run: BillingRun, *, dry_run: bool) -> None:
        numbers = f": {', '.join(run.invoices)}" if run.invoices and not dry_run else ""
        self.stdout.write(
            f"{'Would issue' if dry_run else 'Issued'} {_count(len(run.invoices), 'invoice')}{numbers} "
            f"in {_count(run.accounts, 'account')}."
        )
        if not self.only_invoices:
            self.stdout.write(
                f"{_count(run.periods, 'period')} began, {_count(run.reminders, 'reminder')} written, "
                f"{_count(run.suspended, 'account')} read-only now, {_count(run.collected, 'invoice')} collected, "
                f"{_count(run.messages, 'message')} sent."
            )


def _subscribed(slug: str) -> int:
    """Return the id of the account. Raises CommandError where it does not exist or has no subscription."""
    account = find_account(slug)
    if not Subscription.objects.filter(account=account).exists():
        raise CommandError(f"{slug} has no subscription, so there is nothing to bill. Choose a plan for it first.")
    return account.pk


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
