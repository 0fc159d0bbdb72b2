"""The progress of a long command: a bar on a terminal, and a line from time to time elsewhere."""

import time

from apps.console.output import Output

WIDTH = 40
# Seconds before a command shows a progress bar.
PATIENCE = 2.0
# Seconds between two lines without a terminal.
PAUSE = 15.0


class ProgressBar:
    """Call it with the number of finished steps and the total.

    On a terminal it redraws one line and clears it at the end. In a file or a job's log it writes a line from time to
    time, so that long work is visibly running.
    """

    def __init__(
        self, stream: Output, doing: str = "Working", *, patience: float = PATIENCE, pause: float = PAUSE
    ) -> None:
        self._stream = stream
        self._doing = doing
        self._draws = stream.isatty()
        self._pause = pause
        self._next = time.monotonic() + (patience if self._draws else pause)
        self._shown = False

    def __call__(self, done: int, steps: int) -> None:
        """Show `done` of `steps`, if it is time."""
        ends = done >= steps
        if not (self._draws and self._shown) and (time.monotonic() < self._next or (ends and not self._draws)):
            return
        self._shown = True
        if self._draws and ends:
            self._draw(" " * (WIDTH + 7) + "\r")
        elif self._draws:
            self._draw(f"[{'#' * (WIDTH * done // steps):{WIDTH}}] {100 * done // steps:3}%")
        else:
            self._next = time.monotonic() + self._pause
            self._stream.write(f"{self._doing}: {100 * done // steps}%", style_func=str)
            self._stream.flush()

    def _draw(self, text: str) -> None:
        self._stream.exact(f"\r{text}")
        self._stream.flush()
