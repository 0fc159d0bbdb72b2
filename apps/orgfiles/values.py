"""Single values of the file, read as what their key means: texts, addresses, yes or no, numbers, times, scopes, names.

Every reader takes a scalar, list or mapping and returns its value; `InvalidValue` has the rest of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email, validate_slug

from apps.accounts.models import User
from apps.audit.text import TextValidator, validate_multi_line, validate_single_line
from apps.orgfiles.lines import Plain
from apps.roles.scopes import Scope

_YES = frozenset({"true", "yes", "on"})
_NO = frozenset({"false", "no", "off"})
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ]\s*(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)\s*(Z|z|[-+]\d\d(?::?\d\d)?)?\Z")
_T = TypeVar("_T")


class InvalidValue(ValueError):
    """A value is not of the kind that its key means; the message is the rest of a sentence."""


def text(value: Any) -> str:
    """Any scalar, as it is written."""
    if not isinstance(value, str):
        raise InvalidValue(f"must be text, not {kind_of(value)}")
    return _fitting(validate_multi_line, str(value))


def line(value: Any) -> str:
    """Any scalar, as it is written on one line."""
    return _fitting(validate_single_line, text(value))


def _fitting(validate: TextValidator, found: str) -> str:
    if code := validate.hidden(found):
        raise InvalidValue(f"contains a line break or an invisible character ({code}): delete it")
    return found


def short(longest: int) -> Callable[[Any], str]:
    """Text on one line, of at most so many characters."""

    def read(value: Any) -> str:
        found = line(value)
        if len(found) > longest:
            raise InvalidValue(f"is {len(found)} characters long; at most {longest} are allowed")
        return found

    return read


def web_address(longest: int) -> Callable[[Any], str]:
    """A web address of at most so many characters, or nothing: it becomes a link, so it is no script."""
    read = short(longest)
    validate = URLValidator()

    def read_address(value: Any) -> str:
        found = read(value)
        try:
            if found:
                validate(found)
        except ValidationError:
            raise InvalidValue(f'"{found}" is not a web address such as https://example.com') from None
        return found

    return read_address


def slug(value: Any) -> str:
    """A short name for addresses: letters, digits, hyphens and underscores."""
    return _slug(text(value))


def email(value: Any) -> str:
    """An email address, in small letters."""
    return _email(text(value))


# A file names the same few people and branches over and over.
@lru_cache(maxsize=10_000)
def _slug(found: str) -> str:
    try:
        validate_slug(short(60)(found))
    except ValidationError:
        raise InvalidValue(f'"{found}" is not a slug: use letters, digits, hyphens and underscores') from None
    return found


@lru_cache(maxsize=10_000)
def _email(found: str) -> str:
    address = User.objects.normalize_email(short(254)(found))
    try:
        validate_email(address)
    except ValidationError:
        raise InvalidValue(f'"{address}" is not an email address') from None
    return address


def flag(value: Any) -> bool:
    """A yes or no, unquoted."""
    if isinstance(value, bool):
        return value
    if type(value) is Plain and value.lower() in _YES | _NO:
        return value.lower() in _YES
    raise InvalidValue(f"must be true or false, not {kind_of(value)}")


def integer(value: Any) -> int:
    """A whole number, unquoted."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if type(value) is Plain and _INTEGER.match(value) and len(value) < 20:
        return int(value)
    raise InvalidValue(f"must be a whole number, not {kind_of(value)}")


def within(highest: int) -> Callable[[Any], int]:
    """A whole number from 0 to the highest."""

    def read(value: Any) -> int:
        found = integer(value)
        if not 0 <= found <= highest:
            raise InvalidValue(f"{found} is not between 0 and {highest}")
        return found

    return read


def number(value: Any) -> Decimal:
    """An amount, exactly as written; quotes are allowed, so that no program on the way rounds it."""
    if isinstance(value, int | Decimal | float) and not isinstance(value, bool):
        return Decimal(str(value))
    try:
        found = Decimal(text(value)) if isinstance(value, str) and "_" not in value else Decimal("NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise InvalidValue(f"must be a number, not {kind_of(value)}")
    return found


def day(value: Any) -> date:
    """A date, such as 2027-01-31."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(text(value))
    except ValueError:
        raise InvalidValue(f"must be a date such as 2027-01-31, not {kind_of(value)}") from None


def moment(value: Any) -> datetime:
    """A time with its zone, such as 2027-01-31T00:00:00Z."""
    found = value if isinstance(value, datetime) else _moment(value)
    if found.tzinfo is None:
        raise InvalidValue(f'"{value}" has no time zone: add Z for UTC, or an offset such as +01:00')
    return found


def _moment(value: Any) -> datetime:
    parts = _TIME.match(value) if isinstance(value, str) else None
    try:
        if parts is not None:
            return datetime.fromisoformat(f"{parts[1]}T{parts[2]}{(parts[3] or '').upper()}")
        if isinstance(value, date) or (isinstance(value, str) and date.fromisoformat(value)):
            raise InvalidValue(f'"{value}" is a date without a time and its zone: write 2027-01-31T00:00:00Z')
    except InvalidValue:
        raise
    except ValueError:
        pass
    raise InvalidValue(f"must be a time such as 2027-01-31T00:00:00Z, not {kind_of(value)}")


def choice(*choices: str) -> Callable[[Any], str]:
    """One of these words."""

    def read(value: Any) -> str:
        found = text(value)
        if found not in choices:
            raise InvalidValue(f'"{found}" is not one of {", ".join(choices)}')
        return found

    return read


def meaning(words: Mapping[str, Any]) -> Callable[[Any], Any]:
    """What one of these words stands for; of several for the same thing, the first one is shown to choose from."""
    first: dict[Any, str] = {}
    for word, stored in words.items():
        first.setdefault(stored, word)
    read_word = choice(*words)

    def read(value: Any) -> Any:
        try:
            return words[read_word(value)]
        except InvalidValue:
            raise InvalidValue(f'"{text(value)}" is not one of {", ".join(first.values())}') from None

    return read


def several(read: Callable[[Any], _T]) -> Callable[[Any], tuple[_T, ...]]:
    """A list of values of one kind, none of them twice."""

    def read_all(value: Any) -> tuple[_T, ...]:
        if not isinstance(value, list | tuple):
            raise InvalidValue(f"must be a list, not {kind_of(value)}")
        found = tuple(read(each) for each in value)
        if len(set(found)) < len(found):
            twice = next(each for place, each in enumerate(found) if each in found[:place])
            raise InvalidValue(f'"{twice}" is listed twice')
        return found

    return read_all


def mapping(value: Any) -> dict[str, Any]:
    """A mapping, which another reader checks."""
    if not isinstance(value, Mapping):
        raise InvalidValue(f"must be a mapping of keys to values, not {kind_of(value)}")
    return {str(key): each for key, each in value.items()}


def scope(value: Any) -> Scope:
    """`none`, `all`, or a list of reaches. An empty list is none."""
    if isinstance(value, str):
        words: Any = str(value)
    else:
        words = several(text)(value)
        if "all" in words:
            raise InvalidValue("is a list with all in it: write only all")
    try:
        return Scope.parse(words)
    except ValueError as error:
        raise InvalidValue(str(error)) from None


def typed(value: Any) -> tuple[str, str]:
    """A record by its type and reference: `company/C-1`."""
    kind, slash, reference = text(value).partition("/")
    if not (kind and slash and reference):
        raise InvalidValue(f'"{value}" is not a record: write its type and reference, such as company/C-1')
    return kind, reference


def currency(value: Any) -> str:
    """A currency's three letters."""
    found = text(value)
    if len(found) != 3 or not (found.isascii() and found.isalpha() and found.isupper()):
        raise InvalidValue(f'"{found}" is not a currency: write a three-letter code, such as EUR')
    return found


def kind_of(value: Any) -> str:
    """The value as a message names it."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    shown = str(value)
    return f'"{shown[:40]}…"' if len(shown) > 40 else f'"{shown}"'
