"""`reassign ACCOUNT --from USER --to USER`: change the owner of a user's records and open tasks."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.access import handover
from apps.access.handover import Counts, Delete, HandOver, HandOverPlan, Portfolio
from apps.access.mandate_cache import accounts_of
from apps.access.targets import TargetName, find_account, find_target, find_user
from apps.accounts.models import Account, Branch, User
from apps.audit.management.arguments import reason
from apps.audit.services import EntryValues, operation
from apps.console.arguments import USER, AskingCommand, add_json
from apps.console.progress import ProgressBar
from apps.crm.verbs import RECORDS_REASSIGNED
from apps.roles import catalogue
from apps.roles.catalogue import Target

PRIVATE = ("hand-over", "delete")


class Command(AskingCommand):
    """Calls `handover.hand_over`, and writes one entry to the audit log."""

    help = (
        "Changes the owner of a user's records and open tasks. The new owner must be an active member of the branches "
        "concerned. Completed tasks keep their owner. Private contacts stay unless --private says what to do with "
        "them; the command never says whether there are any."
    )
    examples = (
        'acme --from ben@acme.example --to ann@acme.example --reason "Ben moved to support"',
        'acme --from ben@acme.example --to ann@acme.example --branch north --type lead --reason "…" --dry-run',
        'acme --from ben@acme.example --to ann@acme.example --private hand-over --reason "…" --actor ben@acme.example',
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Return the old owner, the new owner, the record types and the reason."""
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("--from", required=True, dest="giver", metavar="USER", help=f"{USER}, the current owner")
        parser.add_argument("--to", required=True, dest="receiver", metavar="USER", help=f"{USER}, the new owner")
        parser.add_argument("--branch", metavar="BRANCH", help="the branch's slug (all branches)")
        parser.add_argument(
            "--type",
            action="append",
            dest="types",
            choices=handover.record_types(),
            metavar="TYPE",
            help=f"a record type, may be repeated: {', '.join(handover.record_types())} (all)",
        )
        parser.add_argument("--private", choices=PRIVATE, help="what to do with private contacts (they stay)")
        parser.add_argument("--reason", type=reason, required=True, help="the reason, for the audit log")
        parser.add_argument("--actor", metavar="USER", help="the user whose permissions apply (none: the system)")
        parser.add_argument("--dry-run", action="store_true", help="show what would change, and write nothing")
        add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Move them, and say how many of each type."""
        if not options["reason"].strip():
            raise CommandError("Enter a reason: it is blank.")
        account = find_account(options["account"])
        actor = self._actor(options["actor"], account)
        portfolio = Portfolio(account, find_user(options["giver"]), self._branch(options), seen_by=actor)
        receiver = find_user(options["receiver"])
        if receiver == portfolio.user:
            raise CommandError("Choose another user: --from and --to are the same.", returncode=2)
        if options["private"] is not None and actor is not None and actor != portfolio.user:
            raise CommandError(
                f"Only {portfolio.user.email} can decide about their private contacts. Leave --private out."
            )
        private = {None: None, "delete": Delete(), "hand-over": HandOver(receiver.pk)}[options["private"]]
        plan = HandOverPlan(dict.fromkeys(options["types"] or handover.record_types(), receiver.pk), private)
        try:
            moved = handover.check(portfolio, plan)
            if not options["dry_run"]:
                moved = self._move(portfolio, plan, receiver, moved, actor, options)
        except handover.HandOverRefused as error:
            raise CommandError(str(error)) from None
        self._report(moved, portfolio, receiver, options)

    def _actor(self, email: str | None, account: Account) -> User | None:
        if email is None:
            return None
        actor = find_user(email)
        if not (actor.is_active and accounts_of(actor).filter(pk=account.pk).exists()):
            raise CommandError(f"{actor.email} has no access to the account {account.slug}.")
        return actor

    def _branch(self, options: dict[str, Any]) -> Branch | None:
        if options["branch"] is None:
            return None
        branch = find_target(TargetName(Target.BRANCH, options["account"], options["branch"]))
        assert isinstance(branch, Branch)
        return branch

    def _move(
        self,
        portfolio: Portfolio,
        plan: HandOverPlan,
        receiver: User,
        expected: Counts,
        actor: User | None,
        options: dict[str, Any],
    ) -> Counts:
        bar, steps, done = ProgressBar(self.stderr), sum(_totals(expected).values()), 0

        def progress(more: int) -> None:
            nonlocal done
            done += more
            bar(done, steps)

        with operation(verb=RECORDS_REASSIGNED, actor=actor, reason=options["reason"]) as written:
            moved = handover.hand_over(portfolio, plan, actor=actor, progress=progress)
            # With --private there is an entry in any case: one only where there are such contacts would tell of them.
            if moved or plan.private is not None:
                written.add(portfolio.account.pk, [_entry(portfolio, receiver, moved, options["private"])])
        return moved

    def _report(self, moved: Counts, portfolio: Portfolio, receiver: User, options: dict[str, Any]) -> None:
        totals = _totals(moved)
        if options["json"]:
            self.print_json(
                {
                    "account": portfolio.account.slug,
                    "from": portfolio.user.email,
                    "to": receiver.email,
                    "branch": options["branch"],
                    "dry_run": options["dry_run"],
                    "private": options["private"],
                    "moved": totals,
                }
            )
            return
        summary = ", ".join(f"{number:,} {_plural(name, number)}" for name, number in totals.items()) or "no records"
        verb = "Would move" if options["dry_run"] else "Moved"
        self.stdout.write(f"{verb} from {portfolio.user.email} to {receiver.email}: {summary}.")
        if options["private"] is not None:
            done = {"hand-over": "handed over", "delete": "deleted"}[options["private"]]
            self.stdout.write(f"Private contacts, if any, {'would be' if options['dry_run'] else 'were'} {done}.")


def _totals(counts: Counts) -> dict[str, int]:
    return {name: sum(branches.values()) for name, branches in counts.items()}


def _plural(name: str, number: int) -> str:
    record_type = catalogue.record_type(name)
    return (record_type.label if number == 1 else record_type.label_plural).lower()


def _entry(portfolio: Portfolio, receiver: User, moved: Counts, private: str | None) -> EntryValues:
    """Return the entry: old and new owner and the number of records; each record's history names it."""
    return EntryValues(
        target_type="accounts.user",
        target_id=portfolio.user.pk,
        target_text=str(portfolio.user),
        branch_id=None if portfolio.branch is None else portfolio.branch.pk,
        before={"responsible_id": portfolio.user.pk, "names": {"responsible_id": str(portfolio.user)}},
        after={
            "responsible_id": receiver.pk,
            "names": {"responsible_id": str(receiver)},
            "counts": _totals(moved),
            "private": private,
        },
    )
