"""`operator_session`: sessions opened, ended and listed from the console."""

from __future__ import annotations

import json

import pytest
import time_machine

from apps.access.models import OperatorSession
from apps.accounts.models import User
from apps.audit.models import Operation
from tests.commands.conftest import Run
from tests.factories import LeadFactory, OperatorFactory, UserFactory, make_cast

pytestmark = pytest.mark.django_db
OLIVE = "olive@mandate.example"
WHY = ("--reason", "Ticket 4711:\nan import")


@pytest.fixture
def olive() -> User:
    user: User = OperatorFactory(session=False, email=OLIVE)
    return user


@time_machine.travel("2026-11-02T10:00:00Z", tick=False)
def test_a_session_is_opened_listed_and_ended(olive: User, run: Run) -> None:
    opened = run("operator_session", "open", "Olive@Mandate.example", *WHY, "--minutes", "30")
    assert (opened.code, opened.err) == (0, "")
    assert opened.out == f"{OLIVE} is a platform operator until 2026-11-02 10:30 UTC.\n"
    assert run("operator_session", "list").lines == [
        f"2026-11-02 10:00  {OLIVE}  open until 10:30 UTC: Ticket 4711: an import"
    ]
    (listed,) = json.loads(run("operator_session", "list", "--json").out)["sessions"]
    assert listed == {
        "user": OLIVE,
        "reason": WHY[1],
        "opened_at": "2026-11-02T10:00:00+00:00",
        "expires_at": "2026-11-02T10:30:00+00:00",
        "ended_at": None,
        "open": True,
    }
    ended = run("operator_session", "end", OLIVE)
    assert (ended.code, ended.err) == (0, "")
    assert "ended at 10:00 UTC" in run("operator_session", "list").out
    (listed,) = json.loads(run("operator_session", "list", "--json").out)["sessions"]
    assert (listed["open"], listed["ended_at"]) == (False, "2026-11-02T10:00:00+00:00")
    assert set(Operation.objects.filter(verb__startswith="access.operator").values_list("actor_name", flat=True)) == {
        "the operator at the console"
    }


def test_one_that_ran_its_time_is_listed_as_such(olive: User, run: Run) -> None:
    assert run("operator_session", "list").out == "No sessions yet.\n"
    assert json.loads(run("operator_session", "list", "--json").out) == {"sessions": []}
    with time_machine.travel("2026-11-02T10:00:00Z", tick=False):
        run("operator_session", "open", OLIVE, *WHY)
    with time_machine.travel("2026-11-02T11:00:00Z", tick=False):
        assert "ran until 11:00 UTC" in run("operator_session", "list").out
        assert run("operator_session", "end", OLIVE).code == 1


def test_what_is_refused_ends_with_1_and_a_sentence(olive: User, run: Run) -> None:
    ben = UserFactory()
    for arguments, told in (
        (("open", OLIVE, "--reason", " "), "Enter a reason"),
        (("open", OLIVE, *WHY, "--minutes", "61"), "from 1 to 60 minutes, not 61"),
        (("open", ben.email, *WHY), f"{ben.email} is not a platform operator"),
        (("open", "nobody@mandate.example", *WHY), 'There is no user "nobody@mandate.example".'),
        (("end", OLIVE), f"{OLIVE} has no open session."),
    ):
        result = run("operator_session", *arguments)
        assert (result.code, result.out) == (1, ""), arguments
        assert told in result.err
        assert len(result.err.splitlines()) == 1
    assert not OperatorSession.objects.exists()


@pytest.mark.parametrize(
    "arguments", [(), ("open", OLIVE), ("open", OLIVE, *WHY, "--minutes", "long"), ("close", OLIVE), ("end",)]
)
def test_arguments_that_are_off_end_with_2(olive: User, run: Run, arguments: tuple[str, ...]) -> None:
    result = run("operator_session", *arguments)
    assert (result.code, result.out) == (2, "")
    assert "usage: " in result.err


def test_a_dry_run_writes_nothing(olive: User, run: Run) -> None:
    assert "would be a platform operator" in run("operator_session", "open", OLIVE, *WHY, "--dry-run").out
    assert not OperatorSession.objects.exists()
    run("operator_session", "open", OLIVE, *WHY)
    assert "would end" in run("operator_session", "end", OLIVE, "--dry-run").out
    assert OperatorSession.objects.get().ended_at is None


def test_the_answers_on_the_console_follow_the_session(olive: User, run: Run) -> None:
    cast = make_cast()
    lead = LeadFactory(branch=cast.branch)
    asked = ("check_access", OLIVE, "view_lead", f"lead:{cast.account.slug}/{lead.reference}", "--explain")
    before = run(*asked)
    assert "without an open session" in before.out
    assert "Open an operator session" in before.out
    run("operator_session", "open", OLIVE, *WHY)
    assert "in an open session" in run(*asked).out
    run("operator_session", "end", OLIVE)
    assert run(*asked).out == before.out
