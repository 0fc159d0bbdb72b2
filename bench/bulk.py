"""Very many changes of access in one command: how long it takes, how much memory, and what the log holds then."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.conf import settings
from django.db import connection

from apps.accounts.models import Account
from apps.audit.models import Entry, Link
from apps.audit.verification import verify
from apps.crm.generation.plan import Plan
from apps.crm.generation.run import generate
from apps.roles.models import Role
from apps.teams.models import Membership, ParentMembership
from bench.tables import Row

HEADS = ("command", "lines", "seconds", "of it Python", "of it database", "peak memory", "entries", "links")
LINES = (10_000, 100_000)
BRANCHES = 10
# The command in a process of its own, on the bench's database; it tells its seconds, the processor time of its own and
# of its session at the server (where that is on the same machine), and its peak memory.
RUN = """
import json, os, sys, time
from pathlib import Path
import bench
from django.core.management import call_command
from django.db import connection
connection.settings_dict |= json.loads(sys.argv[1])
started, worked = time.perf_counter(), time.process_time()
call_command(*sys.argv[2:], "--reason", "To be measured")
seconds, own = time.perf_counter() - started, time.process_time() - worked
with connection.cursor() as cursor:
    cursor.execute("SELECT pg_backend_pid()")
    ((pid,),) = cursor.fetchall()
server = Path(f"/proc/{pid}/stat")
ticks = server.read_text().rpartition(")")[2].split()[11:13] if server.exists() else []
database = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
# `getrusage` would begin with what the process that started this one has.
(peak,) = (line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps([seconds, own, database, int(peak)]))
"""

Lines = Sequence[tuple[str, ...]]


def commands() -> Iterator[Row]:
    """Each command on few and on many members, with the rights of a Super Admin; the log is walked at the end."""
    for many in LINES:
        account = _account(many)
        actor = ParentMembership.objects.get(account=account, role__supreme=True).user
        admin = Role.objects.published(account.scheme).get(key="admin")
        members = list(
            Membership.objects.active()
            .filter(account=account)
            .exclude(user=actor)
            .order_by("pk")
            .values_list("user__email", "branch__slug", "role__key")[:many]
        )
        turned = [(email, branch, "member" if key == admin.key else admin.key) for email, branch, key in members]
        for more in (("--dry-run",), ()):
            yield _measured("change_roles", ("user", "branch", "role"), turned, account, actor.email, *more)
        for scope in ("responsible+shared", "clear"):
            lines = [(email, branch, "view_lead", scope, f"For {email}") for email, branch, _ in members]
            columns = ("user", "branch", "permission", "scope", "reason")
            yield _measured("set_overrides", columns, lines, account, actor.email)
        (report,) = verify(account.pk)
        assert report.sound, report.fault


def _account(members: int) -> Account:
    """The account of so many members, made if it is not there."""
    slug = f"bench-bulk-{members}"
    if not Account.objects.filter(slug=slug).exists():
        generate(Plan(account=slug, scheme="atlas", branches=BRANCHES, members=members, seed=1))
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) teams_membership, accounts_user, audit_entry")
    return Account.objects.get(slug=slug)


def _measured(command: str, columns: Sequence[str], lines: Lines, account: Account, actor: str, *more: str) -> Row:
    entries, links = _logged(account)
    with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="") as file:
        csv.writer(file).writerows([columns, *lines])
        file.flush()
        given = (command, account.slug, "--csv", file.name, "--actor", actor, *more)
        seconds, own, database, memory = _run(given)
    more_entries, more_links = _logged(account)
    return (
        " ".join((command, *more)),
        f"{len(lines):,}",
        f"{seconds:.1f} s",
        f"{own:.1f} s",
        f"{database:.1f} s" if database else "–",
        f"{memory / 1024:.0f} MiB",
        f"{more_entries - entries:,}",
        f"{more_links - links:,}",
    )


def _run(arguments: Sequence[str]) -> tuple[float, ...]:
    where = json.dumps({name: connection.settings_dict[name] for name in ("NAME", "CLUSTER")})
    done = subprocess.run(
        [sys.executable, "-c", RUN, where, *arguments],
        cwd=Path(settings.BASE_DIR),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def _logged(account: Account) -> tuple[int, int]:
    return (
        Entry.objects.filter(account_id=account.pk).count(),
        Link.objects.filter(account_id=account.pk).count(),
    )
