"""Child processes that live and die with the process that started them."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
SECONDS_TO_END = 10

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _be_a_child() -> None:
    """Hear signals, which the parent may hold back for itself; and end when the parent is killed.

    The latter is the kernel's doing, on Linux alone: elsewhere a parent that was killed leaves its children.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(frozen=True)
class Child:
    """A running child process, and what people call it."""

    name: str
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, name: str, command: Sequence[str], *, folder: Path, sockets: Sequence[int] = ()) -> "Child":
        """Start the command in a process group of its own, so that a Ctrl-C reaches its parent alone."""
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            pass_fds=sockets,
            start_new_session=True,
            preexec_fn=_be_a_child,
        )
        return cls(name, process)

    @property
    def obituary(self) -> str | None:
        """How it ended, as a sentence; None while it runs."""
        code = self.process.poll()
        if code is None:
            return None
        cause = f"was stopped by {signal.Signals(-code).name}" if code < 0 else f"stopped with exit code {code}"
        return f"The {self.name} {cause}."

    def ask_to_end(self) -> None:
        """Ask it to finish what it does and end."""
        if self.process.poll() is None:
            self.process.terminate()

    def end(self) -> None:
        """Wait until it has ended, and end it and all it started by force where it takes too long."""
        try:
            self.process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def end_all(children: Sequence[Child]) -> None:
    """End them all, side by side; none runs when this returns."""
    for child in children:
        child.ask_to_end()
    for child in children:
        child.end()
