"""verify_audit: verify the hash chains of the audit log and name the first link that doesn't match."""

from argparse import ArgumentParser
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from apps.access.targets import find_account
from apps.accounts.models import Account
from apps.audit import heads, schema
from apps.audit.dumps import Unreadable, verify_dump
from apps.audit.findings import AccountReport, Key
from apps.audit.heads import Heads
from apps.audit.models import PLATFORM
from apps.audit.verification import verify
from apps.audit.verified import keep
from apps.console.arguments import AskingCommand
from apps.console.progress import ProgressBar


class Command(AskingCommand):
    """Exits with 0 if every link matches and the log's guards are unchanged; 1 if not, or if a file can't be read."""

    help = (
        "Verifies the audit log: recomputes the hash chain of one account, or of every account and the platform, and "
        "names the first entry that doesn't match. It also names tables, functions and triggers of the log that "
        "differ from the original. Use --heads with a file that audit_heads --sign wrote and that was kept "
        "elsewhere: only this detects a log that was cut off or recomputed to the end. The signature is checked with "
        "AUDIT_PUBLIC_KEY or AUDIT_SIGNING_KEY. The audit log page shows the result. With --dump, the log in a dump "
        "is verified without a server."
    )
    examples = (
        "acme --json",
        "--heads monday.json",
        "acme --heads monday.json --heads tuesday.json",
        "--dump mandate.dump --heads monday.json",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the account, the saved heads and the dump."""
        parser.add_argument(
            "account",
            nargs="?",
            metavar="ACCOUNT",
            help="the account's slug, or its number with --dump (default: all accounts)",
        )
        parser.add_argument(
            "--heads",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help="also compare the log with the heads in this file; can be repeated",
        )
        parser.add_argument(
            "--dump", type=Path, metavar="FILE", help="verify the log in this pg_dump file, without a server"
        )
        parser.add_argument("--unsigned", action="store_true", help="accept unsigned heads")
        parser.add_argument("--json", action="store_true", help="print the reports as one JSON object")

    def handle(self, *args: Any, account: str | None, **options: Any) -> None:
        """Print a line, or a JSON object, for each chain."""
        if options["unsigned"] and not options["heads"]:
            raise CommandError("--unsigned only works with --heads FILE.", returncode=2)
        kept = {path: _read(path, unsigned=options["unsigned"]) for path in options["heads"]}
        dump = options["dump"]
        only = _only(account, dump)
        reports = self._reports(only, dump, heads.links_in(kept.values()))
        if kept:
            reports = heads.hold_against(reports, kept.values(), only)
        if dump is None:
            altered = schema.faults()
            keep(reports, held=bool(kept))
            slugs = dict(Account.objects.filter(pk__in=[r.account_id for r in reports]).values_list("pk", "slug"))
        else:
            altered = []
            slugs = {head.account_id: head.account for one in kept.values() for head in one.heads if head.account}
        if options["json"]:
            self._print_json(reports, kept, slugs, altered)
        else:
            self._print_lines(reports, kept, slugs, altered, account)
        _refuse(reports, slugs, altered)

    def _reports(self, only: int | None, dump: Path | None, wanted: set[Key]) -> list[AccountReport]:
        """Return the reports on the log of the server or of the dump. Raises CommandError if it can't be read."""
        try:
            if dump is not None:
                return verify_dump(dump, only, wanted=wanted)
            return verify(only, wanted=wanted, progress=ProgressBar(self.stderr))
        except DatabaseError as error:
            raise CommandError(f"Can't read the audit log: {str(error).splitlines()[0]}.") from error
        except Unreadable as error:
            raise CommandError(f"Can't verify {dump}: {error}.") from error
        except OSError as error:
            raise CommandError(f"Can't read {error.filename or dump}: {error.strerror}.") from error

    def _print_lines(
        self,
        reports: list[AccountReport],
        kept: dict[Path, Heads],
        slugs: dict[int, str],
        altered: list[str],
        account: str | None,
    ) -> None:
        for path, taken in kept.items():
            by = f"signed by {taken.public_key}" if taken.public_key else "not signed"
            self.stdout.write(f"{path}: heads of {taken.at}, {by}")
        for report in reports:
            size = f"{report.links:,} links, {report.entries:,} entries"
            if report.fault is None:
                held = f", {_held(report)}" if kept else ""
                self.stdout.write(f"{_name(report, slugs)}: verified: {size}, head {report.head_hash}{held}")
            else:
                self.stdout.write(f"{_name(report, slugs)}: not verified: {size}; {report.fault.sentence}")
        for sentence in altered:
            self.stdout.write(f"the database: {sentence}")
        if not reports:
            self.stdout.write(f"{account or 'the audit log'}: no entries yet")

    def _print_json(
        self, reports: list[AccountReport], kept: dict[Path, Heads], slugs: dict[int, str], altered: list[str]
    ) -> None:
        found = {
            "sound": not altered and all(report.sound for report in reports),
            "database": altered,
            "heads": [
                {"file": str(path), "at": taken.at, "public_key": taken.public_key} for path, taken in kept.items()
            ],
            "chains": [_as_json(report, slugs) for report in reports],
        }
        self.print_json(found, indent=2)


def _only(account: str | None, dump: Path | None) -> int | None:
    """Return the account's number. Slugs are not in the log, so with a dump only numbers work."""
    if account is None:
        return None
    if dump is None:
        return find_account(account).pk
    if not account.isdecimal():
        raise CommandError("With --dump, name the account by its number, which audit_heads prints.", returncode=2)
    return int(account)


def _refuse(reports: list[AccountReport], slugs: dict[int, str], altered: list[str]) -> None:
    """Raise CommandError if a chain has a fault, or else if the database was altered."""
    broken = [report for report in reports if not report.sound]
    if broken:
        first = broken[0]
        of = "" if len(reports) == 1 else f" in {len(broken)} of {len(reports)} chains, first"
        fault = first.fault.sentence if first.fault else ""
        raise CommandError(f"The audit log failed verification{of} in {_name(first, slugs)}: {fault}.", returncode=1)
    if altered:
        more = f", and {len(altered) - 1} more" if len(altered) > 1 else ""
        raise CommandError(f"The database was altered: {altered[0]}{more}.", returncode=1)


def _read(path: Path, *, unsigned: bool) -> Heads:
    """Return the heads in the file. Raises CommandError if it can't be read or is not accepted."""
    try:
        return heads.read(path.read_bytes(), unsigned=unsigned)
    except OSError as error:
        raise CommandError(f"Can't read {path}: {error.strerror}.") from error
    except heads.InvalidHeads as refused:
        raise CommandError(f"Can't use the heads in {path}: {refused}.") from refused


def _by_account(kept: dict[Path, Heads]) -> defaultdict[int, list[Heads]]:
    """Return the saved heads of each account, with their times."""
    found: defaultdict[int, list[Heads]] = defaultdict(list)
    for taken in kept.values():
        for head in taken.heads:
            found[head.account_id].append(replace(taken, heads=(head,)))
    return found


def _held(report: AccountReport) -> str:
    return "no saved head" if report.kept_seq is None else f"matches the saved head at link {report.kept_seq}"


def _name(report: AccountReport, slugs: dict[int, str]) -> str:
    """Return the account's slug, or its number if it was deleted."""
    if report.account_id == PLATFORM:
        return "the platform"
    return slugs.get(report.account_id, f"account number {report.account_id} (deleted)")


def _as_json(report: AccountReport, slugs: dict[int, str]) -> dict[str, Any]:
    fault = report.fault
    return {
        "account": slugs.get(report.account_id),
        "account_id": report.account_id,
        "sound": report.sound,
        "links": report.links,
        "entries": report.entries,
        "head": {"seq": report.head_seq, "hash": report.head_hash},
        "kept": report.kept_seq,
        "fault": fault
        and {
            "seq": fault.seq,
            "operation": fault.operation_id,
            "problems": [problem.value for problem in fault.problems],
            "sentence": fault.sentence,
        },
    }
