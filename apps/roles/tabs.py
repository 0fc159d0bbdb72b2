"""The catalogue as a scheme shows it: its categories as tabs, by their published names, without what it hides."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from apps.roles import catalogue
from apps.roles.catalogue import CATEGORIES, Permission, RecordType
from apps.roles.schemes import Scheme

MATRIX_VERBS = ("add", "view", "change", "delete", "export")
PROJECTS = "projects"


@dataclass(frozen=True, slots=True)
class Tab:
    """A category with its permissions; `matrix` has those of the record types, a row for each type."""

    key: str
    title: str
    permissions: tuple[Permission, ...]
    matrix: tuple[tuple[RecordType, tuple[str, ...]], ...] = ()


def shown_tabs(scheme: Scheme, features: Collection[str] | None, also: Collection[str] = ()) -> list[Tab]:
    """The tabs in the order of the catalogue.

    A tab or a record type that the scheme hides is shown where the account's features name Projects (for what belongs
    to it), and for those permissions of it that are in `also`.
    """
    projects = features is not None and PROJECTS in features
    hidden_types = frozenset() if projects else frozenset(scheme.hidden_types)
    hidden_tabs = frozenset(scheme.hidden_tabs) - ({PROJECTS} if projects else set())
    found: dict[str, list[Permission]] = {key: [] for key in CATEGORIES}
    for permission in catalogue.permissions():
        of_hidden_types = bool(permission.record_types) and hidden_types.issuperset(permission.record_types)
        if permission.codename in also or (permission.category not in hidden_tabs and not of_hidden_types):
            found[permission.category].append(permission)
    return [
        Tab(key, scheme.tabs.get(key) or str(CATEGORIES[key]), tuple(permissions), _matrix(permissions))
        for key, permissions in found.items()
        if permissions
    ]


def _matrix(permissions: Collection[Permission]) -> tuple[tuple[RecordType, tuple[str, ...]], ...]:
    shown = {permission.codename for permission in permissions if permission.verb in MATRIX_VERBS}
    return tuple(
        (record_type, tuple(f"{verb}_{record_type.name}" for verb in MATRIX_VERBS))
        for record_type in catalogue.record_types()
        if any(f"{verb}_{record_type.name}" in shown for verb in MATRIX_VERBS)
    )
