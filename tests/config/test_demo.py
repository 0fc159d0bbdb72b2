"""`make demo`: what it refuses, and that its parts stand and fall together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from config import demo
from config.children import Child, end_all
from config.postgres.cluster import CLONE

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]
PARENT = """
import signal, sys, time
from pathlib import Path
from config.children import Child
child = Child.start("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"], folder=Path("/"))
print(child.process.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def taken_port() -> Generator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def has_ended(pid: int) -> bool:
    """Whether the process ends within a few seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def run_demo(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "config.demo"],
        cwd=CLONE,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_taken_port_is_said_in_one_sentence(taken_port: int) -> None:
    refused = run_demo(PORT=str(taken_port))

    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr == (
        f"Port {taken_port} is used by another program: choose another one with `make demo PORT=…`.\n"
    )


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "8000.5", "²"])
def test_what_is_no_port_is_refused(port: str) -> None:
    with pytest.raises(demo.DemoError, match="is not a port"):
        demo.listen(port)


def test_the_port_is_open_to_this_machine_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    with demo.listen(str(port)) as listener:
        assert listener.getsockname() == ("127.0.0.1", port)


def test_a_server_of_the_users_own_is_not_reset() -> None:
    refused = run_demo(PORT=str(free_port()), RESET="1", DATABASE_URL="postgres://nobody@localhost:1/nothing")

    assert refused.returncode == 1
    assert "RESET=1 empties the embedded database only" in refused.stderr


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def test_a_part_that_ends_is_named_with_how_it_ended() -> None:
    child = Child.start("queue worker", SLEEPER, folder=CLONE)
    demo.check_alive([child])
    child.process.kill()
    child.process.wait()

    with pytest.raises(demo.DemoError, match="The queue worker was stopped by SIGKILL"):
        demo.check_alive([child])


def test_all_parts_are_ended_even_a_stubborn_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.children.SECONDS_TO_END", 0.5)
    willing = Child.start("willing", SLEEPER, folder=CLONE)
    stubborn = Child.start("stubborn", STUBBORN, folder=CLONE)

    end_all([willing, stubborn])

    assert willing.process.poll() == -signal.SIGTERM
    assert stubborn.process.poll() in {-signal.SIGTERM, -signal.SIGKILL}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a killed process")
def test_a_killed_parent_takes_its_children_with_it() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=CLONE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()

    assert has_ended(child)
