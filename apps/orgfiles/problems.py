"""What is wrong with an organisation file, and where: each problem is one sentence with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

Path = tuple[str | int, ...]
"""The way to a value: `("members", 3, "role")`."""
Mark = tuple[int, int]
"""A line and a column, both from 1."""

SHOWN = 20
_PLAIN_KEY = re.compile(r"[A-Za-z_][\w-]*\Z")


class Problem(NamedTuple):
    """One thing that is wrong. `mark` is known where the text itself was at fault."""

    path: Path
    sentence: str
    mark: Mark | None = None


class InvalidOrganisation(ValueError):
    """The organisation cannot be created; `lines` say why, a sentence each, with its place in the file."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Problems:
    """Collects problems, so that a person can mend several at once."""

    def __init__(self, name: str, locate: Callable[[set[Path]], Mapping[Path, Mark]] | None = None) -> None:
        """`name` is the file's; `locate` finds the places of values in its text, where there is one."""
        self._name = name
        self._locate = locate
        self._found: list[Problem] = []
        self._more = 0

    def anew(self) -> Problems:
        """An empty collection about the same file."""
        return Problems(self._name, self._locate)

    def add(self, path: Path, sentence: str, mark: Mark | None = None) -> None:
        """Keep a problem; past the number that is shown, only count it."""
        if len(self._found) < SHOWN:
            self._found.append(Problem(path, sentence, mark))
        else:
            self._more += 1

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._found) + self._more

    def add_all(self, problems: Iterable[tuple[Path, str]]) -> None:
        """Keep each of these problems."""
        for path, sentence in problems:
            self.add(path, sentence)

    def add_more(self, number: int) -> None:
        """Count problems that are not shown."""
        self._more += number

    def stop(self) -> None:
        """Go on only if nothing is wrong so far.

        Raises:
            Refused: there are problems.
        """
        if self._found:
            raise self.refusal()

    def refusal(self) -> InvalidOrganisation:
        """All that was found, as the error to raise."""
        marks = self._marks()
        lines = [self._line(problem, marks) for problem in self._found]
        if self._more:
            lines.append(f"{self._name + ': ' if self._name else ''}{self._more:,} more problems.")
        return InvalidOrganisation(lines)

    def _marks(self) -> Mapping[Path, Mark]:
        paths = {problem.path for problem in self._found if problem.mark is None}
        return self._locate(paths) if self._locate is not None and paths else {}

    def _line(self, problem: Problem, marks: Mapping[Path, Mark]) -> str:
        mark = problem.mark or next((marks[path] for path in _upwards(problem.path) if path in marks), None)
        place = [self._name] if self._name else []
        if mark is not None:
            place.append(f"line {mark[0]}, column {mark[1]}")
        return ": ".join(part for part in (", ".join(place), written(problem.path), problem.sentence) if part)


def written(path: Path) -> str:
    """The path as people read it: `members[3].role`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.match(step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def with_ancestors(paths: Iterable[Path]) -> set[Path]:
    """The paths and all that lead to them: a value that is missing is shown at what it is missing from."""
    return {ancestor for path in paths for ancestor in _upwards(path)}


def _upwards(path: Path) -> list[Path]:
    return [path[:length] for length in range(len(path), 0, -1)]
