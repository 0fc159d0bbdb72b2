"""verify_audit --dump: the log in a dump is verified without a server, and what is no whole dump is refused.

The tests of reading have no database at all: a question to it would fail them.
"""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.audit import heads
from apps.audit.dumps import pg_program
from apps.audit.verification import verify
from tests.audit.chains import TABLES, sql, write
from tests.audit.forging import ENTRIES, OPERATIONS

COLUMNS = {
    "audit_operation": "id, at, transaction_id, actor_id, actor_name, acting_as_id, acting_as_name, verb, reason, ip",
    "audit_entry": "id, account_id, branch_id, user_id, target_type, target_id, target_text, before, after,"
    " operation_id",
    "audit_link": "id, account_id, seq, first_entry, last_entry, entry_count, operation_digest, entries_digest,"
    " previous, hash, at, operation_id",
}
HEADER = "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\n"
FOOTER = "--\n-- PostgreSQL database dump complete\n--\n\n"


@pytest.fixture
def blocks(db: None) -> dict[str, str]:
    """The lines of each table, as COPY writes them, of a log with texts of all kinds."""
    sql(OPERATIONS, 1, 3)
    sql(ENTRIES, 1)
    write(1, reason='She\tsaid: "no"\n\\. é 😀', entries=2, ip="2001:db8::1")
    write(None)
    sql("SET LOCAL TimeZone = 'Asia/Kathmandu'")
    sql("SET LOCAL bytea_output = 'escape'")
    found = {}
    for table in TABLES:
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({COLUMNS[table]}) TO STDOUT") as lines:
            found[table] = b"".join(map(bytes, lines)).decode()
    return found


@pytest.fixture
def text(blocks: dict[str, str]) -> str:
    """The dump as plain text, with another table in it."""
    other = "COPY public.crm_lead (id, name) FROM stdin;\n1\tCOPY public.audit_link (id) FROM stdin;\n\\.\n\n"
    copied = "".join(f"COPY public.{table} ({COLUMNS[table]}) FROM stdin;\n{blocks[table]}\\.\n\n" for table in TABLES)
    return HEADER + other + copied + FOOTER


@pytest.fixture
def kept(blocks: dict[str, str], tmp_path: Path) -> Path:
    """The heads of the log, which nobody signed."""
    path = tmp_path / "heads.json"
    path.write_text(json.dumps(heads.document(heads.take(verify(), {1: "acme"}))))
    return path


@pytest.fixture
def serverless() -> Iterator[None]:
    """No server answers, until the test has ended."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("The database was asked.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseWrapper, "cursor", refuse)
        yield


def run(*arguments: str | Path) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("verify_audit", *map(str, arguments), stdout=out)
    return out.getvalue()


def refused(path: Path, *arguments: str | Path) -> tuple[str, int]:
    """The sentence with which the command refuses the dump, and its exit code."""
    with pytest.raises(CommandError) as error:
        run("--dump", path, *arguments)
    return str(error.value).replace(str(path), "FILE"), error.value.returncode


def saved(text: str | bytes, tmp_path: Path) -> Path:
    """A file with this text."""
    path = tmp_path / "mandate.dump"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_whole_dump_fits(text: str, kept: Path, tmp_path: Path, serverless: None) -> None:
    lines = run("--dump", saved(text, tmp_path), "--heads", kept, "--unsigned").splitlines()
    assert [line.partition(": verified: ")[0] for line in lines[1:]] == [
        "the platform",
        "acme",
        "account number 2 (deleted)",
        "account number 3 (deleted)",
    ]
    assert lines[2].endswith(", matches the saved head at link 2")
    assert run("--dump", saved(gzip.compress(text.encode()), tmp_path), "2").count("\n") == 1


def test_a_forged_row_is_named(text: str, kept: Path, tmp_path: Path, serverless: None) -> None:
    path = saved(text.replace("round 1\t", "round 9\t", 1), tmp_path)
    sentence, code = refused(path, "--heads", kept, "--unsigned")
    assert code == 1
    assert "first in acme: link 1, operation " in sentence
    assert sentence.endswith("its operation was changed.")
    assert refused(path, "1", "--json")[1] == 1


def test_a_tail_that_was_cut_off_is_found_by_the_heads(
    text: str, blocks: dict[str, str], kept: Path, tmp_path: Path, serverless: None
) -> None:
    for table in TABLES:
        last = blocks[table].splitlines(keepends=True)
        text = text.replace(blocks[table], "".join(last[: -2 if table == "audit_entry" else -1]))
    path = saved(text, tmp_path)
    assert "account number 1" in run("--dump", path)
    assert "the whole chain is missing" in refused(path, "--heads", kept, "--unsigned")[0]


CHANGES: dict[str, tuple[Callable[[str], str], str]] = {
    "no end": (lambda text: text.removesuffix(FOOTER), "it is incomplete: its last line is missing"),
    "cut": (lambda text: text[: text.rindex("\\.")], "it is incomplete: it ends inside audit_link"),
    "cut elsewhere": (lambda text: text[: text.index("\\.")], "it is incomplete: it ends inside public.crm_lead"),
    "no table": (
        lambda text: text.replace("public.audit_link (id, acc", "public.audit_links (id, acc"),
        "it has no rows of audit_link: dump the whole database with its data",
    ),
    "no column": (
        lambda text: text.replace("verb, reason, ip) FROM", "verb, reason) FROM"),
        "its audit_operation has no column ip",
    ),
    "another column": (
        lambda text: text.replace("verb, reason, ip) FROM", "verb, reason, ip, mood) FROM"),
        "its audit_operation has an unknown column: mood",
    ),
    "twice": (
        lambda text: text.replace(FOOTER, "COPY eve.audit_link (id) FROM stdin;\n\\.\n" + FOOTER),
        "it holds audit_link twice, as public.audit_link and as eve.audit_link",
    ),
    "a line": (lambda text: text.replace("membership\t2", "membership", 1), "is not a row of audit_entry"),
    "inserts": (
        lambda text: text.replace(FOOTER, "INSERT INTO public.audit_link VALUES (1);\n" + FOOTER),
        "it has audit_link as INSERT statements: create it without --inserts",
    ),
    "encoding": (lambda text: text.replace("'UTF8'", "'LATIN1'"), "its text is in LATIN1: create it with --encoding="),
    "nothing": (lambda text: "", "it is incomplete: its last line is missing"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_no_whole_dump_is_refused(text: str, tmp_path: Path, serverless: None, change: str) -> None:
    altered = CHANGES[change][0](text)
    assert altered != text
    sentence, code = refused(saved(altered, tmp_path))
    assert CHANGES[change][1] in sentence
    assert (sentence.startswith("Can't verify FILE: "), code) == (True, 1)


def test_files_that_cannot_be_read_are_refused(text: str, tmp_path: Path, serverless: None) -> None:
    assert refused(tmp_path / "none") == ("Can't read FILE: No such file or directory.", 1)
    assert refused(tmp_path) == ("Can't verify FILE: it is a folder without a table of contents (toc.dat).", 1)
    packed = gzip.compress(text.encode())
    assert "it is incomplete" in refused(saved(packed[:-20], tmp_path))[0]
    assert "pg_restore can't read it" in refused(saved(b"PGDMP and more", tmp_path))[0]
    assert refused(saved(text, tmp_path), "acme") == (
        "With --dump, name the account by its number, which audit_heads prints.",
        2,
    )


@pytest.fixture
def committed(transactional_db: None) -> None:
    """A log that pg_dump sees."""
    with transaction.atomic():
        for account in (1, None, 1):
            write(account, entries=3)


@pytest.mark.parametrize("format", ["plain", "custom", "directory", "tar"])
def test_every_format_of_pg_dump_is_read(committed: None, tmp_path: Path, format: str) -> None:
    path = tmp_path / format
    info = connection.connection.info
    server = [f"--host={info.host}", f"--port={info.port}", f"--username={info.user}"]
    program = [pg_program("pg_dump"), *server, f"--format={format}", f"--file={path}", info.dbname]
    subprocess.run(program, check=True, env={"PGPASSWORD": info.password})
    there = {report.account_id: report.head_hash for report in verify()}
    assert heads_of(path) == there
    if format in ("custom", "tar"):
        whole = path.read_bytes()
        found = []
        for part in range(1, 20):
            path.write_bytes(whole[: len(whole) * part // 20])
            with suppress(CommandError):
                found.append(heads_of(path))
        # Archives that lost only what lies behind the log are read; no other one passes for a whole one.
        assert len(found) < 19
        assert all(heads == there for heads in found)


def heads_of(path: Path) -> dict[int, str]:
    """The heads of the chains in the dump, which fits."""
    printed = json.loads(run("--dump", path, "--json"))
    assert printed["sound"]
    return {chain["account_id"]: chain["head"]["hash"] for chain in printed["chains"]}
