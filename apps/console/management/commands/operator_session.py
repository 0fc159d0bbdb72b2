"""operator_session: open, end and list operator sessions."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from apps.access.models import OperatorSession
from apps.access.operators import LONGEST, SessionRefused, end_session, open_session
from apps.access.targets import find_user
from apps.accounts.models import User
from apps.audit.management.arguments import reason
from apps.console.arguments import USER, AskingCommand, add_json

SHOWN = 50


class Command(AskingCommand):
    """Runs `operators.open_session` and `end_session` as the operator at the command line."""

    help = (
        "Opens, ends or lists operator sessions. In a session, a superuser can do everything in every account; "
        "outside of a session they have no extra access. A session needs a reason, lasts up to one hour and ends by "
        "itself. The audit log records its start, its end and every record saved in it."
    )
    examples = (
        'open olive@mandate.example --reason "Ticket 4711: an import went wrong" --minutes 30',
        "end olive@mandate.example",
        "list --json",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the actions and their options."""
        actions = parser.add_subparsers(dest="action", metavar="{open,end,list}", required=True)
        opening = actions.add_parser("open", help="open a session that starts now")
        opening.add_argument("user", metavar="EMAIL", help=USER)
        opening.add_argument(
            "--reason", type=reason, required=True, help="the reason, shown in the audit log and on every page"
        )
        opening.add_argument(
            "--minutes", type=int, default=LONGEST, metavar="N", help=f"for how long, {LONGEST} at most ({LONGEST})"
        )
        opening.add_argument("--dry-run", action="store_true", help="check only, without writing anything")
        ending = actions.add_parser("end", help="end the open session early")
        ending.add_argument("user", metavar="EMAIL", help=USER)
        ending.add_argument("--dry-run", action="store_true", help="check only, without writing anything")
        add_json(actions.add_parser("list", help=f"the last {SHOWN} sessions, newest first"))

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """Run the action."""
        if action == "list":
            self._list(as_json=options["json"])
            return
        user = find_user(options["user"])
        try:
            with transaction.atomic():
                message = self._open(user, options) if action == "open" else self._end(user, options)
                transaction.set_rollback(options["dry_run"])
        except SessionRefused as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(message)

    def _open(self, user: User, options: dict[str, Any]) -> str:
        session = open_session(user, reason=options["reason"], minutes=options["minutes"])
        verb = "would be" if options["dry_run"] else "is"
        return f"{user.email} {verb} a platform operator until {session.expires_at:%Y-%m-%d %H:%M} UTC."

    def _end(self, user: User, options: dict[str, Any]) -> str:
        session = end_session(user)
        verb = "would end" if options["dry_run"] else "has ended"
        return f"The session of {user.email} {verb} early. It was open until {session.expires_at:%Y-%m-%d %H:%M} UTC."

    def _list(self, *, as_json: bool) -> None:
        running = set(OperatorSession.objects.open().values_list("pk", flat=True))
        rows = OperatorSession.objects.select_related("user").order_by("-opened_at", "-pk")[:SHOWN]
        if as_json:
            self.print_json({"sessions": [_described(session, session.pk in running) for session in rows]})
            return
        for session in rows:
            self.stdout.write(_line(session, session.pk in running))
        if not rows:
            self.stdout.write("No sessions yet.")


def _described(session: OperatorSession, is_open: bool) -> dict[str, Any]:
    return {
        "user": session.user.email,
        "reason": session.reason,
        "opened_at": session.opened_at.isoformat(),
        "expires_at": session.expires_at.isoformat(),
        "ended_at": session.ended_at.isoformat() if session.ended_at else None,
        "open": is_open,
    }


def _line(session: OperatorSession, is_open: bool) -> str:
    end = session.ended_at or session.expires_at
    state = "open until" if is_open else "ended at" if session.ended_at else "ran until"
    reason = " ".join(session.reason.split())
    return f"{session.opened_at:%Y-%m-%d %H:%M}  {session.user.email}  {state} {end:%H:%M} UTC: {reason}"
