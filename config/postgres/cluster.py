"""Shares an embedded server among processes: the first one to need it starts it, the last one stops it.

Every process that uses a server holds a lease: a shared lock on a file, which the kernel takes back however
the process ends. A server that was left behind (its last user was killed) is found by the next command, used,
and stopped by it.
"""

import atexit
import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from config.postgres.places import EmbeddedServerError, home
from config.postgres.server import Server

CLONE = Path(__file__).resolve().parent.parent.parent


class Cluster:
    """An embedded server as one process sees it."""

    def __init__(self, clone: Path, name: str, *, durable: bool) -> None:
        """`durable` data survives a crash of the machine and is never thrown away unasked."""
        self.server = Server(clone, name, durable=durable)
        self._switch = home(clone) / f"{name}.switch"
        self._users = home(clone) / f"{name}.users"
        self._lease: int | None = None
        self._holder = 0
        self._threads = threading.Lock()

    @property
    def socket_folder(self) -> str:
        """The host to connect to."""
        return str(self.server.data)

    def hold(self) -> None:
        """Take a lease until the process ends, or `release`; the server runs when this returns.

        Raises EmbeddedServerError where it does not start.
        """
        with self._threads:
            if self._lease is not None:
                return
            with self._alone_at_the_switch():
                lease = self._open(self._users)
                try:
                    fcntl.flock(lease, fcntl.LOCK_SH)
                    self.server.bring_up()
                except BaseException:
                    os.close(lease)
                    if not self._in_use():
                        self.server.stop()
                    raise
            self._lease, self._holder = lease, os.getpid()
            atexit.register(self.release)

    def release(self) -> bool:
        """Give the lease back; returns whether the server was stopped, which its last user does.

        A forked process has its parent's lease, and keeps the server up for as long as it lives; it does not
        stop it.
        """
        with self._threads:
            if self._lease is None or self._holder != os.getpid():
                return False
            atexit.unregister(self.release)
            with self._alone_at_the_switch():
                os.close(self._lease)
                self._lease = None
                if self._in_use():
                    return False
                self.server.stop()
                return True

    def wipe(self) -> None:
        """Throw the data away. Raises EmbeddedServerError while any process uses it."""
        with self._threads, self._alone_at_the_switch():
            if self._in_use():
                raise EmbeddedServerError(
                    f"The data in {self.server.data} is in use: stop the programs that use it (`make demo`, a shell)."
                )
            self.server.remove()

    @contextlib.contextmanager
    def _alone_at_the_switch(self) -> Iterator[None]:
        """Only one process at a time starts or stops the server."""
        switch = self._open(self._switch)
        try:
            fcntl.flock(switch, fcntl.LOCK_EX)
            yield
        finally:
            os.close(switch)

    def _in_use(self) -> bool:
        """Whether any process holds a lease. Asked at the switch, where no new one can be taken."""
        lock = self._open(self._users)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    @staticmethod
    def _open(path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


@cache
def cluster_named(name: str) -> Cluster:
    """This process's handle on one of the clone's clusters; the one for tests is fast and not durable."""
    return Cluster(CLONE, name, durable=name != "test")
