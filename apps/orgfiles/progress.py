"""How a long piece of work tells how far it is."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with the steps done and all steps."""


def silent(done: int, steps: int) -> None:
    """Report nothing."""


class Steps:
    """Counts the steps of one piece of work for those who watch it."""

    def __init__(self, steps: int, progress: Progress) -> None:
        self._steps = steps
        self._progress = progress
        self._done = 0

    def more(self, number: int) -> None:
        """So many more steps are done."""
        self._done += number
        self._progress(min(self._done, self._steps), self._steps)
