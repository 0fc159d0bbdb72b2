"""audit_heads: print the head of each hash chain of the audit log, signed, to be stored outside of this server."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.accounts.models import Account
from apps.audit import heads
from apps.audit.verification import verify
from apps.console.base import Command as BaseCommand
from apps.console.progress import ProgressBar


class Command(BaseCommand):
    """Prints the file, or with --new-key a key pair. It writes nothing to the database."""

    help = (
        "Prints the latest hash of the audit log of each account and of the platform as JSON. Keep the file "
        "elsewhere: verify_audit --heads FILE compares the log with it and detects a log that was cut off or "
        "rewritten. With --sign, the file is signed with the Ed25519 key in AUDIT_SIGNING_KEY."
    )
    examples = ("--sign > heads.json", "--new-key")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options for signing and for a new key."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--sign", action="store_true", help="sign the file with the key in AUDIT_SIGNING_KEY")
        what.add_argument("--new-key", action="store_true", help="print a new signing key and its public key instead")
        parser.add_argument("--json", action="store_true", help="print the file as one line of JSON")

    def handle(self, *args: Any, sign: bool, new_key: bool, **options: Any) -> None:
        """Print the file or the keys."""
        if new_key:
            private, public = heads.new_key()
            pair = {heads.SIGNING_KEY: private, heads.PUBLIC_KEY: public}
            if options["json"]:
                self.print_json(pair)
            else:
                for name, value in pair.items():
                    self.stdout.write(f"{name}={value}")
            return
        try:
            key = heads.signing_key() if sign else None
        except heads.InvalidHeads as refused:
            raise CommandError(f"Can't sign the heads: {refused}.") from refused
        reports = verify(progress=ProgressBar(self.stderr))
        for report in reports:
            if report.fault is not None:
                self.stderr.write(
                    f"The audit log of account {report.account_id} failed verification: {report.fault.sentence}."
                )
        found = heads.document(heads.take(reports, dict(Account.objects.values_list("pk", "slug"))), key)
        if options["json"]:
            self.print_json(found)
        else:
            self.print_json(found, indent=2)
