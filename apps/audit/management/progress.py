"""The progress bar of commands: on a terminal only, and only for work that takes its time."""

import time

from apps.audit.management.output import Output

WIDTH = 40
# Seconds that a command may work before it shows a bar.
PATIENCE = 2.0


class ProgressBar:
    """Call it with the steps done and all steps: it draws itself over one line, and wipes that at the end."""

    def __init__(self, stream: Output, *, patience: float = PATIENCE) -> None:
        self._stream = stream
        self._begin = time.monotonic() + patience
        self._shown = False

    def __call__(self, done: int, steps: int) -> None:
        """Draw `done` of `steps`. Does nothing where the stream is no terminal."""
        if not self._stream.isatty() or not (self._shown or time.monotonic() >= self._begin):
            return
        self._shown = True
        if done >= steps:
            self._draw(" " * (WIDTH + 7) + "\r")
        else:
            self._draw(f"[{'#' * (WIDTH * done // steps):{WIDTH}}] {100 * done // steps:3}%")

    def _draw(self, text: str) -> None:
        self._stream.exact(f"\r{text}")
        self._stream.flush()
