"""Scopes: how far a permission reaches (access model, section 2)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _


class Scope(IntFlag):
    """A set of reaches. The empty set is `Scope.NONE`; scopes join by union (`|`)."""

    NONE = 0
    CREATED = 1
    RESPONSIBLE = 2
    SHARED = 4
    TEAM = 8
    ALL = 16

    @classmethod
    def parse(cls, value: str | Iterable[str]) -> Scope:
        """The scope written as `"none"`, `"all"` or a list of reaches.

        `all` contains every other reach, so a list that names it is `ALL`.

        Raises:
            ValueError: a word is not a reach; the message names it.
        """
        if isinstance(value, str):
            if value not in ("none", "all"):
                raise ValueError(f'"{value}" is not a scope: write none, all, or a list of {", ".join(RECORD_REACHES)}')
            return cls.ALL if value == "all" else cls.NONE
        scope = cls.NONE
        for word in value:
            if word not in _BY_NAME:
                raise ValueError(f'"{word}" is not a scope: choose from {", ".join(_BY_NAME)}')
            scope |= _BY_NAME[word]
        return cls.ALL if scope & cls.ALL else scope

    @property
    def names(self) -> list[str]:
        """The reaches by name, narrowest first; `[]` for none."""
        return [name for name, reach in _BY_NAME.items() if self & reach]

    @property
    def label(self) -> str:
        """What people read: the published name where the set has one, else the reaches in words."""
        found = LABELS.get(self)
        return gettext(found) if found else " + ".join(gettext(_WORDS[name]) for name in self.names)

    def covers(self, other: Scope) -> bool:
        """Whether everything within reach of `other` is surely within reach of this scope."""
        # As numbers: sets of flags are made anew by each operation.
        own = int(self)
        return bool(own & int(Scope.ALL)) or not int(other) & ~own


RECORD_REACHES = ("created", "responsible", "shared", "team")
_BY_NAME = {
    "created": Scope.CREATED,
    "responsible": Scope.RESPONSIBLE,
    "shared": Scope.SHARED,
    "team": Scope.TEAM,
    "all": Scope.ALL,
}
_WORDS = {
    "created": _("creator"),
    "responsible": _("responsible"),
    "shared": _("shared"),
    "team": _("team"),
    "all": _("all"),
}

PROHIBITED = Scope.NONE
IF_CREATOR = Scope.CREATED
IF_RESPONSIBLE = Scope.RESPONSIBLE | Scope.SHARED
IN_GROUP = IF_RESPONSIBLE | Scope.TEAM
PERMITTED = Scope.ALL

LABELS = {
    PROHIBITED: _("Prohibited"),
    IF_CREATOR: _("If creator"),
    IF_RESPONSIBLE: _("If responsible"),
    IN_GROUP: _("All in the group"),
    PERMITTED: _("Permitted"),
}


if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:
    _Field = models.Field


class ScopeField(_Field):
    """A `Scope` in a `text[]` column, so that the database and its log read the reaches by name."""

    description = "A set of reaches"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "text[]"

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        column = connection.ops.quote_name(str(self.column))
        return f"{column} <@ ARRAY[{', '.join(repr(name) for name in _BY_NAME)}]::text[]"

    def from_db_value(self, value: list[str] | None, expression: Any, connection: Any) -> Scope | None:
        return None if value is None else Scope.parse(value)

    def to_python(self, value: Any) -> Scope | None:
        if value is None or isinstance(value, Scope):
            return value
        return Scope.parse(value)

    def get_prep_value(self, value: Any) -> list[str] | None:
        scope = self.to_python(value)
        return None if scope is None else scope.names
