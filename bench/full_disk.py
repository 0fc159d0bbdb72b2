"""`python -m bench.full_disk`: bulk changes of access on a disk that runs full under them. Needs root, since it mounts.

The server's data lies on a small memory disk, of which a ballast leaves a random rest free before each round. Then what
bench.faults asks of a change is asked of this one; the ballast is taken away, and the next change has to work.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from apps.audit.verification import verify
from bench.faults import Harness, Stage, Violation, durable_server
from bench.tables import table
from config.postgres.cluster import Cluster

MEMBERS = 1_000
MEGABYTE = 2**20
# Beyond what the data takes as it is.
ROOM = 96 * MEGABYTE
# What a round's change takes, roughly; the write-ahead log comes in pieces that are larger than that.
NEED = 3 * MEGABYTE // 2
# So often what the write-ahead log has taken is given back, without which the disk would be full for good.
CHECKPOINT_EVERY = 8


@contextmanager
def on_small_disk(cluster: Cluster) -> Iterator[None]:
    """The server's data on a memory disk with little room, while the block runs."""
    connection.close()
    server = cluster.server
    server.stop()
    kept = server.data.with_name(f"{server.data.name}.kept")
    server.data.rename(kept)
    owner = kept.stat()
    used = int(subprocess.check_output(["du", "-s", "--block-size=1", str(kept)], text=True).split()[0])
    server.data.mkdir(mode=0o700)
    options = f"size={used + ROOM},mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(server.data)], check=True)
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", str(server.data)], check=True)
        server.bring_up()
        yield
    finally:
        connection.close()
        server.stop()
        subprocess.run(["umount", str(server.data)], check=True)
        server.data.rmdir()
        kept.rename(server.data)


@contextmanager
def ballast(data: Path, left: int) -> Iterator[None]:
    """A file that leaves so many bytes of the disk free."""
    file = data / "ballast"
    with file.open("wb") as open_file:
        os.posix_fallocate(open_file.fileno(), 0, max(shutil.disk_usage(data).free - left, 1))
    try:
        yield
    finally:
        file.unlink()


def main() -> None:
    """Run so many rounds; exit 1 where anything was that must not be."""
    parser = argparse.ArgumentParser(prog="python -m bench.full_disk", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, metavar="N", help="how many (30)")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("This mounts a small disk, which needs root.")
    counts: Counter[str] = Counter()
    violations: list[str] = []
    with durable_server() as cluster, tempfile.TemporaryDirectory() as folder:
        stage = Stage.make("full", MEMBERS)
        harness = Harness(cluster, Path(folder))
        with on_small_disk(cluster):
            for number in range(1, options.rounds + 1):
                reason = f"Round {number}"
                if number % CHECKPOINT_EVERY == 0:
                    with cluster.server.connect() as superuser:
                        superuser.execute("CHECKPOINT")
                try:
                    arguments = stage.arguments(reason, Path(folder) / "members.csv")
                    connection.close()
                    with ballast(cluster.server.data, random.randrange(NEED)):
                        ended = harness.ended(harness.start(arguments))
                    harness.recover()
                    counts[stage.outcome(ended, reason)] += 1
                    stage.check_next_change()
                except Violation as violation:
                    violations.append(f"{reason}: {violation}")
                    break
            sound = all(report.sound for report in verify())
    print(table("A disk that runs full", ("outcome", "rounds"), [(what, str(n)) for what, n in counts.items()]))
    print(f"\nAll chains fit: {sound}. What the commands said:")
    for sentence, times in harness.said.most_common():
        print(f"{times:5}  {sentence}")
    print(*(f"VIOLATION  {violation}" for violation in violations), sep="\n")
    sys.exit(bool(violations) or not sound)


if __name__ == "__main__":
    main()
