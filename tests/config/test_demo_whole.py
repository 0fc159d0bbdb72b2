"""`make demo` as a whole, in a copy of the product: what a newcomer does with it."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import psycopg
import pytest

from config.postgres.cluster import CLONE
from config.postgres.server import OWNER, WEB
from tests.config.conftest import make_folder

SECONDS_TO_STOP = 30
SECONDS_TO_CONNECT = 30


@pytest.fixture(scope="module")
def product() -> Generator[Path]:
    """A copy of the product with no data: the demo of this clone stays as it is."""
    folder = make_folder()
    for name in ("apps", "config", "static", "templates"):
        shutil.copytree(CLONE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CLONE / "manage.py", folder)
    yield folder
    shutil.rmtree(folder)


class Demo:
    """A running `make demo`."""

    def __init__(self, product: Path, *, reset: bool = False) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.data = product / "var" / "postgres" / "demo"
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "config.demo"],
            cwd=product,
            env={**environment, "PORT": str(self.port), "RESET": "1" if reset else ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = self._listen_until_ready()

    def _listen_until_ready(self) -> str:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if "Mandate is ready at" in line:
                return said
        raise AssertionError(f"It did not get ready:\n{said}\n{self.process.stderr.read()}")

    def status_of(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        return connection.getresponse().status

    def parts(self) -> dict[str, int]:
        """The processes that it started and what each runs."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == self.process.pid:
                found[command] = int(folder.name)
        return found

    def tell(self, sent: signal.Signals) -> tuple[int, str]:
        """Send a signal; returns the exit code and what was said on standard error, once it has ended."""
        self.process.send_signal(sent)
        return self.end()

    def end(self) -> tuple[int, str]:
        _, complaint = self.process.communicate(timeout=SECONDS_TO_STOP)
        return self.process.returncode, complaint


@pytest.fixture
def start(product: Path) -> Generator[Callable[..., Demo]]:
    """Starts the demo; it is stopped after the test."""
    started: list[Demo] = []

    def start_one(*, reset: bool = False) -> Demo:
        demo = Demo(product, reset=reset)
        started.append(demo)
        return demo

    yield start_one
    for demo in started:
        if demo.process.poll() is None:
            demo.tell(signal.SIGTERM)


def tables(demo: Demo) -> set[str]:
    with psycopg.connect(host=str(demo.data), user=OWNER, dbname=OWNER) as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables").fetchall()}


def connected(demo: Demo) -> set[str]:
    """As whom its processes are connected, once one of them is: the worker stays so."""
    asked = (
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    deadline = time.monotonic() + SECONDS_TO_CONNECT
    with psycopg.connect(host=str(demo.data), user=OWNER, dbname=OWNER, autocommit=True) as connection:
        while time.monotonic() < deadline:
            if found := {name for (name,) in connection.execute(f"{asked} AND usename IS NOT NULL").fetchall()}:
                return found
            time.sleep(0.1)
    return set()


def leave_a_mark(demo: Demo) -> None:
    with psycopg.connect(host=str(demo.data), user=OWNER, dbname=OWNER) as connection:
        connection.execute("CREATE TABLE a_mark ()")


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_it_serves_stops_as_a_whole_and_keeps_its_data_until_it_is_reset(start: Callable[..., Demo]) -> None:
    first = start()
    assert first.status_of("/login/") == 200
    assert "@" in first.said, "It tells who can sign in."
    assert connected(first) == {WEB}
    leave_a_mark(first)

    assert first.tell(signal.SIGINT)[0] == 0
    assert not is_open(first.port)
    assert not (first.data / "postmaster.pid").exists()

    second = start()
    assert "a_mark" in tables(second)
    assert second.tell(signal.SIGTERM)[0] == 0

    third = start(reset=True)
    assert "a_mark" not in tables(third)
    assert third.status_of("/login/") == 200


@pytest.mark.parametrize(
    ("part", "name"),
    [("gunicorn", "web server"), ("config.mailcatcher", "mail server"), ("run_worker", "queue worker")],
)
def test_when_a_part_dies_all_of_it_stops(part: str, name: str, start: Callable[..., Demo]) -> None:
    demo = start()
    (pid,) = (pid for command, pid in demo.parts().items() if part in command)

    os.kill(pid, signal.SIGKILL)
    code, complaint = demo.end()

    assert code == 1
    assert f"The {name} was stopped by SIGKILL. The other processes were stopped too." in complaint
    assert not is_open(demo.port)
    assert not (demo.data / "postmaster.pid").exists()


def test_when_the_database_dies_all_of_it_stops(start: Callable[..., Demo]) -> None:
    demo = start()
    server = int((demo.data / "postmaster.pid").read_text().split("\n")[0])

    os.kill(server, signal.SIGKILL)
    code, complaint = demo.end()

    assert code == 1
    assert "The database stopped. The other processes were stopped too." in complaint
    assert not is_open(demo.port)
