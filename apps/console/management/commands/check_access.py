"""check_access: check whether a user has a permission, and why."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

from django.core.management.base import CommandError

from apps.access.explain import explain
from apps.access.policy import may
from apps.access.questions import answers
from apps.access.targets import TargetName, find_target, find_user
from apps.console.arguments import PERMISSION, TARGET, USER, AskingCommand, add_json, target
from apps.console.progress import ProgressBar


class Command(AskingCommand):
    """Prints `yes` or `no`; both exit with 0."""

    help = (
        "Checks whether a user has a permission on an account, a branch or a record. Prints yes or no, and exits "
        "with 0 either way. With --batch, each line is a JSON object: {user, permission, target} returns {allowed}, "
        "{user, permission, list: ACCOUNT} returns {references}, {permission, who: TARGET} returns {users}. A line "
        "that fails returns {error}, and the exit code is then 1."
    )
    examples = (
        "ben@acme.example change_lead lead:acme/L-17",
        "ben@acme.example view_billing branch:acme/north --explain",
        "--batch questions.jsonl",
        "--batch - --explain < questions.jsonl",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add one question, or a file of questions."""
        parser.add_argument("user", nargs="?", metavar="USER", help=USER)
        parser.add_argument("permission", nargs="?", metavar="PERMISSION", help=PERMISSION)
        parser.add_argument("target", nargs="?", type=target, metavar="TARGET", help=TARGET)
        parser.add_argument(
            "--batch", metavar="FILE", help="answer the questions in FILE, one per line; - for standard input"
        )
        parser.add_argument(
            "--explain", action="store_true", help="explain the answer; for a no, also list what would make it a yes"
        )
        add_json(parser)

    def handle(
        self,
        *args: Any,
        user: str | None,
        permission: str | None,
        target: TargetName | None,
        batch: str | None,
        **options: Any,
    ) -> None:
        """Answer one question, or all in the file."""
        if batch is not None:
            if user is not None:
                raise CommandError("--batch reads its questions from the file. Leave out USER.", returncode=2)
            self._answer_all(batch, explained=options["explain"])
        elif user is None or permission is None or target is None:
            raise CommandError("Give USER, PERMISSION and TARGET, or --batch FILE.", returncode=2)
        else:
            self._answer(user, permission, target, explained=options["explain"], as_json=options["json"])

    def _answer(self, email: str, permission: str, name: TargetName, *, explained: bool, as_json: bool) -> None:
        user, found = find_user(email), find_target(name)
        if not explained:
            allowed = may(user, permission, found)
            if as_json:
                self.print_json({"allowed": allowed})
            else:
                self.stdout.write("yes" if allowed else "no")
            return
        explanation = explain(user, permission, found)
        if as_json:
            self.print_json(explanation.as_json)
            return
        fixes = [fix.with_people for fix in explanation.fixes]
        self.stdout.write("yes" if explanation.allowed else "no")
        for sentence in explanation.reasons:
            self.stdout.write(f"- {sentence}")
        if fixes:
            self.stdout.write("What would make it a yes:")
        for sentence in fixes:
            self.stdout.write(f"- {sentence}")

    def _answer_all(self, batch: str, *, explained: bool) -> None:
        asked = errors = 0
        with _opened(batch) as file:
            for answer in answers(self._lines(file, batch), reasons=explained):
                asked += 1
                errors += "error" in answer
                self.print_json(answer)
        if errors:
            raise CommandError(f"{errors:,} of {asked:,} lines failed. Each says why.")

    def _lines(self, file: IO[bytes], batch: str) -> Iterator[bytes]:
        """Yield the lines without line ends; on a terminal the progress bar moves."""
        size = 0 if batch == "-" else Path(batch).stat().st_size
        bar, done = ProgressBar(self.stderr), 0
        for line in file:
            done += len(line)
            if size:
                bar(done, size)
            yield line.rstrip(b"\r\n")


def _opened(batch: str) -> AbstractContextManager[IO[bytes]]:
    if batch == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(batch).open("rb")
    except OSError as error:
        raise CommandError(f"Can't read {batch}: {error.strerror}.") from error
