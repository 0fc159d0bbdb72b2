"""A change as JSON can hold it, and back: for one who makes or tries it elsewhere, such as a job of the queue.

Changes are frozen values of plain parts. What JSON does not know by itself becomes an object of one key, its type; a
value with parts of its own, of whichever app, is named by where it is declared.
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
    """The value in terms of JSON.

    Raises:
        TypeError: something in it is no plain value, such as an open file.
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
    """The value of which `dump` made this; sets come back as frozen ones.

    Raises:
        TypeError, ImportError: it names a type that is no such value, or that is not there.
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
    """Whether it is a type of values of ours: a dataclass, or a tuple with names."""
    if not isinstance(kind, type) or not kind.__module__.startswith("apps."):
        return False
    return dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def _parts_of(kind: Any) -> Sequence[str]:
    """The names of its parts; what makes no difference between two values stays behind."""
    if not dataclasses.is_dataclass(kind):
        return tuple(kind._fields)
    return [part.name for part in dataclasses.fields(kind) if part.compare]


def load_change(value: Any) -> Change:
    """The change of which `dump` made this.

    Raises:
        TypeError: it is something else.
    """
    change = load(value)
    if not isinstance(change, Change):
        raise TypeError(f"{change!r} is no change.")
    return change
