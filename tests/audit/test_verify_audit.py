"""The command, its words and its exit codes."""

import json
import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import Account
from apps.audit.models import Link
from apps.console.output import Output
from apps.console.progress import ProgressBar
from tests.audit.chains import report, sql, unguarded, write
from tests.audit.heads import FORGET_OPERATIONS

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Account:
    return unwritten("acme")


@pytest.fixture
def other() -> Account:
    return unwritten("other")


def unwritten(slug: str) -> Account:
    """An account of which the log says nothing, not even that it was created."""
    account = Account.objects.create(slug=slug, name=slug.title(), scheme="atlas", currency="EUR")
    with unguarded():
        sql("DELETE FROM audit_link WHERE account_id = %s", account.pk)
        sql("DELETE FROM audit_entry WHERE account_id = %s", account.pk)
        sql(FORGET_OPERATIONS)
    return account


def run(*arguments: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("verify_audit", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: str) -> tuple[str, str, int]:
    """What the command prints before it fails, its last sentence and its exit code."""
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("verify_audit", *arguments, stdout=out)
    return out.getvalue(), str(error.value), error.value.returncode


def spoil(account: Account, seq: int) -> int:
    """Change the reason of the operation behind this link; the operation's id."""
    operation = Link.objects.get(account_id=account.pk, seq=seq).operation_id
    with unguarded():
        sql("UPDATE audit_operation SET reason = 'another' WHERE id = %s", operation)
    return operation


def test_a_log_that_fits_is_told_chain_by_chain(acme: Account, other: Account) -> None:
    write(acme.pk, entries=1200)
    write(other.pk)
    write(None)
    assert run().splitlines() == [
        f"the platform: verified: 1 links, 2 entries, head {report(0).head_hash}",
        f"acme: verified: 1 links, 1,200 entries, head {report(acme.pk).head_hash}",
        f"other: verified: 1 links, 2 entries, head {report(other.pk).head_hash}",
    ]


def test_one_account_is_verified_alone(acme: Account, other: Account) -> None:
    write(acme.pk)
    write(other.pk)
    spoil(other, 1)
    assert run("acme").startswith("acme: verified: 1 links")


def test_an_account_with_no_log_has_nothing_to_verify(acme: Account) -> None:
    assert run("acme") == "acme: no entries yet\n"
    assert json.loads(run("--json")) == {"sound": True, "database": [], "heads": [], "chains": []}


def test_the_first_link_that_does_not_fit_is_named(acme: Account, other: Account) -> None:
    for _ in range(4):
        write(acme.pk)
    write(other.pk)
    spoil(acme, 4)
    operation = spoil(acme, 2)
    out, sentence, code = refused()
    fault = f"link 2, operation {operation}: its operation was changed"
    assert code == 1
    assert f"acme: not verified: 4 links, 8 entries; {fault}" in out.splitlines()
    assert "other: verified" in out
    assert sentence == f"The audit log failed verification in 1 of 2 chains, first in acme: {fault}."
    assert refused("acme")[1:] == (f"The audit log failed verification in acme: {fault}.", 1)


def test_an_unknown_account_is_refused() -> None:
    assert refused("nobody") == ("", 'There is no account "nobody".', 1)


def test_the_log_of_an_account_that_is_gone_is_still_verified() -> None:
    write(999)
    assert run().startswith("account number 999 (deleted): verified")


def test_scripts_read_json(acme: Account) -> None:
    write(acme.pk)
    write(None)
    operation = spoil(acme, 1)
    out, _, code = refused("--json")
    found = json.loads(out)
    assert (code, found["sound"]) == (1, False)
    assert found["chains"][0]["account"] is None
    assert found["chains"][0]["account_id"] == 0
    assert found["chains"][1] == {
        "account": "acme",
        "account_id": acme.pk,
        "sound": False,
        "links": 1,
        "entries": 2,
        "head": {"seq": 1, "hash": report(acme.pk).head_hash},
        "kept": None,
        "fault": {
            "seq": 1,
            "operation": operation,
            "problems": ["operation"],
            "sentence": f"link 1, operation {operation}: its operation was changed",
        },
    }


class Terminal(StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_long_work_shows_a_bar_on_a_terminal() -> None:
    stream = Terminal()
    bar = ProgressBar(Output(stream), patience=0)
    bar(1, 4)
    assert stream.getvalue() == f"\r[{'#' * 10}{' ' * 30}]  25%"
    bar(4, 4)
    assert stream.getvalue().endswith(" \r")


def test_long_work_writes_a_line_from_time_to_time_where_there_is_no_terminal() -> None:
    stream = StringIO()
    bar = ProgressBar(Output(stream), "Reading", pause=0.05)
    bar(1, 4)
    assert stream.getvalue() == ""
    time.sleep(0.06)
    bar(2, 4)
    bar(3, 4)
    assert stream.getvalue() == "Reading: 50%\n"
    time.sleep(0.06)
    bar(4, 4)
    assert stream.getvalue() == "Reading: 50%\n", "what comes after the work says that it is done"


@pytest.mark.parametrize(("stream", "patience"), [(StringIO(), 0), (Terminal(), 60)])
def test_no_bar_is_shown_in_a_file_or_for_short_work(stream: StringIO, patience: float) -> None:
    bar = ProgressBar(Output(stream), patience=patience)
    bar(1, 4)
    bar(4, 4)
    assert stream.getvalue() == ""
