"""`change_roles`: who is named and how, what the output and the log tell, and that a file is refused as a whole."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from apps.accounts.models import User
from apps.audit.models import Entry, Operation
from apps.roles.models import Role
from apps.teams.models import Membership
from tests.commands.conftest import Result, Run
from tests.factories import Cast, make_cast
from tests.orgfiles.test_killed import until_alone

WHY = ("--reason", "Reorganisation")
BEN = "ben@acme.example"


@pytest.fixture
def cast(db: None) -> Cast:
    """An Atlas account `acme` with one branch, Ann as its owner and Ben as a member."""
    return make_cast("atlas")


@pytest.fixture
def change(run: Run, tmp_path: Path) -> Any:
    """`change(file, "--to", …)`: with a file of these bytes or this text as --csv (or as `option`)."""

    def change_roles(file: str | bytes, *more: str, option: str = "--csv") -> Result:
        path = tmp_path / "file.csv"
        path.write_bytes(file.encode() if isinstance(file, str) else file)
        return run("change_roles", "acme", option, str(path), *WHY, *more)

    return change_roles


def role(email: str, branch: str = "north") -> str:
    return Membership.objects.get(user__email=email, branch__slug=branch, account__slug="acme").role.key


def operations() -> int:
    return Operation.objects.filter(verb="access.role.changed").count()


def test_a_file_is_one_operation_of_the_operator(cast: Cast, change: Any) -> None:
    eve = cast.join("admin").email
    result = change(f"user,branch,role\n{BEN},north,admin\n{eve},north,member\n")
    operation = Operation.objects.get(verb="access.role.changed")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"Changed 2 roles in acme (operation {operation.pk}).\n"
    assert (operation.reason, operation.actor_id) == ("Reorganisation", None)
    assert Entry.objects.filter(operation=operation).count() == 2
    assert (role(BEN), role(eve)) == ("admin", "member")


def test_a_second_time_there_is_nothing_to_change(cast: Cast, change: Any) -> None:
    for out in ("Changed 1 role in acme", "No changes: everything is already as requested.\n"):
        result = change(f"user\n{BEN}\n", "--to", "admin")
        assert (result.code, result.err) == (0, "")
        assert result.out.startswith(out)
    assert operations() == 1


def test_a_list_of_addresses_will_do(cast: Cast, change: Any) -> None:
    eve = cast.join().email
    result = change(f"{BEN.upper()} \r\n\r\n{eve}", "--to", "admin", option="--emails")
    assert (result.code, result.err) == (0, "")
    assert (role(BEN), role(eve)) == ("admin", "admin")


def test_all_who_hold_a_role_get_the_other(cast: Cast, run: Run) -> None:
    south = cast.branch_beside()
    eve, finn = cast.join().email, cast.join(branch=south).email
    result = run("change_roles", "acme", "--from", "member", "--to", "admin", "--branch", "north", *WHY)
    assert result.out.startswith("Changed 2 roles in acme")
    assert (role(BEN), role(eve), role(finn, "south")) == ("admin", "admin", "member")
    result = run("change_roles", "acme", "--from", "member", "--to", "admin", *WHY, "--json")
    assert json.loads(result.out)["changed"] == 1


def test_json(cast: Cast, change: Any) -> None:
    found = json.loads(change(f"user\n{BEN}\n", "--to", "admin", "--json").out)
    operation = Operation.objects.get(verb="access.role.changed").pk
    assert found == {"account": "acme", "dry_run": False, "operation": operation, "changed": 1}
    assert json.loads(change(f"user\n{BEN}\n", "--to", "admin", "--json").out) == {
        "account": "acme",
        "dry_run": False,
        "operation": None,
        "changed": 0,
    }


def test_a_dry_run_writes_nothing_and_refuses_the_same(cast: Cast, change: Any) -> None:
    result = change(f"user\n{BEN}\n", "--to", "admin", "--dry-run")
    assert (result.code, result.err) == (0, "")
    assert result.lines[:3] == ["Would change 1 role in acme.", "1 member is affected:", "Ben Baker:"]
    assert "  Manage billing on North: Prohibited → Permitted (Member → Admin)" in result.lines
    told = json.loads(change(f"user\n{BEN}\n", "--to", "admin", "--dry-run", "--json").out)
    assert (told["changed"], told["operation"], told["preview"]["affected"]) == (1, None, 1)
    refused = f"user\n{BEN}\nx@acme.example\n"
    assert change(refused, "--to", "admin", "--dry-run") == change(refused, "--to", "admin")
    assert (role(BEN), operations()) == ("member", 0)


def test_with_somebody_s_rights_it_is_their_act(cast: Cast, change: Any) -> None:
    admin = cast.join("admin")
    file = f"user,role\n{BEN},admin\n"
    assert change(file, "--actor", admin.email).code == 0
    operation = Operation.objects.get(verb="access.role.changed")
    assert operation.actor_id == admin.pk
    result = change(
        f"user,role\n{BEN},owner\n{cast.owner.email},member\n{admin.email},member\n", "--actor", admin.email
    )
    assert (result.code, result.out) == (1, "")
    lines = result.err.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["line 2", "line 3", "line 4"]
    assert lines[3:] == ["3 lines were refused. Nothing was written."]
    assert "You can't change your own role" in lines[2]


@pytest.mark.parametrize("who", ["outsider", "nobody"])
def test_an_actor_from_elsewhere_is_told_nothing(cast: Cast, change: Any, who: str) -> None:
    actor = cast.outsider.email if who == "outsider" else "x@acme.example"
    result = change(f"user\n{BEN}\n", "--to", "admin", "--actor", actor)
    assert (result.code, result.out) == (1, "")
    assert result.err in ("That account doesn't exist.\n", 'There is no user "x@acme.example".\n')
    assert role(BEN) == "member"


# Files as they come


@pytest.mark.parametrize(
    "file",
    [
        f"\ufeffuser,role\r\n{BEN},admin\r\n",
        f'"user","role"\n"{BEN}","admin"\n',
        f"User;Branch;Role\n{BEN};north;admin\n;;\n",
        f"role\tuser\nadmin\t{BEN}\n\n\n",
        f" user , role \n {BEN} , admin \n",
        f"user,role\n{BEN},admin",
    ],
)
def test_a_file_as_spreadsheets_write_it_is_read(cast: Cast, change: Any, file: str) -> None:
    result = change(file)
    assert (result.code, result.err) == (0, "")
    assert role(BEN) == "admin"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", "line 1: The column names are missing. Choose from user, branch, role.\n"),
        (b"\n\n", "line 1: The column names are missing. Choose from user, branch, role.\n"),
        (b"user,rolle\n", "line 1: “rolle” is not a column. Choose from user, branch, role.\n".encode()),
        (b"user,role,user\n", "line 1: The column “user” occurs twice.\n".encode()),
        (b"role,branch\n", b"line 1: The column user is missing.\n"),
        (b"user,branch\n", b"line 1: The column role is missing.\n"),
        ("user,role\n".encode("utf-16"), b"line 1: The file is not UTF-8. Save it in that encoding.\n"),
    ],
)
def test_a_file_of_another_kind_is_refused(cast: Cast, change: Any, file: bytes, said: str | bytes) -> None:
    result = change(file)
    assert (result.code, result.out) == (1, "")
    assert result.err == (said if isinstance(said, str) else said.decode())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"ben@acme.example", "The line has 1 cells, but the file has 3 columns."),
        (b"ben@acme.example,north,admin,", "The line has 4 cells, but the file has 3 columns."),
        (b"b\xe9n@acme.example,north,admin", "The file is not UTF-8. Save it in that encoding."),
        (
            b"ben@acme.example\0,north,admin",
            "The text contains the character U+0000, which can't be stored. Remove it.",
        ),
        (b'"ben@acme.example"x,north,admin', "This is not valid CSV: ',' expected after '\"'."),
        (b'"ben@acme.example,north,admin', "This is not valid CSV: unexpected end of data."),
        (b",north,admin", "The user is missing."),
        (b"ben@acme.example,north,", "The role is missing."),
        (b"ben@acme.example,south,admin", "Acme has no branch “south”."),
        (b"ben@acme.example,main,admin", "Acme has no branch “main”."),
        (b"ben@acme.example,north,boss", "Acme has no role “boss”. Choose from owner, admin, member."),
        (b"olga@hooli.example,north,admin", "olga@hooli.example is not a member of North."),
        (b"x@acme.example,north,admin", "x@acme.example is not a member of North."),
        (b"' OR 1=1 --,north,admin", "' or 1=1 -- is not a member of North."),
    ],
)
def test_a_line_that_is_off_is_named_and_nothing_is_written(cast: Cast, change: Any, line: bytes, said: str) -> None:
    eve = cast.join().email
    result = change(b"user,branch,role\n" + f"{eve},north,admin\n".encode() + b"\n" + line)
    assert (result.code, result.out) == (1, "")
    assert result.err == f"line 4: {said}\n1 line was refused. Nothing was written.\n"
    assert (role(BEN), role(eve), operations()) == ("member", "member", 0)


def test_the_same_member_twice_is_told_with_both_lines(cast: Cast, change: Any) -> None:
    result = change(f"user,branch,role\n{BEN},north,admin\n{cast.join().email},,admin\nBEN@acme.example,,owner\n")
    assert result.err.splitlines()[0] == "line 4: This repeats line 2. Remove one of the two lines."
    assert role(BEN) == "member"


def test_a_line_break_in_quotes_does_not_shift_the_lines(cast: Cast, change: Any) -> None:
    result = change(f'user,branch,role\n"x\n@acme.example",north,admin\n{BEN},north,boss\n')
    assert [line.partition(":")[0] for line in result.err.splitlines()[:2]] == ["line 2", "line 4"]
    assert r"x\n@acme.example" in result.err
    assert "line 4: Acme has no role “boss”" in result.err


def test_a_file_that_is_too_large_is_refused(cast: Cast, change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.access.tables.LIMIT", 100)
    assert change("user,role\n" + f"{BEN},admin\n" * 10).err == (
        "The file is larger than 0 MiB. Split it into smaller files.\n"
    )


def test_standard_input_will_do(cast: Cast, run: Run) -> None:
    assert run("change_roles", "acme", "--csv", "-", "--to", "admin", *WHY, stdin=f"user\n{BEN}\n").code == 0
    assert role(BEN) == "admin"


def test_a_branch_has_to_be_named_where_there_are_several(cast: Cast, change: Any) -> None:
    cast.branch_beside()
    result = change(f"user,role\n{BEN},admin\n")
    assert (result.code, result.out) == (2, "")
    assert result.err == "Acme has several branches. Name one with --branch, or add a column branch.\n"
    assert change(f"user,role\n{BEN},admin\n", "--branch", "north").code == 0
    result = change(f"user,role,branch\n{BEN},member,\n")
    assert (result.code, "line 2: The branch is missing, and Acme has several." in result.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("acme", "--to", "admin"), 2),
        (("acme", "--from", "member"), 2),
        (("acme", "--emails", "x.txt"), 2),
        (("acme", "--from", "member", "--to", "member"), 2),
        (("acme", "--from", "member", "--csv", "x.csv", "--to", "admin"), 2),
        (("acme", "--csv", "no-such-file.csv"), 1),
        (("acme", "--csv", "."), 1),
        (("globex", "--from", "member", "--to", "admin"), 1),
        (("acme", "--from", "member", "--to", "boss"), 1),
        (("acme", "--from", "boss", "--to", "admin"), 1),
        (("acme", "--from", "viewer", "--to", "admin"), 1),
        (("acme", "--from", "member", "--to", "admin", "--branch", "main"), 1),
        (("acme", "--from", "member", "--to", "admin", "--reason", " "), 1),
    ],
)
def test_exit_codes(cast: Cast, run: Run, arguments: tuple[str, ...], code: int) -> None:
    result = run("change_roles", *WHY, *arguments)
    assert (result.code, result.out) == (code, "")
    assert "Traceback" not in result.err
    assert len(result.err.splitlines()) == 1 or code == 2
    assert (role(BEN), operations()) == ("member", 0)


def test_a_reason_has_to_be_given(cast: Cast, run: Run) -> None:
    assert run("change_roles", "acme", "--from", "member", "--to", "admin").code == 2


# The page


def test_the_files_of_the_page_are_taken(cast: Cast, run: Run, tmp_path: Path) -> None:
    page = (Path(settings.BASE_DIR) / "docs" / "bulk.md").read_text("utf-8")
    roles, overrides = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (becomes,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    south = cast.branch_beside()
    cast.join("admin", branch=south, user=cast.member)
    for command, option, text, rows in (
        ("change_roles", "--csv", roles, 2),
        ("set_overrides", "--csv", overrides, 2),
        ("switch_scheme", "--map", becomes, 5),
    ):
        path = tmp_path / command
        path.write_text(text)
        scheme = ["amocrm"] if command == "switch_scheme" else []
        if scheme:
            south.status = "closed"
            south.save()
        result = run(command, "acme", *scheme, option, str(path), *WHY, "--json")
        assert (result.code, result.err, json.loads(result.out)["changed"]) == (0, "", rows)


# Killed

CHANGE = """
import sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "change_roles", "acme", "--from", "member", "--to", "admin", "--reason", "Up"])
"""


@pytest.mark.django_db(transaction=True)
def test_one_that_is_killed_in_the_middle_leaves_nothing() -> None:
    cast = make_cast("atlas")
    users = User.objects.bulk_create(User(email=f"u{number}@acme.example", name="U") for number in range(12_000))
    member = Role.objects.get(scheme="atlas", key="member")
    Membership.objects.bulk_create(
        Membership(account=cast.account, branch=cast.branch, user=user, role=member) for user in users
    )
    entries = Entry.objects.count()
    name = str(connection.settings_dict["NAME"])
    with subprocess.Popen([sys.executable, "-c", CHANGE, name], cwd=settings.BASE_DIR) as process:
        try:
            until_entries_are_written()
        finally:
            os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    until_alone()
    assert not Membership.objects.filter(role__key="admin").exists()
    assert (Entry.objects.count(), operations()) == (entries, 0)


def until_entries_are_written(seconds: float = 60) -> None:
    """Return once another process writes to this database's log, and has not committed it."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM pg_locks JOIN pg_class ON pg_class.oid = relation JOIN pg_database ON"
                " pg_database.oid = database WHERE datname = current_database() AND relname = 'audit_entry'"
                " AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone():
                return
        time.sleep(0.01)
    raise TimeoutError("The change never came to its entries.")
