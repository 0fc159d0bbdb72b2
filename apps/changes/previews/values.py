"""The result of a preview: as plain values, as JSON and in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.access.mandate import Reason, Step
from apps.accounts.datetime_formats import DateTimeForm, written
from apps.roles import catalogue
from apps.roles.scopes import Scope

# Up to this many members are listed one by one.
IN_FULL = 50


@dataclass(frozen=True, slots=True)
class ScopeGiven:
    """How far a permission reaches, until when, and by which steps (of one member; of a group they differ)."""

    scope: Scope
    until: datetime | None = None
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        if self.until is None:
            return self.scope.label
        when = written(self.until, DateTimeForm.ZONED_MOMENT)
        return _("%(scope)s until %(when)s") % {"scope": self.scope.label, "when": when}

    def as_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "scope": self.scope.names,
            "label": self.scope.label,
            "until": None if self.until is None else self.until.isoformat(),
            "because": [_step(step) for step in self.steps],
        }


@dataclass(frozen=True, slots=True)
class ScopeChange:
    """A permission that reaches otherwise than before on a branch; `branch_id` None: wherever they are no member."""

    branch_id: int | None
    place: str
    permission: str
    before: ScopeGiven
    after: ScopeGiven

    def __str__(self) -> str:
        why = [text for text in (_why(self.before), _why(self.after)) if text]
        because = f" ({' → '.join(why)})" if len(why) == 2 else ""
        where = {"permission": catalogue.get(self.permission).label, "place": self.place}
        return f"{_('%(permission)s on %(place)s') % where}: {self.before} → {self.after}{because}"

    def as_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "branch": self.branch_id,
            "place": self.place,
            "permission": self.permission,
            "before": self.before.as_json(),
            "after": self.after.as_json(),
        }


@dataclass(slots=True)
class Numbers:
    """How many records of each type are gained and lost (by `view`), and how many are left with a responsible who no
    longer sees them; of those alone that the actor may view.
    """

    gains: Counter[str] = field(default_factory=Counter)
    loses: Counter[str] = field(default_factory=Counter)
    stranded: Counter[str] = field(default_factory=Counter)

    def add(self, record_type: str, *, gains: int = 0, loses: int = 0, stranded: int = 0) -> None:
        """Count so many more of a type."""
        for counter, number in ((self.gains, gains), (self.loses, loses), (self.stranded, stranded)):
            if number:
                counter[record_type] += number

    def __bool__(self) -> bool:
        return bool(self.gains or self.loses or self.stranded)

    def as_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"gains": dict(self.gains), "loses": dict(self.loses), "stranded": dict(self.stranded)}


@dataclass(frozen=True, slots=True)
class Member:
    """What becomes of one member."""

    user_id: int
    name: str
    changes: tuple[ScopeChange, ...]
    numbers: Numbers

    def as_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        changes = [change.as_json() for change in self.changes]
        return {"user": self.user_id, "name": self.name, "changes": changes, **self.numbers.as_json()}


@dataclass(frozen=True, slots=True)
class Group:
    """Many members of whom the same becomes, with their records in sums: gained and lost by type and reach."""

    members: int
    changes: tuple[ScopeChange, ...]
    numbers: Numbers
    gains_by_reach: Mapping[str, Mapping[str, int]]
    loses_by_reach: Mapping[str, Mapping[str, int]]

    def as_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "members": self.members,
            "changes": [change.as_json() for change in self.changes],
            **self.numbers.as_json(),
            "gains_by_reach": {name: dict(found) for name, found in self.gains_by_reach.items()},
            "loses_by_reach": {name: dict(found) for name, found in self.loses_by_reach.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a change would do, exactly: it was made, measured and taken back.

    Up to `IN_FULL` affected members stand in `members`, more of them in `groups`. `orphans` are the records that nobody
    would see any more, by type, and `references` names the first of them. Numbers of records count what the actor may
    view; `everything` says that this is all there is. `rows` is how many rows it writes.
    """

    affected: int
    rows: int = 0
    members: tuple[Member, ...] = ()
    groups: tuple[Group, ...] = ()
    orphans: Mapping[str, int] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    everything: bool = False

    def as_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "affected": self.affected,
            "members": [member.as_json() for member in self.members],
            "groups": [group.as_json() for group in self.groups],
            "orphans": dict(self.orphans),
            "orphan_references": list(self.references),
            "notes": list(self.notes),
            "everything": self.everything,
        }

    def lines(self) -> Iterator[str]:
        """In sentences."""
        number = {"number": f"{self.affected:,}"}
        affected = ngettext("%(number)s member is affected:", "%(number)s members are affected:", self.affected)
        yield affected % number if self.affected else _("No members are affected.")
        for member in self.members:
            yield f"{member.name}:"
            yield from self._lines_of(member.changes, member.numbers)
        for group in self.groups:
            together = ngettext("%(number)s member:", "%(number)s members:", group.members)
            yield together % {"number": f"{group.members:,}"}
            yield from self._lines_of(group.changes, group.numbers, together=True)
            yield from _by_reach(_("Gained %(records)s: %(numbers)s."), group.gains_by_reach)
            yield from _by_reach(_("Lost %(records)s: %(numbers)s."), group.loses_by_reach)
        if self.orphans:
            more = sum(self.orphans.values()) > len(self.references)
            sentence = (
                _("%(records)s would not be visible to anyone: %(named)s and others.")
                if more
                else _("%(records)s would not be visible to anyone: %(named)s.")
            )
            yield sentence % {"records": counts_in_words(self.orphans), "named": ", ".join(self.references)}
        yield from self.notes

    def _lines_of(self, changes: tuple[ScopeChange, ...], numbers: Numbers, *, together: bool = False) -> Iterator[str]:
        for change in changes:
            yield f"  {change}"
        if numbers.gains:
            sentence = _("In total they gain %(records)s.") if together else _("Gains %(records)s.")
            yield f"  {sentence % {'records': self._of_those(numbers.gains)}}"
        if numbers.loses:
            sentence = _("In total they lose %(records)s.") if together else _("Loses %(records)s.")
            yield f"  {sentence % {'records': self._of_those(numbers.loses)}}"
        if numbers.stranded:
            yield f"  {self._stranded(together) % {'records': counts_in_words(numbers.stranded)}}"

    def _of_those(self, counts: Mapping[str, int]) -> str:
        """Numbers of records, and that there may be more than these."""
        counted = counts_in_words(counts)
        return counted if self.everything else _("%(records)s (of those you can view)") % {"records": counted}

    def _stranded(self, together: bool) -> str:
        if together and self.everything:
            return _("In total they still own %(records)s that they can no longer view.")
        if together:
            return _("In total they still own %(records)s that they can no longer view (of those you can view).")
        if self.everything:
            return _("Still owns %(records)s without being able to view them.")
        return _("Still owns %(records)s without being able to view them (of those you can view).")


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Numbers of records by type, in words."""
    parts = [
        record_type.counted(number) % {"number": f"{number:,}"}
        for record_type in catalogue.record_types()
        if (number := counts.get(record_type.name, 0))
    ]
    return get_text_list(parts, _("and"))


def _by_reach(sentence: str, found: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    for name, reaches in found.items():
        parts = [
            _("%(number)s by “%(reach)s”") % {"number": f"{number:,}", "reach": reach}
            for reach, number in reaches.items()
        ]
        yield f"  {sentence % {'records': catalogue.record_type(name).nouns, 'numbers': ', '.join(parts)}}"


def _why(found: ScopeGiven) -> str:
    return " + ".join(filter(None, (_because(step) for step in found.steps)))


def _because(step: Step) -> str:
    match step.because:
        case Reason.ROLE | Reason.PARENT | Reason.SUPREME:
            return step.role.name if step.role is not None and (step.scope or step.because is Reason.ROLE) else ""
        case Reason.OVERRIDE:
            return _("override")
        case Reason.OVERRIDE_ENDED | Reason.OVERRIDE_IGNORED:
            return ""
        case because:
            return str(_STATES[because])


_STATES = {
    Reason.ACCOUNT_CLOSED: gettext_lazy("account closed"),
    Reason.PLAN: gettext_lazy("not in the plan"),
    Reason.READ_ONLY: gettext_lazy("account read-only"),
    Reason.INACTIVE: gettext_lazy("deactivated"),
    Reason.OPERATOR: gettext_lazy("operator session"),
    Reason.NO_MEMBERSHIP: gettext_lazy("not a member"),
    Reason.REMOVED: gettext_lazy("removed"),
    Reason.BRANCH_CLOSED: gettext_lazy("branch closed"),
}


def _step(step: Step) -> dict[str, Any]:
    return {
        "because": str(step.because),
        "scope": step.scope.names,
        "role": None if step.role is None else step.role.name,
        "reason": None if step.override is None else step.override.reason,
    }
