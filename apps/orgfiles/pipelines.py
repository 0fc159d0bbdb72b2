"""The pipelines of an organisation file, and which status of which of them a record means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from apps.crm.models import Pipeline
from apps.crm.services.customisation import PIPELINE, PIPELINE_STATUSES
from apps.orgfiles import emitting
from apps.orgfiles.contents import PipelineLine, StatusLine
from apps.orgfiles.problems import Path

# What a file means that names none.
BEGINNING = PipelineLine(
    PIPELINE, statuses=tuple(StatusLine(name, outcome.value, chance) for name, outcome, chance in PIPELINE_STATUSES)
)


class Statuses:
    """The statuses of an organisation's pipelines, by name."""

    def __init__(self, lines: Sequence[PipelineLine]) -> None:
        lines = lines or [BEGINNING]
        self._pipelines = [line.name for line in lines]
        self._found: dict[str, list[str]] = {}
        for line in lines:
            for status in line.statuses:
                self._found.setdefault(status.name, []).append(line.name)

    def pipeline_of(self, values: Mapping[str, Any]) -> str:
        """Return the record's pipeline: the one it names, else the one with its status, else the first one."""
        named: str | None = values.get("pipeline")
        return named or self._found.get(values["status"], self._pipelines)[0]

    def problems(self, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What is wrong with the status that a record names, by the key that says it."""
        status, pipeline = values.get("status"), values.get("pipeline")
        if pipeline is not None and status is None:
            yield "pipeline", "needs a status: add the key status, or delete this key."
        elif pipeline is not None and pipeline not in self._pipelines:
            yield "pipeline", f"there is no pipeline {pipeline}: choose from {', '.join(self._pipelines)}."
        elif pipeline is None and len(where := self._found.get(status or "", [])) > 1:
            yield "status", f"{status} is in several pipelines: name one with the key pipeline, {_or(where)}."


def pipeline_problems(lines: Sequence[PipelineLine]) -> Iterator[tuple[Path, str]]:
    """What is wrong with the pipelines of a file, each with its place."""
    for index in _doubled([line.name for line in lines]):
        yield ("pipelines", index, "name"), f"{lines[index].name} is listed twice."
    for index, line in enumerate(lines):
        for place in _doubled([status.name for status in line.statuses]):
            path: Path = ("pipelines", index, "statuses", place, "name")
            yield path, f"{line.statuses[place].name} is listed twice in {line.name}."
    if lines and not any(line.offered for line in lines):
        yield ("pipelines",), "none of them is offered: offer at least one for new opportunities."


def written(pipelines: Iterable[Pipeline]) -> Iterator[str]:
    """The section of the pipelines, a line for each status."""
    yield "pipelines:"
    for pipeline in pipelines:
        yield f"  - name: {emitting.text(pipeline.name)}"
        if not pipeline.offered:
            yield "    offered: false"
        statuses = pipeline.statuses.all()
        if statuses:
            yield "    statuses:"
        for status in statuses:
            line = {
                "name": status.name,
                "outcome": status.outcome,
                "probability": status.probability,
                "offered": None if status.offered else False,
            }
            yield f"      - {emitting.mapping(line)}"


def ambiguous(pipelines: Iterable[Pipeline]) -> set[str]:
    """The names that statuses of several pipelines have."""
    names = Counter(status.name for pipeline in pipelines for status in pipeline.statuses.all())
    return {name for name, found in names.items() if found > 1}


def _doubled(names: Sequence[str]) -> Iterator[int]:
    seen = set()
    for index, name in enumerate(names):
        if name in seen:
            yield index
        seen.add(name)


def _or(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
