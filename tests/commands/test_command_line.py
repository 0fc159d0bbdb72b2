"""What every command does alike: its help, its exit codes, and how it ends."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from tests.commands.conftest import Run

COMMANDS = (
    "access_matrix",
    "audit_heads",
    "change_roles",
    "check_access",
    "export_org",
    "import_org",
    "issue_invoices",
    "operator_session",
    "remove_member",
    "restore_member",
    "run_billing",
    "run_worker",
    "set_overrides",
    "show_scheme",
    "sign_out",
    "switch_scheme",
    "transfer_account",
    "verify_audit",
    "verify_access",
    "visible",
    "who_may",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_says_what_it_does_with_examples(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.code == 0
    assert f"usage: manage.py {command} " in result.out
    examples = result.out.partition("examples:\n")[2].splitlines()
    assert examples
    assert all(line.startswith(f"  manage.py {command} ") for line in examples)
    assert "--settings" not in result.out


@pytest.mark.parametrize("command", COMMANDS)
def test_arguments_that_are_off_end_with_2(run: Run, command: str) -> None:
    result = run(command, "--no-such-option")
    assert (result.code, result.out) == (2, "")
    assert "usage: " in result.err


def test_a_database_out_of_reach_is_told_in_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(slug: str) -> None:
        raise OperationalError("connection to server failed: No such file\n\tIs the server running?\n")

    monkeypatch.setattr("apps.console.management.commands.access_matrix.find_account", fail)
    result = run("access_matrix", "acme")
    assert (result.code, result.err) == (
        1,
        "The database is not responding: connection to server failed: No such file\n",
    )


def test_a_database_without_its_tables_is_told_in_a_sentence(run: Run, transactional_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_account RENAME TO elsewhere")
    try:
        result = run("access_matrix", "acme")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO accounts_account")
    assert (result.code, result.out) == (1, "")
    assert result.err == "The database schema is not up to date. Run manage.py migrate first.\n"


def test_a_reader_who_has_seen_enough_ends_it_quietly() -> None:
    """`manage.py show_scheme staff-ladder | head -1`, in processes of their own."""
    command = [sys.executable, "manage.py", "show_scheme", "staff-ladder", "--json"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"}
    with subprocess.Popen(
        command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
