"""`make demo`: the whole product on one machine, from the database to the queue worker, in the foreground.

PORT names the port (8000), RESET=1 throws the demo's data away first. Ctrl-C ends all of it.
"""

import contextlib
import errno
import http.client
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from types import FrameType

import django
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connections
from django.shortcuts import resolve_url

from config.children import Child, end_all
from config.postgres.cluster import CLONE, Cluster, cluster_named
from config.postgres.places import EmbeddedServerError

HOST = "127.0.0.1"
# What people open: a passkey is bound to a name, and no number is one.
NAME = "localhost"
SECONDS_TO_ANSWER = 60
SECONDS_BETWEEN_TRIES = 0.1
SECONDS_BETWEEN_LOOKS = 1
STOPPING = {signal.SIGINT, signal.SIGTERM}


class DemoError(Exception):
    """The demo can't run; the message says why in one sentence."""


def say(text: str) -> None:
    """Print a line immediately."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def listen(port: str) -> socket.socket:
    """The socket that the web server will serve, bound before anything is started.

    Raises DemoError where the port is no port, or taken.
    """
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise DemoError(f"PORT={port} is not a port: set a number from 1 to 65535.")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, int(port)))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise DemoError(
                f"Port {port} is used by another program: choose another one with `make demo PORT=…`."
            ) from error
        raise DemoError(
            f"Port {port} can't be used ({error.strerror}): choose another one with `make demo PORT=…`."
        ) from error
    return listener


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hold signals back until a step is whole, such as a database server between started and known."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


@contextlib.contextmanager
def database(*, reset: bool) -> Iterator[Cluster | None]:
    """The embedded server while the block runs; None where DATABASE_URL names another one."""
    if settings.DATABASES["default"]["ENGINE"] != "config.postgres":
        if reset:
            raise DemoError("RESET=1 empties the embedded database only: empty the one in DATABASE_URL yourself.")
        yield None
        return
    cluster = cluster_named(settings.DATABASES["default"]["CLUSTER"])
    if reset:
        cluster.wipe()
    try:
        with undisturbed():
            cluster.hold()
        yield cluster
    finally:
        connections.close_all()
        with undisturbed():
            stopped = cluster.release()
        say(
            "Mandate has stopped."
            if stopped
            else "Mandate has stopped. Its database keeps running because another command uses it."
        )


@contextlib.contextmanager
def children() -> Iterator[list[Child]]:
    """A list for the children that the block starts; they are ended with the block."""
    running: list[Child] = []
    try:
        yield running
    finally:
        with undisturbed():
            end_all(running)


def start_web_server(listener: socket.socket, running: list[Child]) -> None:
    """Start the web server on the socket."""
    descriptor = listener.fileno()
    command = [
        sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind=fd://{descriptor}", "--preload",
        "--worker-class=gthread", "--workers=2", "--threads=4", "--log-level=warning", "--no-control-socket",
    ]  # fmt: skip
    with undisturbed():
        running.append(Child.start("web server", command, folder=CLONE, sockets=[descriptor]))
    # It has the socket now: were it kept open here too, a caller would wait for a server that ended.
    listener.close()


def start_mail_server(running: list[Child], *, reset: bool) -> bool:
    """Start the server that catches all mail, and let the other parts hand it theirs; returns whether there is one.

    Where EMAIL_URL names another one, that is used.
    """
    if "EMAIL_URL" in os.environ:
        return False
    folder = settings.VAR_DIR / "mail"
    if reset:
        shutil.rmtree(folder, ignore_errors=True)
    with socket.create_server((HOST, 0)) as listener:
        descriptor = listener.fileno()
        command = [sys.executable, "-m", "config.mailcatcher.server", str(descriptor), str(folder)]
        os.environ["EMAIL_URL"] = f"smtp://{HOST}:{listener.getsockname()[1]}"
        os.environ["CAUGHT_MAIL"] = str(folder)
        with undisturbed():
            running.append(Child.start("mail server", command, folder=CLONE, sockets=[descriptor]))
    return True


def start_queue_worker(running: list[Child]) -> None:
    """Start the worker of the job queue."""
    command = [sys.executable, "manage.py", "run_worker"]
    with undisturbed():
        running.append(Child.start("queue worker", command, folder=CLONE))


def check_alive(running: list[Child]) -> None:
    """Raises DemoError where one of them has ended: the rest alone would be a broken product."""
    for child in running:
        if obituary := child.obituary:
            raise DemoError(f"{obituary} The other processes were stopped too.")


def wait_for_answer(port: int, running: list[Child]) -> None:
    """Return when the sign-in page comes; raises DemoError where it does not."""
    path = resolve_url(settings.LOGIN_URL)
    deadline = time.monotonic() + SECONDS_TO_ANSWER
    while time.monotonic() < deadline:
        check_alive(running)
        with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=SECONDS_TO_ANSWER)) as web:
            try:
                web.request("GET", path)
                status = web.getresponse().status
            except (OSError, http.client.HTTPException):
                time.sleep(SECONDS_BETWEEN_TRIES)
                continue
        if status != http.HTTPStatus.OK:
            raise DemoError(f"The web server answers {path} with status {status}.")
        return
    raise DemoError(f"The web server is not responding on port {port}.")


def watch(cluster: Cluster | None, server: int | None, running: list[Child]) -> None:
    """Look after the parts until a signal comes; raises DemoError when one of them ends.

    `server` is the database's process: where it died, a part that connects just then starts another one.
    """
    while True:
        check_alive(running)
        if cluster is not None and (cluster.server.pid() != server or not cluster.server.is_running()):
            raise DemoError("The database stopped. The other processes were stopped too.")
        time.sleep(SECONDS_BETWEEN_LOOKS)


def run(port: str, *, reset: bool) -> None:
    """Run the demo until a signal comes. Raises DemoError where it cannot, or a part of it ends."""
    with listen(port) as listener, database(reset=reset) as cluster:
        server = None if cluster is None else cluster.server.pid()
        call_command("migrate", verbosity=0)
        with children() as running:
            address = f"http://{NAME}:{port}/"
            os.environ["PUBLIC_ADDRESS"] = address
            caught = start_mail_server(running, reset=reset)
            # The web server gets ready while the demo's data is looked after.
            start_web_server(listener, running)
            call_command("demo")
            connections.close_all()
            start_queue_worker(running)
            wait_for_answer(int(port), running)
            say(
                f"\nThe operator also needs a code to sign in. To print it, run: {sys.executable} manage.py demo --code"
            )
            if caught:
                say(f"\nRead the emails that the demo sends at {address}demo/mail/. No email leaves this machine.")
            say(f"\nMandate is ready at {address} (Ctrl-C stops it).")
            watch(cluster, server, running)


def interrupt(signal_number: int, frame: FrameType | None) -> None:
    """A plea to stop unwinds what runs, whichever signal brought it."""
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo as the environment says; returns the exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    os.environ.setdefault("DEBUG", "0")
    for stop in STOPPING:
        signal.signal(stop, interrupt)
    django.setup()
    try:
        run(os.environ.get("PORT") or "8000", reset=bool(os.environ.get("RESET")))
    except KeyboardInterrupt:
        return 0
    except (DemoError, EmbeddedServerError, CommandError, DatabaseError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
