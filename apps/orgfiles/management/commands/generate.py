"""`generate ACCOUNT --members N --leads N …`: realistic volume for load tests."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.console.base import Command as BaseCommand
from apps.console.progress import ProgressBar
from apps.orgfiles.generation.plan import RECORD_KINDS, GenerationRefused, LoadPlan, check
from apps.orgfiles.generation.run import generate
from apps.roles.schemes import scheme_keys

ONE = {"branches": "branch", "members": "member", "teams": "team", "shares": "share", **RECORD_KINDS}
HELP = {
    "branches": "new branches (a new account gets one)",
    "members": "new members without passwords, spread over the branches",
    "teams": "new teams, spread over the branches",
    "shares": "shares of generated leads with members of their branches",
}


class Command(BaseCommand):
    """A thin shell over `generation.run.generate`."""

    help = (
        "Generates people and records for load tests with bulk SQL: a million leads in a minute or two. "
        "The same seed gives the same data. Existing data stays."
    )

    examples = (
        "load --scheme atlas --branches 10 --members 500 --teams 50 --leads 1000000",
        "load --leads 20000 --seed 7 --dry-run",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", metavar="ACCOUNT", help="the account's slug")
        parser.add_argument("--scheme", help=f"creates the account under this scheme: {', '.join(scheme_keys())}")
        for name in LoadPlan(account="").counts:
            default = None if name == "branches" else 0
            parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=HELP.get(name, f"new {name}"))
        parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the random data (default: 1)")
        parser.add_argument("--dry-run", action="store_true", help="report what would be generated without writing")
        parser.add_argument("--json", action="store_true", help="report in JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        counts = {name: options[name] for name in LoadPlan(account="").counts}
        plan = LoadPlan(account=options["account"], scheme=options["scheme"], seed=options["seed"], **counts)
        try:
            made = check(plan) if options["dry_run"] else self._generate(plan)
        except GenerationRefused as error:
            raise CommandError(str(error)) from None
        self._report(made, dry_run=options["dry_run"], as_json=options["json"])

    def _generate(self, plan: LoadPlan) -> LoadPlan:
        bar = ProgressBar(self.stderr)
        rows = sum(plan.counts[name] for name in (*RECORD_KINDS, "shares"))
        made = 0

        def progress(more: int) -> None:
            nonlocal made
            made += more
            bar(made, rows)

        return generate(plan, progress)

    def _report(self, made: LoadPlan, *, dry_run: bool, as_json: bool) -> None:
        counts = {name: count for name, count in made.counts.items() if count}
        if as_json:
            self.print_json({"account": made.account, "scheme": made.scheme, "dry_run": dry_run, "generated": counts})
            return
        listed = ", ".join(f"{count:,} {name if count > 1 else ONE[name]}" for name, count in counts.items())
        self.stdout.write(
            f"{'Would generate' if dry_run else 'Generated'} in {made.account} ({made.scheme}): {listed}."
        )
