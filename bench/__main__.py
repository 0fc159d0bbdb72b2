"""Runs the bench and prints its tables; docs/performance.md says how to read them."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Iterator

from django.db import connection

from apps.accounts.models import Account
from bench import bulk, fence, lists, mandates, objects, pages, streams
from bench.database import BRANCHES, MEMBERS, connect, prepare
from bench.tables import Row, table

LEADS = 1_000_000


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rebuild", action="store_true", help="make the bench's database anew first")
    parser.add_argument(
        "--leads", type=int, default=LEADS, metavar="N", help=f"how many leads a new one gets ({LEADS:,})"
    )
    parser.add_argument("--streams", action="store_true", help="measure export, import and matrix alone")
    parser.add_argument("--pages", action="store_true", help="measure the pages of an account alone")
    options = parser.parse_args()
    title = (
        f"The pages of an account of {pages.MEMBERS:,} members and {options.leads:,} leads, as the web server's role"
    )
    if options.pages:
        connect(rebuild=options.rebuild)
        say(table(title, pages.HEADS, pages.costs(pages.account(options.leads))))
        return
    if options.streams:
        connect(rebuild=options.rebuild)
        say(table(streams.TITLE, streams.HEADS, streams.commands()))
        return
    account = prepare(options.leads, rebuild=options.rebuild)
    say(_where(account))
    parts: tuple[tuple[str, Row, Callable[[], Iterator[Row]]], ...] = (
        ("The page of the 50 newest visible leads, all of them old", lists.HEADS, lambda: lists.pages(account)),
        ("The count of visible leads, capped at 10,000", lists.HEADS, lambda: lists.counts(account)),
        ("May this member view this loaded lead?", objects.HEADS, lambda: objects.questions(account)),
        ("A Mandate: load its facts, compile it, ask it everything", mandates.HEADS, mandates.loads),
        ("The same as the tables' owner and as the web server's role", fence.HEADS, lambda: fence.costs(account)),
        ("Very many changes of access in one command, as a Super Admin", bulk.HEADS, bulk.commands),
        (streams.TITLE, streams.HEADS, streams.commands),
        (title, pages.HEADS, lambda: pages.costs(pages.account(options.leads))),
    )
    for part, heads, rows in parts:
        say("", table(part, heads, rows()))


def say(*lines: str) -> None:
    """Print at once."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _where(account: Account) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), current_setting('server_version') FROM crm_lead WHERE account_id = %s", [account.pk]
        )
        leads, version = cursor.fetchone()
    return (
        f"{leads:,} leads, {BRANCHES} branches, {MEMBERS} members; PostgreSQL {version}, Python "
        f"{platform.python_version()}. Medians of calls in turn."
    )


if __name__ == "__main__":
    main()
