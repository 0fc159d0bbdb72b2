"""sign_out: end the sessions of one user or of everyone."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from apps.access.targets import find_user
from apps.accounts.sessions import sign_everybody_out, sign_out
from apps.audit.management.arguments import reason
from apps.console.arguments import USER, AskingCommand


class Command(AskingCommand):
    """Runs `sessions.sign_out` as the operator at the command line."""

    help = (
        "Ends all sessions of one user, for example after a device was stolen, or of everyone after an incident. "
        "People can sign in again as before; nothing else changes. The audit log records who was signed out and why."
    )
    examples = (
        'ben@acme.example --reason "Ticket 4711: the laptop is gone"',
        '--everybody --reason "Ticket 4712: a key has leaked"',
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the user and the reason."""
        parser.add_argument("users", metavar="EMAIL", nargs="*", help=USER)
        parser.add_argument("--everybody", action="store_true", help="sign out everyone, operators included")
        parser.add_argument("--reason", type=reason, required=True, help="the reason, recorded in the audit log")
        parser.add_argument("--dry-run", action="store_true", help="only count the sessions, without ending them")

    def handle(self, *args: Any, users: list[str], everybody: bool, reason: str, dry_run: bool, **options: Any) -> None:
        """End the sessions."""
        if bool(users) == everybody:
            raise CommandError("Name a user, or use --everybody.")
        if not reason.strip():
            raise CommandError("Enter a reason: --reason is blank.")
        with transaction.atomic():
            if everybody:
                ended = sign_everybody_out(actor=None, reason=reason)
            else:
                ended = sum(sign_out(find_user(email), actor=None, reason=reason) for email in users)
            transaction.set_rollback(dry_run)
        verb = "would be" if dry_run else "was" if ended == 1 else "were"
        self.stdout.write(f"{ended:,} {'session' if ended == 1 else 'sessions'} {verb} ended.")
