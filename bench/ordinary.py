"""`python -m bench.ordinary`: sixteen clients write records of one account, beside a change of access that stands open.

Windows with nothing else and windows in which another session holds the account's row and its chain take turns. In the
latter an account is imported and records are generated besides. Whoever waits for that session is counted.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import psycopg
from django.core.management import call_command
from django.db import connection, connections

from apps.accounts.models import Account, User
from apps.audit.services import operation
from apps.changes.members import ChangeRole
from apps.crm.models import Lead
from apps.crm.services import assign_record, create_record, delete_record, update_record
from apps.crm.verbs import ACCOUNT_GENERATED
from apps.orgfiles import organisation
from apps.orgfiles.generation import records
from apps.orgfiles.generation.plan import LoadPlan
from apps.orgfiles.generation.run import generate
from apps.roles.models import Role
from apps.teams.models import Membership
from bench.tables import table
from config.postgres.cluster import cluster_named
from config.postgres.server import OWNER

CLUSTER = "ordinary"
CLIENTS = 16
GENERATED = 2_000
# What a change of access holds from its first statement and from its first entry on (access model, section 6).
HOLD = (
    "SELECT id FROM accounts_account WHERE id = {} FOR NO KEY UPDATE",
    "SELECT pg_advisory_xact_lock(hashtextextended('audit chain', {}))",
)
WAITING = """
SELECT count(*) FILTER (WHERE %s = ANY (pg_blocking_pids(pid))), count(*)
FROM pg_stat_activity WHERE wait_event_type = 'Lock'
"""


class Client(threading.Thread):
    """Creates, changes, assigns and deletes a lead, again and again, while `works` is set."""

    def __init__(self, user: User, heir: User, membership: Membership, works: threading.Event) -> None:
        super().__init__(daemon=True)
        self._user, self._heir, self._branch, self._works = user, heir, membership.branch, works
        self.ends = threading.Event()
        self.writes = 0
        self.error: Exception | None = None

    def run(self) -> None:
        """Work until the end, on a connection of its own."""
        try:
            while not self.ends.is_set():
                if self._works.wait(0.1):
                    self._work()
        except Exception as error:
            self.error = error
        finally:
            connections.close_all()

    def _work(self) -> None:
        user = self._user
        lead = Lead(branch=self._branch, account=self._branch.account, name="Printers", responsible=user)
        lead = create_record(lead, actor=user, accept_doubles=True)
        lead = update_record(lead, actor=user, changes={"name": "More printers"})
        assign_record(lead, actor=user, responsible=self._heir)
        delete_record(lead, actor=user)
        self.writes += 4


class Waits:
    """Looks ten times a second who waits for a lock: at all, and for the one who holds the account."""

    def __init__(self, holder: psycopg.Connection, watch: psycopg.Connection) -> None:
        self._holder, self._watch = holder.info.backend_pid, watch
        self.looks = self.for_holder = self.at_all = 0

    def look(self, seconds: float) -> None:
        """Look for so long."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            row = self._watch.execute(WAITING, [self._holder]).fetchone()
            assert row is not None
            self.looks += 1
            self.for_holder += row[0]
            self.at_all += row[1]
            time.sleep(0.1)


@contextmanager
def held(account: Account, holder: psycopg.Connection) -> Iterator[None]:
    """The account's row and its chain are held by an open transaction."""
    holder.execute("BEGIN")
    for statement in HOLD:
        holder.execute(statement.format(account.pk).encode())
    try:
        yield
    finally:
        holder.execute("ROLLBACK")


def beside(account: Account, number: int) -> tuple[float, float]:
    """Import an account and generate records in the one that is held; the seconds of each."""
    slug = f"imported-{number}"
    email = f"gus@{slug}.example"
    file = {
        "account": {"slug": slug, "name": slug, "scheme": "atlas", "currency": "EUR"},
        "users": [{"email": email, "name": "Gus Glover"}],
        "branches": [{"slug": "main", "name": "Main"}],
        "members": [{"user": email, "branch": "main", "role": "owner"}],
        "records": [{"type": "lead", "ref": f"L-{n}", "branch": "main", "name": f"Lead {n}"} for n in range(200)],
    }
    started = time.perf_counter()
    organisation.create(organisation.parse(file))
    imported = time.perf_counter()
    with operation(verb=ACCOUNT_GENERATED, actor=None, reason="To be measured"):
        records.add_records(records.begin(account, number), "company", GENERATED, lambda rows: None)
    return imported - started, time.perf_counter() - imported


@contextmanager
def own_server() -> Iterator[Callable[[], psycopg.Connection]]:
    """A durable server of its own, removed at the end; what connects to it as its superuser."""
    connection.settings_dict |= {"NAME": OWNER, "CLUSTER": CLUSTER}
    cluster = cluster_named(CLUSTER)
    cluster.wipe()
    try:
        cluster.hold()
        call_command("migrate", verbosity=0)
        yield lambda: psycopg.connect(
            host=cluster.socket_folder, user="postgres", dbname=OWNER, autocommit=True, connect_timeout=10
        )
    finally:
        connection.close()
        cluster.release()
        cluster.wipe()


def clients(account: Account, works: threading.Event) -> list[Client]:
    """Sixteen members who may do everything with leads."""
    role = Role.objects.published("atlas").get(key="admin")
    members = Membership.objects.filter(account=account).exclude(role__key="owner").order_by("pk")
    found = list(members.select_related("user", "branch__account")[: CLIENTS + 1])
    for membership in found:
        change = ChangeRole(account_id=account.pk, membership_id=membership.pk, role_id=role.pk)
        change.apply(actor=None, reason="To be measured")
    heir = found.pop().user
    return [Client(membership.user, heir, membership, works) for membership in found]


def main() -> None:
    """Measure, and exit 1 where anybody waited for the change or failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.ordinary", description=__doc__)
    parser.add_argument("--windows", type=int, default=8, metavar="N", help="how many of each kind (8)")
    parser.add_argument("--seconds", type=float, default=5, metavar="S", help="how long each is (5)")
    options = parser.parse_args()
    kinds = ("nothing else", "held", "held, import, generate")
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    with own_server() as connect:
        generate(LoadPlan(account="ordinary", scheme="atlas", members=CLIENTS + 10, leads=5_000))
        account = Account.objects.get(slug="ordinary")
        works = threading.Event()
        crowd = clients(account, works)
        for client in crowd:
            client.start()
        works.set()
        time.sleep(3)
        times: list[tuple[float, float]] = []
        with connect() as holder, connect() as watch:
            waits = {kind: Waits(holder, watch) for kind in kinds}
            for number in range(options.windows):
                for kind in random.sample(kinds, len(kinds)):
                    before, started = sum(client.writes for client in crowd), time.perf_counter()
                    if kind == kinds[0]:
                        waits[kind].look(options.seconds)
                    else:
                        with held(account, holder):
                            if kind == kinds[2]:
                                times.append(beside(account, number))
                            waits[kind].look(options.seconds)
                    passed = time.perf_counter() - started
                    rates[kind].append((sum(client.writes for client in crowd) - before) / passed)
        for client in crowd:
            client.ends.set()
        for client in crowd:
            client.join(60)
        errors = [client.error for client in crowd if client.error is not None]
        rows = [
            (
                kind,
                f"{median(found):.0f}",
                f"{min(found):.0f} to {max(found):.0f}",
                str(waits[kind].looks),
                str(waits[kind].at_all),
                str(waits[kind].for_holder),
            )
            for kind, found in rates.items()
        ]
    heads = ("writes a second", "median", "least to most", "looks", "waits", "for the change")
    print(table(f"{CLIENTS} clients, {options.windows} windows of {options.seconds:g} s of each kind", heads, rows))
    imported, generated = (median(taken) for taken in zip(*times, strict=True))
    print(f"\nBeside them an import took {imported:.1f} s, and {GENERATED:,} generated companies {generated:.1f} s.")
    print(f"Load {os.getloadavg()[0]:.1f}; errors: {errors or 'none'}")
    sys.exit(bool(errors) or any(found.for_holder for found in waits.values()))


if __name__ == "__main__":
    main()
