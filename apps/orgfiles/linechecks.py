"""What the lines of records and shares need of the people, branches and lists of their file, line by line."""

from __future__ import annotations

from collections.abc import Iterator

from apps.access import records
from apps.crm.models import Activity, Opportunity
from apps.orgfiles.contents import Organisation, RecordLine, ShareLine
from apps.orgfiles.fields import Kind, about_columns, fields_of
from apps.orgfiles.pipelines import Statuses
from apps.orgfiles.problems import Path
from apps.roles import catalogue

Found = Iterator[tuple[Path, str]]


class LineChecker:
    """Checks one line after the other. What needs other records is asked of the staged tables (`linkchecks`)."""

    def __init__(self, organisation: Organisation, statuses: Statuses) -> None:
        self._users = {line.email for line in organisation.users}
        self._branches = {line.slug for line in organisation.branches}
        self._teams = {(branch.slug, team.slug) for branch in organisation.branches for team in branch.teams}
        self._statuses = statuses

    def record(self, index: int, line: RecordLine) -> Found:
        """What is wrong with a record at that place."""
        path: Path = ("records", index)
        if line.branch not in self._branches:
            yield (*path, "branch"), f"there is no branch {line.branch} in the file."
        for key, email in (("responsible", line.responsible), ("created_by", line.created_by)):
            if email is not None and email not in self._users:
                yield (*path, key), no_user(email)
        fields = fields_of(line.type)
        for key, value in line.values.items():
            if fields[key].kind is Kind.USER and value not in self._users:
                yield (*path, key), no_user(value)
        if line.type == Opportunity.record_type:
            yield from (((*path, key), sentence) for key, sentence in self._statuses.problems(line.values))
        if line.about is None and line.type == Activity.record_type:
            yield (*path, "about"), "is missing: an activity is about exactly one record."
        if line.about is not None and line.about[0] not in about_columns(line.type):
            name = "/".join(line.about)
            yield (*path, "about"), f"a record of the type {line.type} can't be about {name}."
        yield from _at_odds(path, line)

    def share(self, index: int, line: ShareLine) -> Found:
        """What is wrong with a share at that place, whatever record it is of."""
        path: Path = ("shares", index)
        if line.user is not None and line.user not in self._users:
            yield (*path, "user"), no_user(line.user)
        if line.team is not None and line.team not in self._teams:
            yield (*path, "team"), f"there is no team {'/'.join(line.team)} in the file."
        kind = line.record[0]
        if kind not in records.registered():
            yield (*path, "record"), f"there is no {kind} {line.record[1]} in the file."
        elif allowed := catalogue.record_type(kind).share_verbs:
            for verb in line.permissions:
                if verb not in allowed:
                    yield (
                        (*path, "permissions"),
                        f"records of the type {kind} can't be shared with the permission {verb}.",
                    )


def no_user(email: str) -> str:
    """Return the sentence for an email address that is not a user of the file."""
    return f"{email} is not a user in the file: add them under users."


def _at_odds(path: Path, line: RecordLine) -> Found:
    """What the fields of one record say against each other."""
    values = line.values
    if values.get("private") and line.responsible is None:
        yield (*path, "private"), "a private contact needs a responsible, since nobody else sees it."
    if "result" in values and values.get("kind") != Activity.Kind.CALL:
        yield (*path, "result"), "is only for calls: delete it from this activity."
    if not values.get("done"):
        for key in ("done_at", "done_by"):
            if key in values:
                yield (*path, key), "is said of a task that is not done."
