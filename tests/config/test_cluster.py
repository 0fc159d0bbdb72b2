"""Who shares an embedded server, and when it stops."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from config.postgres.cluster import CLONE, Cluster
from config.postgres.places import EmbeddedServerError
from tests.config.test_server import server_pid

HOLDER = """
import sys
from pathlib import Path
from config.postgres.cluster import Cluster
cluster = Cluster(Path(sys.argv[1]), "test", durable=False)
cluster.hold()
print("holds", flush=True)
sys.stdin.read()
"""

Holder = subprocess.Popen[str]


@pytest.fixture
def start_holder(clone: Path) -> Generator[Callable[[], Holder]]:
    """Starts another process that takes a lease; `holds` tells when it has it. It ends with its input."""
    started: list[subprocess.Popen[str]] = []

    def start() -> Holder:
        command = [sys.executable, "-c", HOLDER, str(clone)]
        process = subprocess.Popen(command, cwd=CLONE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def holds(process: Holder) -> bool:
    assert process.stdout is not None
    return process.stdout.readline() == "holds\n"


def test_the_only_user_starts_it_and_stops_it(cluster: Cluster) -> None:
    assert not cluster.server.is_running()
    cluster.hold()
    assert cluster.server.is_running()
    assert cluster.release()
    assert not cluster.server.is_running()


def test_a_second_process_uses_the_server_that_runs(cluster: Cluster, start_holder: Callable[..., Holder]) -> None:
    other = start_holder()
    assert holds(other)
    pid = server_pid(cluster)

    cluster.hold()

    assert server_pid(cluster) == pid


def test_the_last_user_stops_it_whoever_started_it(cluster: Cluster, start_holder: Callable[..., Holder]) -> None:
    other = start_holder()
    assert holds(other)
    cluster.hold()

    other.communicate()
    assert cluster.server.is_running()

    assert cluster.release()
    assert not cluster.server.is_running()


def test_it_runs_on_for_another_user(cluster: Cluster, start_holder: Callable[..., Holder]) -> None:
    cluster.hold()
    assert holds(start_holder())

    assert not cluster.release()
    assert cluster.server.is_running()


def test_a_server_left_behind_is_used_and_then_stopped(cluster: Cluster, start_holder: Callable[..., Holder]) -> None:
    killed = start_holder()
    assert holds(killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    left_behind = server_pid(cluster)
    assert cluster.server.is_running()

    cluster.hold()
    assert server_pid(cluster) == left_behind

    assert cluster.release()
    assert not cluster.server.is_running()


def test_processes_that_start_it_at_once_share_one_server(
    cluster: Cluster, start_holder: Callable[..., Holder]
) -> None:
    together = [start_holder() for _ in range(4)]

    assert all(holds(process) for process in together)
    for process in together:
        process.communicate()
    assert [process.returncode for process in together] == [0, 0, 0, 0]
    assert not cluster.server.is_running()


def test_a_forked_process_keeps_it_up_and_does_not_stop_it(cluster: Cluster) -> None:
    cluster.hold()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"stopped" if cluster.release() else b"left alone")
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reader, 100) == b"left alone"
    assert cluster.server.is_running()


def test_data_in_use_is_not_thrown_away(cluster: Cluster, start_holder: Callable[..., Holder]) -> None:
    assert holds(start_holder())

    with pytest.raises(EmbeddedServerError, match="is in use"):
        cluster.wipe()

    assert cluster.server.is_running()


def test_nor_is_data_that_this_process_uses(cluster: Cluster) -> None:
    cluster.hold()

    with pytest.raises(EmbeddedServerError, match="is in use"):
        cluster.wipe()


def test_data_that_nobody_uses_is_thrown_away_with_the_server_left_behind(
    cluster: Cluster, start_holder: Callable[..., Holder]
) -> None:
    killed = start_holder()
    assert holds(killed)
    killed.kill()
    killed.wait()

    cluster.wipe()

    assert not cluster.server.data.exists()
    assert not cluster.server.is_running()
