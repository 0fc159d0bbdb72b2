"""One embedded PostgreSQL server and its data folder: make, start, stop, remove.

Nothing here looks after other processes that might do the same at once: `cluster` does.
"""

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import psycopg
from psycopg import sql

from config.postgres.places import SOCKET, EmbeddedServerError, home, programs, run_as_server, server_user

SUPERUSER = "postgres"
# The application's own role and database. The role owns the database and may make others (for tests), no more.
OWNER = "mandate"
# The web server's role, which owns nothing: the second fence binds it (see apps/accounts/fence.py).
WEB = "mandate_web"
SECONDS_TO_START = 60
# A killed server's sessions end by themselves, each when it next looks.
SECONDS_FOR_OLD_SESSIONS = 20
STILL_IN_USE = "pre-existing shared memory block"
# Beyond what Linux (2**22) or macOS (99,998) count to.
IMPOSSIBLE_PID = 2**22 + 1

# No TCP; the socket lies in the data folder, which only the server's user (and root) can enter. A failed
# statement stays out of the log: it could hold a password's hash.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "log_min_error_statement": "panic",
    "timezone": "UTC",
    "shared_buffers": "256MB",
    "random_page_cost": "1.1",
    "max_wal_size": "2GB",
}
# Only for data that a test run makes anew.
FORGETFUL_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# The same order of texts everywhere; PostgreSQL brings it along since version 17.
FIRST_WITH_BUILTIN_LOCALE = 17
BUILTIN_LOCALE = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
LIBC_LOCALE = ("--locale=C.UTF-8",)


class Server:
    """The server of one data folder, in the clone's home of clusters."""

    def __init__(self, clone: Path, name: str, *, durable: bool) -> None:
        """`durable` data survives a crash of the machine and is never thrown away unasked."""
        self.data = home(clone) / name
        self.durable = durable
        self._programs = programs(clone)

    def is_running(self) -> bool:
        """Whether it answers."""
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self) -> psycopg.Connection:
        """A connection as the cluster's superuser. Raises psycopg.OperationalError where nobody answers."""
        return psycopg.connect(
            host=str(self.data), user=SUPERUSER, dbname="postgres", autocommit=True, connect_timeout=10
        )

    def bring_up(self) -> None:
        """Have it run, with the application's roles and database; raises EmbeddedServerError where it won't.

        Data that is not durable is made anew where it does not start: a crash may have torn it.
        """
        if not self.is_running():
            try:
                self._start()
            except EmbeddedServerError:
                if self.durable:
                    raise
                self.remove()
                self._start()
        self._make_roles_and_database()

    def stop(self) -> None:
        """End it, if it runs; its sessions are ended and its data is complete."""
        pid = self.pid()
        # pg_ctl believes the pid file, and would signal whatever process has that pid now.
        if pid is not None and self._is_server(pid):
            self._pg_ctl("stop", "--mode=fast", f"--timeout={SECONDS_TO_START}")

    def remove(self) -> None:
        """End it and throw its data away."""
        self.stop()
        # Renamed first: what is left of a removal that was broken off is never taken for data.
        condemned = self.data.with_name(f"{self.data.name}.old")
        shutil.rmtree(condemned, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            self.data.rename(condemned)
        shutil.rmtree(condemned, ignore_errors=True)

    def _start(self) -> None:
        self._end_leftover()
        if not self.data.exists():
            self._make_data()
        self._check_version()
        settings = SETTINGS | ({} if self.durable else FORGETFUL_SETTINGS)
        log = self.data / "server.log"
        log.unlink(missing_ok=True)
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        deadline = time.monotonic() + SECONDS_FOR_OLD_SESSIONS
        while self._pg_ctl("start", f"--timeout={SECONDS_TO_START}", f"--log={log}", f"--options={options}").returncode:
            said = log.read_text(errors="replace").strip() if log.exists() else "It left no log."
            if STILL_IN_USE not in said or time.monotonic() > deadline:
                raise EmbeddedServerError(f"The embedded PostgreSQL in {self.data} did not start:\n{said}")
            time.sleep(0.2)
            log.unlink(missing_ok=True)

    def _pg_ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_as_server([self._programs / "pg_ctl", *arguments, "--wait", f"--pgdata={self.data}"])

    def _make_data(self) -> None:
        """Lay out an empty cluster, under another name until it is whole."""
        unfinished = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if user := server_user():
            os.chown(unfinished, user.pw_uid, user.pw_gid)
        made = run_as_server(
            [
                self._programs / "initdb",
                f"--pgdata={unfinished}",
                f"--username={SUPERUSER}",
                # Whoever reaches the socket has entered a folder that is the server's user's alone.
                "--auth=trust",
                "--encoding=UTF8",
                *(BUILTIN_LOCALE if self._version() >= FIRST_WITH_BUILTIN_LOCALE else LIBC_LOCALE),
                *([] if self.durable else ["--no-sync"]),
            ]
        )
        if made.returncode:
            raise EmbeddedServerError(f"PostgreSQL's initdb failed in {unfinished}:\n{made.stdout.strip()}")
        unfinished.rename(self.data)

    def _version(self) -> int:
        """Return the major version of the programs: 15 of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`."""
        return int(run_as_server([self._programs / "postgres", "--version"]).stdout.split()[2].split(".")[0])

    def _check_version(self) -> None:
        made_by, ours = int((self.data / "PG_VERSION").read_text()), self._version()
        if made_by != ours:
            raise EmbeddedServerError(
                f"The data in {self.data} was created by PostgreSQL {made_by}, but {ours} is installed: "
                "start over with `make demo RESET=1`, or keep it with PostgreSQL's pg_upgrade."
            )

    def _end_leftover(self) -> None:
        """Clear the way after a server that neither answers nor ended as it should."""
        pid = self.pid()
        if pid is not None and self._is_server(pid):
            for mode in ("fast", "immediate"):
                if self._pg_ctl("stop", f"--mode={mode}", "--timeout=10").returncode == 0:
                    return
            raise EmbeddedServerError(
                f"The PostgreSQL server on {self.data} doesn't respond and can't be stopped: end process {pid}."
            )
        self._disown(self.data / "postmaster.pid")
        self._disown(self.data / f"{SOCKET}.lock")

    @staticmethod
    def _disown(lock: Path) -> None:
        """Have a dead server's lock file name a process that cannot be.

        PostgreSQL takes over from a dead process, but the pid may be another's by now (after a reboot), or a
        zombie's. The file itself must stay: from its other lines PostgreSQL learns whether a session of the dead
        server still writes.
        """
        with contextlib.suppress(FileNotFoundError):
            _, rest = lock.read_text().split("\n", 1)
            lock.write_text(f"{IMPOSSIBLE_PID}\n{rest}")

    def pid(self) -> int | None:
        """The process that the data folder names as its server; None where it names none."""
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def _is_server(self, pid: int) -> bool:
        """Whether the process is the server of this data folder."""
        process = Path("/proc") / str(pid) / "cmdline"
        if Path("/proc/self").exists():
            try:
                command = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                return False
        else:
            command = run_as_server(["ps", "-o", "command=", "-p", str(pid)]).stdout
        return "postgres" in command and str(self.data) in command

    def _make_roles_and_database(self) -> None:
        owner = sql.Identifier(OWNER)
        with self.connect() as connection:
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [OWNER]).rowcount:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB IN ROLE pg_signal_backend").format(owner))
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [WEB]).rowcount:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(WEB)))
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [OWNER]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(owner, owner))
