"""One mapping of the file while it is read: values are asked for by key and kind, and what does not fit is a problem.

Where text is meant, every scalar is text (`no`, `1_000`, `null`). Where something else is meant, `null`, `~` and an
empty value mean that the key is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.core.validators import validate_email, validate_slug

from apps.accounts.models import User
from apps.crm.organisation.problems import Path, Problems
from apps.crm.organisation.reading import Plain
from apps.roles.scopes import Scope

_NOTHING = frozenset({"", "~", "null"})
_YES = frozenset({"true", "yes", "on"})
_NO = frozenset({"false", "no", "off"})
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ]\s*(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)\s*(Z|z|[-+]\d\d(?::?\d\d)?)?\Z")
_T = TypeVar("_T")


class Misfit(ValueError):
    """A value is not of the kind that its key means; the message is the rest of a sentence."""


class Row:
    """A mapping at a path. Every getter takes the key's value out, so that `close` can tell what nobody asked for."""

    __slots__ = ("_asked", "_left", "_problems", "path")

    def __init__(self, problems: Problems, path: Path, value: Any) -> None:
        self._problems = problems
        self.path = path
        self._asked: list[str] = []
        self._left: dict[Any, Any] = {}
        if isinstance(value, Mapping):
            self._left = dict(value)
        else:
            problems.add(path, f"must be a mapping of keys to values, not {_kind(value)}.")
            self._problems = Problems("")  # what such a row lacks besides is no news

    def get(self, key: str, read: Callable[[Any], _T]) -> _T | None:
        """The value of an optional key, read as its kind."""
        value = self._take(key)
        return None if _is_nothing(value) else self._read(key, read, value)

    def need(self, key: str, read: Callable[[Any], _T], placeholder: _T) -> _T:
        """The value of a key that must be there. After a problem the placeholder stands in, and nothing is created."""
        value = self._left.get(key)
        if _is_nothing(value):
            self.wrong(key, "is missing." if value is None else "has no value.")
        found = self.get(key, read)
        return placeholder if found is None else found

    def text(self, key: str, longest: int | None) -> str | None:
        """The text of an optional key, whatever the word is: here even an unquoted `null` is text."""
        return self._read(key, text if longest is None else short(longest), self._take(key))

    def need_text(self, key: str, longest: int | None) -> str:
        """The text of a key that must be there, and must not be blank."""
        missing = self._left.get(key) is None
        found = self.text(key, longest)
        if missing or (found is not None and not found.strip()):
            self.wrong(key, "is missing." if missing else "is blank.")
        return found or "?"

    def row(self, key: str) -> Row:
        """The mapping under an optional key."""
        value = self._take(key)
        return Row(self._problems, (*self.path, key), {} if _is_nothing(value) else value)

    def rows(self, key: str) -> Iterator[Row]:
        """The mappings in the list under an optional key."""
        return rows_of(self._problems, (*self.path, key), self._take(key))

    def wrong(self, key: str | None, sentence: str) -> None:
        """Note a problem with the key's value, or with the whole row."""
        self._problems.add(self.path if key is None else (*self.path, key), sentence)

    def rest(self) -> list[str]:
        """The keys that nobody asked for yet."""
        return [key for key in self._left if isinstance(key, str)]

    def offer(self, keys: Iterable[str]) -> None:
        """Name keys that could have been there, for the hint at an unknown one."""
        self._asked.extend(keys)

    def ignore_rest(self) -> None:
        """Let pass what nobody asked for: it cannot be judged."""
        self._left.clear()

    def close(self) -> None:
        """Whatever nobody asked for is unknown."""
        for key in self._left:
            near = get_close_matches(str(key), self._asked, 1)
            hint = f"did you mean {near[0]}?" if near else f"the keys here are {', '.join(self._asked)}."
            self._problems.add((*self.path, str(key)), f"this key is unknown; {hint}")

    def _take(self, key: str) -> Any:
        self._asked.append(key)
        return self._left.pop(key, None)

    def _read(self, key: str, read: Callable[[Any], _T], value: Any) -> _T | None:
        if value is None:
            return None
        try:
            return read(value)
        except Misfit as misfit:
            self.wrong(key, f"{misfit}.")
            return None


def rows_of(problems: Problems, path: Path, value: Any) -> Iterator[Row]:
    """The mappings in a list, each at its place. What is no mapping, or no list, is a problem."""
    if _is_nothing(value):
        return
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        problems.add(path, f"must be a list, not {_kind(value)}.")
        return
    for index, item in enumerate(value):
        yield Row(problems, (*path, index), item)


def _is_nothing(value: Any) -> bool:
    return value is None or (type(value) is Plain and value in _NOTHING)


def text(value: Any) -> str:
    """Any scalar, as it is written."""
    if not isinstance(value, str):
        raise Misfit(f"must be text, not {_kind(value)}")
    if "\0" in value:
        raise Misfit("holds the character U+0000, which cannot be stored")
    return str(value)


def short(longest: int) -> Callable[[Any], str]:
    """Text of at most so many characters."""

    def read(value: Any) -> str:
        found = text(value)
        if len(found) > longest:
            raise Misfit(f"is {len(found)} characters long; {longest} are the most")
        return found

    return read


def slug(value: Any) -> str:
    """A short name for addresses: letters, digits, hyphens and underscores."""
    return _slug(text(value))


def email(value: Any) -> str:
    """An e-mail address, in small letters."""
    return _email(text(value))


# A file names the same few people and branches over and over.
@lru_cache(maxsize=10_000)
def _slug(found: str) -> str:
    try:
        validate_slug(short(60)(found))
    except ValidationError:
        raise Misfit(f'"{found}" is no slug: write letters, digits, hyphens and underscores') from None
    return found


@lru_cache(maxsize=10_000)
def _email(found: str) -> str:
    address = User.objects.normalize_email(short(254)(found))
    try:
        validate_email(address)
    except ValidationError:
        raise Misfit(f'"{address}" is no e-mail address') from None
    return address


def flag(value: Any) -> bool:
    """A yes or no, unquoted."""
    if isinstance(value, bool):
        return value
    if type(value) is Plain and value.lower() in _YES | _NO:
        return value.lower() in _YES
    raise Misfit(f"must be true or false, not {_kind(value)}")


def integer(value: Any) -> int:
    """A whole number, unquoted."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if type(value) is Plain and _INTEGER.match(value) and len(value) < 20:
        return int(value)
    raise Misfit(f"must be a whole number, not {_kind(value)}")


def number(value: Any) -> Decimal:
    """An amount, exactly as written; quotes are allowed, so that no program on the way rounds it."""
    if isinstance(value, int | Decimal | float) and not isinstance(value, bool):
        return Decimal(str(value))
    try:
        found = Decimal(text(value)) if isinstance(value, str) and "_" not in value else Decimal("NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise Misfit(f"must be a number, not {_kind(value)}")
    return found


def day(value: Any) -> date:
    """A date, such as 2027-01-31."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(text(value))
    except ValueError:
        raise Misfit(f"must be a date such as 2027-01-31, not {_kind(value)}") from None


def moment(value: Any) -> datetime:
    """A time with its zone, such as 2027-01-31T00:00:00Z."""
    found = value if isinstance(value, datetime) else _moment(value)
    if found.tzinfo is None:
        raise Misfit(f'"{value}" has no time zone: write Z behind it for UTC, or an offset such as +01:00')
    return found


def _moment(value: Any) -> datetime:
    parts = _TIME.match(value) if isinstance(value, str) else None
    try:
        if parts is not None:
            return datetime.fromisoformat(f"{parts[1]}T{parts[2]}{(parts[3] or '').upper()}")
        if isinstance(value, date) or (isinstance(value, str) and date.fromisoformat(value)):
            raise Misfit(f'"{value}" is a date without a time and its zone: write 2027-01-31T00:00:00Z')
    except Misfit:
        raise
    except ValueError:
        pass
    raise Misfit(f"must be a time such as 2027-01-31T00:00:00Z, not {_kind(value)}")


def choice(*choices: str) -> Callable[[Any], str]:
    """One of these words."""

    def read(value: Any) -> str:
        found = text(value)
        if found not in choices:
            raise Misfit(f'"{found}" is none of {", ".join(choices)}')
        return found

    return read


def several(read: Callable[[Any], _T]) -> Callable[[Any], tuple[_T, ...]]:
    """A list of values of one kind, none of them twice."""

    def read_all(value: Any) -> tuple[_T, ...]:
        if not isinstance(value, list | tuple):
            raise Misfit(f"must be a list, not {_kind(value)}")
        found = tuple(read(each) for each in value)
        if len(set(found)) < len(found):
            twice = next(each for place, each in enumerate(found) if each in found[:place])
            raise Misfit(f'"{twice}" stands there twice')
        return found

    return read_all


def scope(value: Any) -> Scope:
    """`none`, `all`, or a list of reaches. An empty list is none."""
    if isinstance(value, str):
        words: Any = str(value)
    else:
        words = several(text)(value)
        if "all" in words:
            raise Misfit("is a list with all in it: write all alone")
    try:
        return Scope.parse(words)
    except ValueError as error:
        raise Misfit(str(error)) from None


def typed(value: Any) -> tuple[str, str]:
    """A record by its type and reference: `company/C-1`."""
    kind, slash, reference = text(value).partition("/")
    if not (kind and slash and reference):
        raise Misfit(f'"{value}" names no record: write its type and its reference, such as company/C-1')
    return kind, reference


def currency(value: Any) -> str:
    """A currency's three letters."""
    found = text(value)
    if len(found) != 3 or not (found.isascii() and found.isalpha() and found.isupper()):
        raise Misfit(f'"{found}" is no currency: write its three letters, such as EUR')
    return found


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    shown = str(value)
    return f'"{shown[:40]}…"' if len(shown) > 40 else f'"{shown}"'
