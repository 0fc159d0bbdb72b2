"""audit_heads and verify_audit --heads: their words, their files and their exit codes."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import Account
from apps.audit import heads
from apps.audit.models import Link
from tests.audit.chains import report, write
from tests.audit.heads import cut, key, rewrite

__all__ = ["key"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Account:
    return Account.objects.create(slug="acme", name="Acme Ltd", scheme="atlas", currency="EUR")


@pytest.fixture
def file(acme: Account, key: str, tmp_path: Path) -> Path:
    """The signed heads of Acme's chain and of the platform's."""
    for _ in range(3):
        write(acme.pk)
    write(None)
    path = tmp_path / "heads.json"
    path.write_text(run("audit_heads", "--sign"))
    return path


def run(command: str, *arguments: str | Path) -> str:
    """What the command prints."""
    out = StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue()


def refused(command: str, *arguments: str | Path) -> tuple[str, str, int]:
    """What the command prints before it fails, its last sentence and its exit code."""
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue(), str(error.value), error.value.returncode


def head(account_id: int) -> dict[str, Any]:
    """What the file says of this chain."""
    found, link = report(account_id), Link.objects.filter(account_id=account_id).latest("seq")
    return {
        "account": "acme" if account_id else None,
        "account_id": account_id,
        "seq": found.links,
        "hash": found.head_hash,
        "operation": link.operation_id,
        "links": found.links,
        "entries": found.entries,
    }


def test_the_heads_are_printed_as_a_file(file: Path, acme: Account, key: str) -> None:
    found = json.loads(file.read_text())
    assert list(found) == ["mandate_audit_heads", "at", "heads", "public_key", "signature"]
    assert found["heads"] == [head(0), head(acme.pk)]
    assert found["public_key"] == key
    unsigned = json.loads(run("audit_heads"))
    assert list(unsigned) == ["mandate_audit_heads", "at", "heads"]
    assert unsigned["heads"] == found["heads"]


def test_json_is_one_line_that_is_taken_as_well(file: Path) -> None:
    line = run("audit_heads", "--sign", "--json")
    assert line.count("\n") == 1
    file.write_text(line)
    assert "matches the saved head at link" in run("verify_audit", "--heads", file)


def test_an_empty_log_has_no_heads(key: str, tmp_path: Path) -> None:
    file = tmp_path / "heads.json"
    file.write_text(run("audit_heads", "--sign"))
    assert json.loads(file.read_text())["heads"] == []
    assert "no entries yet" in run("verify_audit", "--heads", file)


def test_a_new_key_is_one_that_both_commands_take(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pair = dict(line.split("=", 1) for line in run("audit_heads", "--new-key").splitlines())
    assert list(pair) == [heads.SIGNING_KEY, heads.PUBLIC_KEY]
    monkeypatch.setenv(heads.SIGNING_KEY, pair[heads.SIGNING_KEY])
    file.write_text(run("audit_heads", "--sign"))
    monkeypatch.delenv(heads.SIGNING_KEY)
    monkeypatch.setenv(heads.PUBLIC_KEY, pair[heads.PUBLIC_KEY])
    assert f"signed by {pair[heads.PUBLIC_KEY]}" in run("verify_audit", "--heads", file)
    assert json.loads(run("audit_heads", "--new-key", "--json")).keys() == pair.keys()


@pytest.mark.parametrize("text", ["", "x"])
def test_without_a_good_key_nothing_is_signed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(heads.SIGNING_KEY, text)
    out, sentence, code = refused("audit_heads", "--sign")
    assert (out, code) == ("", 1)
    assert sentence.startswith("Can't sign the heads: AUDIT_SIGNING_KEY is ")


def test_a_log_that_fits_says_against_what_it_was_held(file: Path, acme: Account, key: str) -> None:
    at, seq = json.loads(file.read_text())["at"], report(acme.pk).links
    write(acme.pk)
    other = Account.objects.create(slug="other", name="Other Ltd", scheme="atlas", currency="EUR")
    write(other.pk)
    lines = run("verify_audit", "--heads", file).splitlines()
    assert lines[0] == f"{file}: heads of {at}, signed by {key}"
    assert lines[2].startswith(f"acme: verified: {seq + 1} links, ")
    assert lines[2].endswith(f", matches the saved head at link {seq}")
    assert lines[3].endswith(", no saved head")


def test_a_chain_without_its_end_does_not_fit(file: Path, acme: Account) -> None:
    found = json.loads(file.read_text())
    last = found["heads"][1]
    cut(acme.pk, last["seq"] - 1)
    assert "acme: verified" in run("verify_audit")
    out, sentence, code = refused("verify_audit", "--heads", file)
    fault = (
        f"link {last['seq'] - 1}: this link and all later links are missing"
        f" (the head recorded at {found['at']} is link {last['seq']}, operation {last['operation']})"
    )
    assert (sentence, code) == (f"The audit log failed verification in 1 of 2 chains, first in acme: {fault}.", 1)
    assert out.splitlines()[-1].endswith(f"; {fault}")
    assert refused("verify_audit", "acme", "--heads", file)[1] == f"The audit log failed verification in acme: {fault}."


def test_a_chain_that_is_gone_does_not_fit(file: Path, acme: Account) -> None:
    cut(0, 1)
    cut(acme.pk, 1)
    assert run("verify_audit") == "the audit log: no entries yet\n"
    out, sentence, code = refused("verify_audit", "acme", "--heads", file)
    assert "acme: not verified: 0 links, 0 entries; link 1: the whole chain is missing" in out
    assert (sentence[:70], code) == ("The audit log failed verification in acme: link 1: the whole chain is ", 1)
    assert "in 2 of 2 chains, first in the platform: link 1" in refused("verify_audit", "--heads", file)[1]


def test_several_files_narrow_down_where_it_was_rewritten(file: Path, acme: Account) -> None:
    tuesday = file.with_name("tuesday.json")
    operation = write(acme.pk).pk
    seq = report(acme.pk).links
    tuesday.write_text(run("audit_heads", "--sign"))
    rewrite(acme.pk, seq)
    assert "acme: verified" in run("verify_audit", "--heads", file)
    out, _, code = refused("verify_audit", "--json", "--heads", tuesday, "--heads", file)
    found = json.loads(out)
    assert (code, found["sound"], [each["file"] for each in found["heads"]]) == (1, False, [str(tuesday), str(file)])
    chain = found["chains"][1]
    assert (chain["kept"], chain["sound"]) == (seq - 1, False)
    assert (chain["fault"]["seq"], chain["fault"]["operation"]) == (seq, operation)
    assert chain["fault"]["problems"] == ["rewritten"]
    assert f"up to link {seq - 1} the chain matches the recorded heads" in chain["fault"]["sentence"]


def test_heads_that_are_not_to_be_trusted_end_it_before_it_began(file: Path) -> None:
    file.write_text(file.read_text().replace('"seq": 1', '"seq": 2'))
    out, sentence, code = refused("verify_audit", "--heads", file)
    assert (out, code) == ("", 1)
    assert sentence == (
        f"Can't use the heads in {file}: its signature is wrong: the file was altered, or signed without the key."
    )


def test_heads_that_nobody_signed_are_taken_on_demand_only(file: Path) -> None:
    file.write_text(run("audit_heads"))
    assert refused("verify_audit", "--heads", file)[1:] == (
        f"Can't use the heads in {file}: it is not signed: use a file from audit_heads --sign,"
        " or add --unsigned to accept it.",
        1,
    )
    assert run("verify_audit", "--heads", file, "--unsigned").splitlines()[0].endswith(", not signed")
    assert refused("verify_audit", "--unsigned")[2] == 2


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    assert refused("verify_audit", "--heads", path)[1:] == (f"Can't read {path}: No such file or directory.", 1)
