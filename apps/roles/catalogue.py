"""The permission catalogue: every permission of the product, once.

Each app states its own in `permissions.py`; the registry is filled at start-up and closed to doubles.
Codenames are unique over all apps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_noop as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class UnknownPermission(LookupError):
    """No permission has this codename."""


class WrongTarget(ValueError):
    """The permission is not asked of this kind of thing."""


class Target(StrEnum):
    """What a permission is asked of."""

    ACCOUNT = "account"
    BRANCH = "branch"
    RECORD = "record"


CATEGORIES: Mapping[str, StrOrPromise] = MappingProxyType(
    {
        "organisation": gettext_lazy("Organisation"),
        "customisation": gettext_lazy("Customisation"),
        "billing": gettext_lazy("Billing"),
        "team": gettext_lazy("Team"),
        "parent_roles": gettext_lazy("Parent roles"),
        "records": gettext_lazy("Records"),
        "access_control": gettext_lazy("Access control"),
        "audit_reports": gettext_lazy("Audit and reports"),
        "data_tools": gettext_lazy("Data tools"),
        "sales": gettext_lazy("Sales"),
        "communication": gettext_lazy("Communication"),
        "projects": gettext_lazy("Projects"),
        "security": gettext_lazy("Security"),
    }
)
SHAREABLE_VERBS = ("view", "change", "delete", "export")


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that can be allowed.

    `record_types` lists the types that a record permission is asked of; empty means every type.
    `needs` are codenames of the same branch or record (section 4); `needs_view` adds `view_T` of the record's own type.
    `feature` is the plan feature that it belongs to. `unsuspended`: it holds while the account is read-only, although
    it changes something.
    `term` and `explained` are its name and its help in English; of a verb on records, the name has a place for them.
    """

    codename: str
    app: str
    term: str
    category: str
    target: Target
    explained: str = ""
    danger: bool = False
    needs: tuple[str, ...] = ()
    needs_view: bool = False
    record_types: tuple[str, ...] = ()
    verb: str = ""
    feature: str | None = None
    unsuspended: bool = False
    published_as: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What people read, in their language."""
        if self.verb:
            return gettext(self.term) % {"records": record_type(self.record_types[0]).nouns}
        return gettext(self.term)

    @property
    def help_text(self) -> str:
        """What it lets people do, in their language; empty where the label says it."""
        return gettext(self.explained)

    @property
    def full_name(self) -> str:
        """The app before the codename, as Django's `has_perm` wants it."""
        return f"{self.app}.{self.codename}"

    @property
    def holds_read_only(self) -> bool:
        """Whether it holds while the account is read-only: to look, to take data along, and to mend that state."""
        return self.unsuspended or self.codename.startswith(("view_", "export_"))


@dataclass(frozen=True, slots=True)
class RecordType:
    """A kind of record, and the permissions that come with it.

    `follows_about`: such a record is seen only by those who may view the record that it is about.
    `shareable`: a user or a team may be given a share of it.
    `term`, `term_plural` and `term_within` (several of it, within a sentence) are its names in English. `counted` gives
    the words for so many of it, with a place for the `number`.
    """

    name: str
    app: str
    term: str
    term_plural: str
    verbs: tuple[str, ...]
    term_within: str
    counted: Callable[[int], str]
    follows_about: bool = False
    shareable: bool = True

    @property
    def label(self) -> str:
        """One of it, as a title in the reader's language."""
        return gettext(self.term)

    @property
    def label_plural(self) -> str:
        """Several of it, as a title in the reader's language."""
        return gettext(self.term_plural)

    @property
    def nouns(self) -> str:
        """Several of it, within a sentence in the reader's language."""
        return gettext(self.term_within)

    @property
    def share_verbs(self) -> tuple[str, ...]:
        """The verbs that a share of such a record can give."""
        return tuple(verb for verb in SHAREABLE_VERBS if verb in self.verbs) if self.shareable else ()


_permissions: dict[str, Permission] = {}
_record_types: dict[str, RecordType] = {}

_VERB_LABELS = {
    "add": _("Create %(records)s"),
    "view": _("View %(records)s"),
    "change": _("Edit %(records)s"),
    "delete": _("Delete %(records)s"),
    "export": _("Export %(records)s"),
    "merge": _("Merge %(records)s"),
}
_VERB_NEEDS = {
    "change": ("view",),
    "delete": ("view",),
    "export": ("view",),
    "merge": ("view", "change", "delete"),
}
_DANGEROUS_VERBS = frozenset({"delete", "export", "merge"})


def register(permission: Permission) -> None:
    """Add one permission.

    Raises:
        ValueError: the codename is taken, or the category is unknown.
    """
    if permission.codename in _permissions:
        taken = _permissions[permission.codename]
        raise ValueError(f"Permission {permission.full_name} is registered already, by {taken.full_name}.")
    if permission.category not in CATEGORIES:
        raise ValueError(f'Permission {permission.full_name} names the unknown category "{permission.category}".')
    _permissions[permission.codename] = permission


def register_record_type(record_type: RecordType) -> None:
    """Add a record type with its permissions: `add_` is asked of a branch, the other verbs of a record.

    Raises:
        ValueError: the type, or one of its codenames, is registered already.
    """
    if record_type.name in _record_types:
        raise ValueError(f'Record type "{record_type.name}" is registered already.')
    _record_types[record_type.name] = record_type
    for verb in record_type.verbs:
        register(
            Permission(
                codename=f"{verb}_{record_type.name}",
                app=record_type.app,
                term=_VERB_LABELS[verb],
                category="records",
                target=Target.BRANCH if verb == "add" else Target.RECORD,
                danger=verb in _DANGEROUS_VERBS,
                needs=tuple(f"{needed}_{record_type.name}" for needed in _VERB_NEEDS.get(verb, ())),
                record_types=(record_type.name,),
                verb=verb,
            )
        )


def get(codename: str) -> Permission:
    """The permission of that codename, with or without the app before it.

    Raises:
        UnknownPermission: there is none.
    """
    app, _, bare = codename.rpartition(".")
    permission = _permissions.get(bare)
    if permission is None or (app and app != permission.app):
        raise UnknownPermission(f'There is no permission "{codename}".')
    return permission


def permissions() -> Iterator[Permission]:
    """Every permission, in the order of the catalogue: by category, then as registered."""
    order = {category: place for place, category in enumerate(CATEGORIES)}
    return iter(sorted(_permissions.values(), key=lambda permission: order[permission.category]))


def record_type(name: str) -> RecordType:
    """The record type of that name.

    Raises:
        LookupError: there is none.
    """
    try:
        return _record_types[name]
    except KeyError:
        raise LookupError(f'There is no record type "{name}".') from None


def record_types() -> Sequence[RecordType]:
    """Every record type, as registered."""
    return tuple(_record_types.values())


def check_target(permission: Permission, target: Target, type_name: str | None = None) -> None:
    """Let a question pass that asks `permission` of the right kind of thing.

    Raises:
        WrongTarget: it is asked of something else; the message says of what it is asked.
    """
    right_type = type_name is None or not permission.record_types or type_name in permission.record_types
    if permission.target is target and right_type:
        return
    asked = permission.record_types[0] if permission.record_types and permission.target is Target.RECORD else ""
    noun = asked or str(permission.target)
    article = "an" if noun[0] in "aeiou" else "a"
    given = type_name or str(target)
    raise WrongTarget(
        f"{permission.codename} is asked of {article} {noun}, not of {'an' if given[0] in 'aeiou' else 'a'} {given}."
    )


def direct_needs(permission: Permission, type_name: str | None, extra: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """What a permission needs at first hand. `extra` holds a scheme's own additions, verb to verbs."""
    yield from permission.needs
    if permission.needs_view and type_name:
        yield f"view_{type_name}"
    if permission.verb and permission.target is Target.RECORD:
        for verb in extra.get(permission.verb, ()):
            yield f"{verb}_{permission.record_types[0]}"


def closure(
    codename: str, type_name: str | None = None, extra: Mapping[str, Iterable[str]] = MappingProxyType({})
) -> tuple[str, ...]:
    """The permission's prerequisites, and theirs (section 4), in the order of need: the first is checked first.

    `codename` itself comes last. What `extra` or `needs` name and the catalogue lacks (`change_T` of a type
    without it) is left out.

    Raises:
        UnknownPermission: `codename` is unknown.
    """
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        for needed in direct_needs(_permissions[name], type_name, extra):
            if needed in _permissions and needed not in ordered and needed != codename:
                visit(needed)
        ordered[name] = None

    visit(get(codename).codename)
    return tuple(ordered)
