"""Running a command as the command line does, and the account that the commands are asked about."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.core.management import execute_from_command_line
from django.db import connections

from apps.accounts.models import Account
from apps.orgfiles import organisation
from tests.orgfiles.files import ACME


@dataclass(frozen=True)
class Result:
    """How a command ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("visible", …, stdin="…")`: the command in this process, in the test's own transaction."""
    # A command closes its connections at the end; the test goes on with them.
    monkeypatch.setattr(connections, "close_all", lambda: None)

    def run_command(*arguments: str, stdin: str | bytes = "") -> Result:
        given = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
        code = 0
        capsys.readouterr()
        try:
            execute_from_command_line(["manage.py", *arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        written = capsys.readouterr()
        return Result(code, written.out, written.err)

    return run_command


@pytest.fixture
def acme(db: None) -> Account:
    """The account of the organisation file of the tests."""
    return organisation.create(organisation.parse(ACME))
