"""Many questions at once, for `check_access --batch`: one JSON object per line, one answer per line.

The lines are processed in chunks. The users, targets, shares and Mandates of a chunk are read in a few queries and used
only for it, so a long run sees changes in between.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from heapq import merge
from itertools import islice
from typing import Any

from django.db.models.functions import Collate
from django.utils import timezone

from apps.access import records
from apps.access.explain import explain
from apps.access.facts import account_facts, load_people
from apps.access.mandate import Mandate
from apps.access.mandate_cache import bind_account, mandate_for
from apps.access.policy import account_id_of, asked_of, decide
from apps.access.querysets import visible
from apps.access.records import Record, RecordLike
from apps.access.shares import Subjects, subjects_of_many
from apps.access.targets import (
    MalformedTarget,
    TargetName,
    UnknownTarget,
    find_targets,
    find_users,
    no_user,
    parse_target,
)
from apps.accounts.models import Account, User
from apps.audit.untrusted import read_json
from apps.roles import catalogue
from apps.roles.catalogue import Permission, Target, UnknownPermission, WrongTarget

CHUNK = 1_000
Answer = Mapping[str, Any]


class InvalidQuestion(ValueError):
    """The line is not a valid question."""


@dataclass(frozen=True, slots=True)
class MayQuestion:
    """Does the user have the permission on the target?"""

    user: str
    permission: str
    target: TargetName


@dataclass(frozen=True, slots=True)
class VisibleQuestion:
    """On which records of the account does the user have the permission?"""

    user: str
    permission: str
    target: TargetName


@dataclass(frozen=True, slots=True)
class WhoMayQuestion:
    """Who has the permission on the target?"""

    permission: str
    target: TargetName


Question = MayQuestion | VisibleQuestion | WhoMayQuestion


def answers(lines: Iterable[bytes], *, reasons: bool = False) -> Iterator[Answer]:
    """Yield the answer to each line, in order. A failed line gives `{"error": sentence}`.

    `reasons` adds the reasons to each decision.
    """
    iterator = iter(lines)
    while chunk := [_read(line) for line in islice(iterator, CHUNK)]:
        answerer = _Chunk([each for each in chunk if not isinstance(each, str)], reasons=reasons)
        for question in chunk:
            yield _error(question) if isinstance(question, str) else answerer.answer(question)


def references(mandate: Mandate, permission: Permission) -> Iterator[str]:
    """Yield the references of the visible records, by code point; of every type that the permission applies to.

    They are read lazily, so that a million of them need no more memory than one.

    Raises:
        WrongTarget: the permission does not apply to records.
    """
    catalogue.check_target(permission, Target.RECORD)
    types = permission.record_types or tuple(records.registered())
    return merge(*(_references(mandate, permission, name) for name in types if name in records.registered()))


def _references(mandate: Mandate, permission: Permission, record_type: str) -> Iterator[str]:
    rows = visible(mandate, permission.codename, record_type).order_by(Collate("reference", "C"))
    return rows.values_list("reference", flat=True).iterator(chunk_size=CHUNK)


def _error(sentence: str) -> Answer:
    """Return the error as an answer. Characters that no output can hold are shown as escapes."""
    return {"error": sentence.encode("utf-8", "backslashreplace").decode()}


def _read(line: bytes) -> Question | str:
    """Return the question on a line, or raise what is wrong with it."""
    try:
        return _question(read_json(line))
    except (InvalidQuestion, MalformedTarget) as error:
        return str(error)
    except UnicodeDecodeError as error:
        return f"The line is not UTF-8: byte 0x{line[error.start]:02x} at position {error.start}."
    except json.JSONDecodeError as error:
        return f"The line is not valid JSON: {error.msg} at column {error.colno}."


def _question(data: Any) -> Question:
    if not isinstance(data, dict):
        raise InvalidQuestion("The line is not a JSON object.")
    if wrong := [key for key, value in data.items() if not isinstance(value, str)]:
        raise InvalidQuestion(f'The value of "{wrong[0]}" is not text.')
    match sorted(data):
        case ["permission", "target", "user"]:
            return MayQuestion(data["user"], data["permission"], parse_target(data["target"]))
        case ["list", "permission", "user"]:
            return VisibleQuestion(data["user"], data["permission"], TargetName(Target.ACCOUNT, data["list"]))
        case ["permission", "who"]:
            return WhoMayQuestion(data["permission"], parse_target(data["who"]))
    raise InvalidQuestion(
        "The keys are user, permission and target; or user, permission and list; or permission and who."
    )


class _Chunk:
    """Answers the questions of one chunk from prefetched data."""

    def __init__(self, questions: list[Question], *, reasons: bool) -> None:
        self._reasons = reasons
        self._users = find_users({each.user for each in questions if not isinstance(each, WhoMayQuestion)})
        self._targets = find_targets(each.target for each in questions)
        self._shares = _Shares(each for each in self._targets.values() if isinstance(each, Record))
        self._mandates: dict[tuple[int, int], Mandate] = {}
        self._people: dict[int, list[tuple[str, Mandate]]] = {}

    def answer(self, question: Question) -> Answer:
        try:
            permission = catalogue.get(question.permission)
            if isinstance(question, WhoMayQuestion):
                return {"users": self._who(permission, self._target(question.target))}
            user = self._users.get(question.user)
            if user is None:
                raise no_user(question.user)
            if isinstance(question, VisibleQuestion):
                account: Any = self._target(question.target)
                return {"references": list(references(self._mandate(user, account), permission))}
            return self._may(user, permission, self._target(question.target))
        except (UnknownPermission, WrongTarget, UnknownTarget) as error:
            return _error(str(error))

    def _may(self, user: User, permission: Permission, target: Any) -> Answer:
        asked_of(permission.codename, target)
        mandate = self._mandate(user, target if isinstance(target, Account) else target.account)
        if not self._reasons:
            return {"allowed": decide(mandate, permission, target, partial(self._shares, user.pk))}
        explanation = explain(user, permission.codename, target, fixes=False)
        return {"allowed": explanation.allowed, "why": explanation.reasons}

    def _who(self, permission: Permission, target: Any) -> list[str]:
        asked_of(permission.codename, target)
        return [
            email
            for email, mandate in self._people_of(account_id_of(target))
            if decide(mandate, permission, target, partial(self._shares, mandate.user_id))
        ]

    def _target(self, name: TargetName) -> Any:
        if name not in self._targets:
            raise name.unknown
        return self._targets[name]

    def _mandate(self, user: User, account: Account) -> Mandate:
        if user.current_account != account:
            bind_account(user, account)
        key = (user.pk, account.pk)
        if key not in self._mandates:
            self._mandates[key] = mandate_for(user, account.pk)
        return self._mandates[key]

    def _people_of(self, account_id: int) -> list[tuple[str, Mandate]]:
        """Return all users with access to the account, by email address, read once for the chunk."""
        if account_id not in self._people:
            now = timezone.now()
            mandates = [Mandate(facts, now) for facts in load_people(account_facts(account_id))]
            ids = [mandate.user_id for mandate in mandates]
            emails = dict(User.objects.filter(pk__in=ids).values_list("pk", "email"))
            self._people[account_id] = sorted(
                ((emails[mandate.user_id], mandate) for mandate in mandates), key=lambda each: each[0]
            )
        return self._people[account_id]


class _Shares:
    """Read the share holders of the chunk's records and of all that they are about."""

    def __init__(self, found: Iterable[Record]) -> None:
        wanted: dict[str, set[int]] = {}
        for record in found:
            seen: Record | None = record
            while seen is not None:
                wanted.setdefault(seen.record_type, set()).add(seen.pk)
                seen = seen.about
        self._subjects: dict[tuple[str, int], Subjects] = {
            (name, key): subjects
            for name, ids in wanted.items()
            for key, subjects in subjects_of_many(name, ids).items()
        }

    def __call__(self, user_id: int, record: RecordLike, groups: frozenset[int]) -> frozenset[str]:
        users, teams = self._subjects[record.record_type, record.pk]
        return users.get(user_id, frozenset()).union(*(teams.get(group, ()) for group in groups))
