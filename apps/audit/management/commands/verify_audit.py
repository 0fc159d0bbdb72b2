"""verify_audit: walk the hash chains of the audit log, and name the first link that does not fit."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.models import Account
from apps.audit.management.progress import ProgressBar
from apps.audit.models import PLATFORM
from apps.audit.verification import AccountReport, verify


class Command(BaseCommand):
    """Exit 0 where every link fits, 1 where one does not, 2 where there is no such account."""

    help = (
        "Verifies the audit log: computes the hash chain of one account, or of every account and of the platform, "
        "again from what is stored, and names the first link that does not fit. A log that lost its end fits."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One account, or all."""
        parser.add_argument("account", nargs="?", metavar="ACCOUNT", help="the account's slug; left out: all")
        parser.add_argument("--json", action="store_true", help="print the reports as one JSON object")

    def handle(self, *args: Any, account: str | None, **options: Any) -> None:
        """Print a line, or a JSON object, for each chain."""
        only = self._account_id(account) if account is not None else None
        reports = verify(only, progress=ProgressBar(self.stderr))
        slugs = dict(Account.objects.filter(pk__in=[r.account_id for r in reports]).values_list("pk", "slug"))
        if options["json"]:
            self._print_json(reports, slugs)
        else:
            self._print_lines(reports, slugs, account)
        broken = [report for report in reports if not report.sound]
        if broken:
            first = broken[0]
            of = "" if len(reports) == 1 else f" in {len(broken)} of {len(reports)} chains, first"
            fault = first.fault.sentence if first.fault else ""
            raise CommandError(f"The audit log does not fit{of} in {_name(first, slugs)}: {fault}.", returncode=1)

    def _account_id(self, slug: str) -> int:
        try:
            return Account.objects.values_list("pk", flat=True).get(slug=slug)
        except Account.DoesNotExist:
            raise CommandError(f"There is no account '{slug}'.", returncode=2) from None

    def _print_lines(self, reports: list[AccountReport], slugs: dict[int, str], account: str | None) -> None:
        for report in reports:
            size = f"{report.links:,} links, {report.entries:,} entries"
            if report.fault is None:
                self.stdout.write(f"{_name(report, slugs)}: fits: {size}, head {report.head_hash}")
            else:
                self.stdout.write(f"{_name(report, slugs)}: does not fit: {size}; {report.fault.sentence}")
        if not reports:
            self.stdout.write(f"{account or 'the audit log'}: nothing is written yet")

    def _print_json(self, reports: list[AccountReport], slugs: dict[int, str]) -> None:
        found = {
            "sound": all(report.sound for report in reports),
            "chains": [_as_json(report, slugs) for report in reports],
        }
        self.stdout.write(json.dumps(found, indent=2, ensure_ascii=False))


def _name(report: AccountReport, slugs: dict[int, str]) -> str:
    """The account's slug; the log outlives accounts, whose ids remain."""
    if report.account_id == PLATFORM:
        return "the platform"
    return slugs.get(report.account_id, f"account number {report.account_id}, which is gone")


def _as_json(report: AccountReport, slugs: dict[int, str]) -> dict[str, Any]:
    fault = report.fault
    return {
        "account": slugs.get(report.account_id),
        "account_id": report.account_id,
        "sound": report.sound,
        "links": report.links,
        "entries": report.entries,
        "head": {"seq": report.head_seq, "hash": report.head_hash},
        "fault": fault
        and {
            "seq": fault.seq,
            "operation": fault.operation_id,
            "problems": [problem.value for problem in fault.problems],
            "sentence": fault.sentence,
        },
    }
