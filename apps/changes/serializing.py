"""Convert a change to JSON and back, for example for a job of the queue.

Changes are frozen values of plain parts. A type that JSON lacks becomes an object with one key, its name. A dataclass
is named by where it is declared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils.module_loading import import_string

from apps.changes.base import Change
from apps.roles.scopes import Scope


def dump(value: Any) -> Any:
    """Return the value as JSON data.

    Raises:
        TypeError: a part can't be converted, such as an open file.
    """
    match value:
        case Scope():
            return {"scope": int(value)}
        case None | bool() | int() | str():
            return value
        case datetime():
            return {"time": value.isoformat()}
        case timedelta():
            return {"seconds": value.total_seconds()}
        case list():
            return {"list": [dump(each) for each in value]}
        case tuple() if not _is_plain(type(value)):
            return {"tuple": [dump(each) for each in value]}
        case set() | frozenset():
            return {"set": [dump(each) for each in sorted(value)]}
        case Mapping():
            return {"map": [[dump(key), dump(each)] for key, each in value.items()]}
    kind = type(value)
    if not _is_plain(kind):
        raise TypeError(f"{value!r} is no plain value.")
    return {f"{kind.__module__}.{kind.__qualname__}": {name: dump(getattr(value, name)) for name in _parts_of(kind)}}


def load(value: Any) -> Any:
    """Return the value that `dump` converted; sets come back as frozen sets.

    Raises:
        TypeError, ImportError: it names a type that doesn't exist or is not allowed.
    """
    if not isinstance(value, Mapping):
        return value
    ((kind, parts),) = value.items()
    match kind:
        case "scope":
            return Scope(parts)
        case "time":
            return datetime.fromisoformat(parts)
        case "seconds":
            return timedelta(seconds=parts)
        case "list":
            return [load(each) for each in parts]
        case "tuple":
            return tuple(load(each) for each in parts)
        case "set":
            return frozenset(load(each) for each in parts)
        case "map":
            return {load(key): load(each) for key, each in parts}
    found = import_string(kind)
    if not _is_plain(found):
        raise TypeError(f"{kind} is no plain value.")
    return found(**{name: load(part) for name, part in parts.items()})


def _is_plain(kind: Any) -> bool:
    """Return whether it is one of our value types: a dataclass or a named tuple."""
    if not isinstance(kind, type) or not kind.__module__.startswith("apps."):
        return False
    return dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def _parts_of(kind: Any) -> Sequence[str]:
    """Return the names of its fields that take part in comparison."""
    if not dataclasses.is_dataclass(kind):
        return tuple(kind._fields)
    return [part.name for part in dataclasses.fields(kind) if part.compare]


def load_change(value: Any) -> Change:
    """Return the change that `dump` converted.

    Raises:
        TypeError: it is not a change.
    """
    change = load(value)
    if not isinstance(change, Change):
        raise TypeError(f"{change!r} is no change.")
    return change
