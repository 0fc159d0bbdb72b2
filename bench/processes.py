"""A command in a process of its own, on the bench's database, with what it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import connection

# It tells its seconds, the processor time of its own and of its session at the server, and its peak memory.
_RUN = """
import json, sys
from pathlib import Path
import bench
from bench.processes import cost
from django.core.management import call_command
from django.db import connection
connection.settings_dict |= json.loads(sys.argv[1])
spent = cost(lambda: call_command(*sys.argv[2:]))
# `getrusage` would begin with what the process that started this one has.
(peak,) = (line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print("\\n" + json.dumps([*spent, int(peak)]))
"""


class Cost(NamedTuple):
    """What work takes: seconds of the clock and of the processor, here and at the server; peak memory in KiB."""

    seconds: float
    own: float
    # 0 where the server is on another machine.
    database: float
    memory: int = 0

    @property
    def worked(self) -> float:
        """Seconds of the processor in all, which do not depend on what else the machine does."""
        return self.own + self.database


def cost(work: Callable[[], object]) -> Cost:
    """What the work takes in this process and at its session of the server."""
    before = _session()
    started, worked = time.perf_counter(), time.process_time()
    work()
    seconds, own = time.perf_counter() - started, time.process_time() - worked
    return Cost(seconds, own, _session() - before)


def run(*arguments: str) -> Cost:
    """What a command takes in a process of its own."""
    where = json.dumps({name: connection.settings_dict[name] for name in ("NAME", "CLUSTER")})
    done = subprocess.run(
        [sys.executable, "-c", _RUN, where, *arguments],
        cwd=Path(settings.BASE_DIR),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Cost(*json.loads(done.stdout.splitlines()[-1]))


def cells(spent: Cost) -> Sequence[str]:
    """The figures as tables show them."""
    return (
        f"{spent.seconds:.1f} s",
        f"{spent.own:.1f} s",
        f"{spent.database:.1f} s" if spent.database else "–",
        f"{spent.memory / 1024:.0f} MiB" if spent.memory else "–",
    )


def _session() -> float:
    """Seconds of the processor that this connection's session at the server has had, where that is known."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        ((pid,),) = cursor.fetchall()
    server = Path(f"/proc/{pid}/stat")
    ticks = server.read_text().rpartition(")")[2].split()[11:13] if server.exists() else []
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
