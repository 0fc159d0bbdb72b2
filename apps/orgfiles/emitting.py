"""Values as YAML on one line. Text that other YAML programs could misread is quoted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from apps.roles.scopes import Scope

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_@./-]*\Z")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_ESCAPED = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def mapping(values: Mapping[str, Any]) -> str:
    """The keys and values in braces. What is None is left out."""
    pairs = (f"{scalar(key)}: {value(each)}" for key, each in values.items() if each is not None)
    return f"{{{', '.join(pairs)}}}"


def value(found: Any) -> str:
    """Any value that an organisation file states."""
    if isinstance(found, Scope):
        return str(found.names[0] if found & Scope.ALL else sequence(found.names) if found else "none")
    if isinstance(found, Mapping):
        return mapping(found)
    if isinstance(found, list | tuple):
        return sequence(found)
    return scalar(found)


def sequence(found: Iterable[Any]) -> str:
    """The values in brackets."""
    return f"[{', '.join(value(each) for each in found)}]"


def scalar(found: Any) -> str:
    """A text, number, yes or no, date or time."""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, datetime):
        return found.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(found, date | Decimal | int):
        return str(found)
    return text(str(found))


def text(found: str) -> str:
    """A text, plain where it can only be a text."""
    if _PLAIN.match(found) and found.lower() not in _WORDS:
        return found
    return escaped(json.dumps(found, ensure_ascii=False))


def sql_text(found: str) -> str:
    """SQL for an SQL expression's text as `text` writes it, but for what `escaped` does."""
    words = ", ".join(f"'{word}'" for word in sorted(_WORDS))
    is_plain = (
        f"""{found} COLLATE "C" ~ '^[A-Za-z][A-Za-z0-9_@./-]*$' AND lower({found} COLLATE "C") NOT IN ({words})"""
    )
    return f"CASE WHEN {is_plain} THEN {found} ELSE to_json({found}::text)::text END"


def escaped(found: str) -> str:
    """A line or a part of it, with the characters escaped that YAML does not take as they are."""
    return _ESCAPED.sub(lambda each: f"\\u{ord(each.group()):04x}", found)
