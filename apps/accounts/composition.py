"""What a mail consists of, as its template lays it out (`templatetags.letter`)."""

from __future__ import annotations

from dataclasses import dataclass, field

# Where the parts of a mail are gathered while its template is rendered: a name that no template can read.
PARTS = "_letter"


@dataclass(frozen=True, slots=True)
class Part:
    """A paragraph of a mail, or the address of one of our pages, which becomes a button."""

    text: str
    is_link: bool = False


@dataclass(slots=True)
class Letter:
    """What a template of a mail says: one subject, and the parts in their order."""

    subjects: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
