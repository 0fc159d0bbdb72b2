"""What a case expects of the answer, beside what no answer may have. Each returns a sentence, empty where it is so."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.attacks.asking import EVIL, Answer
from tests.pages.test_routes import VALUES

WRITES = re.compile(r'^(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?')
# What is written whoever looks at what: that somebody is there, and how often something was tried.
KEPT_BY_THE_WAY = {"django_session", "usersessions_usersession", "cache", "accounts_apitoken"}


@dataclass(frozen=True)
class Attempt:
    """A case as it was tried; `again` asks the same with other values, `sent` are those that were sent."""

    answer: Answer
    again: Callable[..., Answer]
    sent: tuple[str, ...]


Expected = Callable[[Attempt], str]


def writes(answer: Answer) -> list[str]:
    """The statements that changed something, without their values."""
    found = []
    for query in answer.queries:
        at = WRITES.match(query)
        if at and at[1] not in KEPT_BY_THE_WAY and not at[1].startswith("procrastinate"):
            found.append(VALUES.sub("?", query))
    return found


def status(*numbers: int) -> Expected:
    """One of the statuses."""

    def judge(attempt: Attempt) -> str:
        found = attempt.answer.status
        return "" if found in numbers else f"answers {found} and not {' or '.join(map(str, numbers))}"

    return judge


def refused(*numbers: int) -> Expected:
    """One of the statuses, and nothing is written."""

    def judge(attempt: Attempt) -> str:
        if wrong := status(*numbers)(attempt):
            return wrong
        return _done(attempt.answer)

    return judge


def _done(answer: Answer) -> str:
    changed = writes(answer)
    return f"writes {changed[0][:160]}" if changed else "sends a mail" if answer.mails else ""


def only_without(**plain: str) -> Expected:
    """It is refused, and taken with these values instead."""

    def judge(attempt: Attempt) -> str:
        if done := _done(attempt.answer):
            return done
        other = attempt.again(instead=plain)
        return "" if _done(other) else f"is refused without it, too ({other.status}): {_words(other)}"

    return judge


def _words(answer: Answer) -> str:
    """The end of what a page says."""
    return re.sub(r"<[^>]+>|\s+", " ", answer.body)[-300:]


OF_NOTHING = {
    "foreign": "888888",
    "unseen": "888888",
    "private": "888888",
    "there": "no-such-account",
    "foreign_email": "no@body.example",
}
PARTS = ("status", "location", "body", "headers", "queries")


def _compared(attempt: Attempt, parts: tuple[str, ...]) -> str:
    other = attempt.again(**OF_NOTHING)
    one, two = attempt.answer.without(*attempt.sent), other.without(*attempt.sent)
    for name, left, right in zip(PARTS, one, two, strict=True):
        if name in parts and left != right:
            return f"its {name} is another than that for nothing: {_apart(left, right)}"
    return ""


def alike(attempt: Attempt) -> str:
    """The answer is that to a question for nothing, with the same questions to the database."""
    return _compared(attempt, PARTS)


def alike_to_the_eye(attempt: Attempt) -> str:
    """The answer is that to a question for nothing, whatever the database was asked."""
    return _compared(attempt, PARTS[:-1])


def leads(to: str) -> Expected:
    """It leads to that page of ours."""
    return lambda attempt: "" if attempt.answer.location == to else f"leads to {attempt.answer.location!r}, not {to!r}"


def says(text: str, *, number: int = 200) -> Expected:
    """The answer has this text."""

    def judge(attempt: Attempt) -> str:
        return status(number)(attempt) or ("" if text in attempt.answer.body else f"does not say “{text}”")

    return judge


def lacks(text: str) -> Expected:
    """The answer does not have this text."""
    return lambda attempt: f"says “{text}”" if text in attempt.answer.body else ""


def as_if_unsaid(attempt: Attempt) -> str:
    """What was sent beyond the form's own fields changes no statement and reaches none."""
    plain = attempt.again(extra=False)
    one, two = writes(attempt.answer), writes(plain)
    if not two:
        return f"the form itself is not accepted ({plain.status}): {_words(plain)}"
    reached = [query for query in attempt.answer.queries if MARK in query]
    if reached:
        return f"reaches {reached[0][:160]}"
    return "" if one == two else f"is written otherwise: {_apart(one, two)}"


def mails_of_ours(attempt: Attempt) -> str:
    """The mail that comes of it leads to our own address."""
    if not attempt.answer.mails:
        return "sends no mail"
    wrong = [mail for mail in attempt.answer.mails if EVIL in mail or "http://testserver/" not in mail]
    return f"sends {wrong[0][:200]!r}" if wrong else ""


# What no form has, as a value that is found wherever it gets to.
MARK = "914253"


def _apart(one: Any, two: Any) -> str:
    if isinstance(one, list | str):
        at = next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
        size = 1 if isinstance(one, list) else 80
        start = at if isinstance(one, list) else max(0, at - 40)
        return f"{str(one[start : at + size])[:300]!r} and {str(two[start : at + size])[:300]!r}"
    return f"{one!r} and {two!r}"
