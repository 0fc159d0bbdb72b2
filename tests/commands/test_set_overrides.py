"""`set_overrides`: what a file sets and clears, and how it is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apps.access.models import Override
from apps.audit.models import Entry, Operation
from apps.roles.scopes import Scope
from tests.commands.conftest import Result, Run
from tests.factories import Cast, make_cast

WHY = ("--reason", "Season of 2027")
BEN = "ben@acme.example"


@pytest.fixture
def cast(db: None) -> Cast:
    """An Atlas account `acme` with one branch, Ann as its owner and Ben as a member."""
    return make_cast("atlas")


@pytest.fixture
def set_overrides(run: Run, tmp_path: Path) -> Any:
    def set_them(file: str, *more: str) -> Result:
        path = tmp_path / "file.csv"
        path.write_text(file)
        return run("set_overrides", "acme", "--csv", str(path), *WHY, *more)

    return set_them


def found() -> list[tuple[str, Scope, datetime | None, str]]:
    return list(Override.objects.order_by("permission").values_list("permission", "scope", "expires_at", "reason"))


def test_a_file_sets_and_clears_in_one_operation(cast: Cast, set_overrides: Any) -> None:
    cast.let(cast.member, "view_task", Scope.NONE)
    result = set_overrides(
        "user,branch,permission,scope,expires,reason\n"
        f'{BEN},north,view_lead,"responsible, shared",2099-01-31T00:00:00+01:00,"Helps, ""really"""\n'
        f"{BEN},north,crm.change_lead,If creator,,\n"
        f"{BEN},,view_task,clear,,\n"
        f"{BEN},north,manage_billing,all,,\n"
    )
    operation = Operation.objects.get(verb="access.override.set")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"Changed 4 overrides in acme (operation {operation.pk}).\n"
    assert Entry.objects.filter(operation=operation).count() == 4
    assert found() == [
        ("change_lead", Scope.CREATED, None, "Season of 2027"),
        ("manage_billing", Scope.ALL, None, "Season of 2027"),
        (
            "view_lead",
            Scope.RESPONSIBLE | Scope.SHARED,
            datetime(2099, 1, 30, 23, tzinfo=UTC),
            'Helps, "really"',
        ),
    ]


def test_a_second_time_there_is_nothing_to_change(cast: Cast, set_overrides: Any) -> None:
    file = f"user,permission,scope\n{BEN},view_lead,none\n{BEN},view_task,clear\n"
    assert set_overrides(file).out.startswith("Changed 1 override in acme")
    result = set_overrides(file, "--json")
    assert json.loads(result.out) == {"account": "acme", "dry_run": False, "operation": None, "changed": 0}
    assert Operation.objects.filter(verb="access.override.set").count() == 1


def test_what_is_so_already_tells_nothing_to_who_may_not_set_it(cast: Cast, set_overrides: Any) -> None:
    cast.let(cast.member, "view_lead", Scope.NONE)
    eve = cast.join()
    for scope in ("none", "all", "clear"):
        result = set_overrides(f"user,permission,scope\n{BEN},view_lead,{scope}\n", "--actor", eve.email)
        assert (result.code, "line 2: You need the permission" in result.err) == (1, True)
    result = set_overrides(f"user,permission,scope\n{BEN},view_task,clear\n", "--actor", eve.email)
    assert (result.code, "line 2: You need the permission" in result.err) == (1, True)


def test_clearing_what_a_locked_role_has_can_be_repeated(run: Run, db: None, set_overrides: Any) -> None:
    cast = make_cast("amocrm")
    second = cast.join("administrator")
    Override.objects.create(
        account=cast.account, branch=cast.branch, user=second, permission="view_lead", scope=Scope.NONE, reason="Old"
    )
    file = f"user,permission,scope\n{second.email},view_lead,clear\n"
    assert [set_overrides(file).out[:7] for _ in range(2)] == ["Changed", "No chan"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("view_leed,all,", 'There is no permission "view_leed".'),
        (",all,", 'There is no permission "".'),
        ("view_lead,,", "“” is not a scope. Use none, all or clear, scopes such as responsible + shared + team,"),
        ("view_lead,mine,", "“mine” is not a scope."),
        ("manage_teams,team,", "does not apply to records, so it is either off or on. Choose none or all."),
        ("view_lead,all,2027-01-31", "“2027-01-31” is not a time with a time zone. Write a time such as"),
        ("view_lead,all,2001-01-31T00:00:00Z", "The end is in the past. Enter an end date in the future, or none."),
        ("view_lead,clear,2099-01-31T00:00:00Z", "A cleared override can't have an end date. Leave the cell empty."),
    ],
)
def test_a_line_that_is_off_is_named_and_nothing_is_written(
    cast: Cast, set_overrides: Any, line: str, said: str
) -> None:
    result = set_overrides(f"user,permission,scope,expires\n{BEN},view_task,all,\n{BEN},{line}\n")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("line 3: ")
    assert said in result.err
    assert result.err.endswith("1 line was refused. Nothing was written.\n")
    assert found() == []


def test_the_same_override_twice_is_told_with_both_lines(cast: Cast, set_overrides: Any) -> None:
    result = set_overrides(f"user,permission,scope\n{BEN},view_lead,all\n{BEN},crm.view_lead,none\n")
    assert result.err.startswith("line 3: This repeats line 2.")


def test_a_dry_run_writes_nothing(cast: Cast, set_overrides: Any) -> None:
    result = set_overrides(f"user,permission,scope\n{BEN},view_lead,all\n", "--dry-run")
    assert (result.code, result.err, found()) == (0, "", [])
    assert result.lines == [
        "Would change 1 override in acme.",
        "1 member is affected:",
        "Ben Baker:",
        "  View leads on North: If responsible → Permitted (Member → override)",
    ]


@pytest.mark.parametrize("file", ["", "user,permission\n", "user,scope\n", "user,permission,scope,until\n"])
def test_columns_that_are_off_are_refused(cast: Cast, set_overrides: Any, file: str) -> None:
    result = set_overrides(file)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("line 1: ")


def test_arguments_that_are_off_end_with_2(cast: Cast, run: Run) -> None:
    assert run("set_overrides", "acme", *WHY).code == 2
    assert run("set_overrides", "acme", "--csv", "x.csv").code == 2
