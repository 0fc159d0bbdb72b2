"""Shares: access to one record for a user or a team. The only module that imports django-guardian.

A share is a guardian object permission in a direct-foreign-key table of its record type. Guardian does not know the
columns account, author, time and reason, so shares are written here and not by guardian's shortcuts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import models
from django.db.models import QuerySet, Value
from django.utils import timezone
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from apps.access.records import RecordLike
from apps.accounts.models import Account
from apps.audit.text import MultiLineField
from apps.roles import catalogue


class ShareColumns(models.Model):
    """The columns of every share besides the record, the permission and its subject."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    granted_at = models.DateTimeField(default=timezone.now)
    reason = MultiLineField()

    class Meta:
        """An abstract base."""

        abstract = True


class UserShare(ShareColumns, UserObjectPermissionBase):
    """A permission of one user on one record; each record type's own table adds `content_object`."""

    class Meta(UserObjectPermissionBase.Meta):
        """A user has a permission on a record once; the index also serves the lists."""

        abstract = True
        default_permissions = ()


class TeamShare(ShareColumns, GroupObjectPermissionBase):
    """A permission of one team (its group) on one record; each record type's own table adds `content_object`."""

    class Meta(GroupObjectPermissionBase.Meta):
        """A team has a permission on a record once; the index also serves the lists."""

        abstract = True
        default_permissions = ()


_tables: dict[str, tuple[type[UserShare], type[TeamShare]]] = {}
_permission_ids: dict[str, int] = {}


def register(record_type: str, user_table: type[UserShare], team_table: type[TeamShare]) -> None:
    """Bind a record type to the two tables of its shares."""
    _tables[record_type] = (user_table, team_table)


def tables(record_type: str) -> tuple[type[UserShare], type[TeamShare]] | None:
    """Return the tables of user shares and of team shares, or None for a record type without shares."""
    return _tables.get(record_type)


def share_codename(codename: str, record_type: str) -> str | None:
    """Return the permission whose share counts for `codename` on such a record (section 2); None if none does.

    `view`, `change`, `delete` and `export` count for themselves; for every other record permission `view` counts.
    """
    if record_type not in _tables:
        return None
    verb, _, name = codename.partition("_")
    if name == record_type and verb in catalogue.SHAREABLE_VERBS:
        return codename
    return f"view_{record_type}"


def permission_id(codename: str) -> int:
    """Return the id of Django's permission row for shares of `codename`; all are read on first use.

    Raises:
        LookupError: no share gives such a permission.
    """
    if codename not in _permission_ids:
        names = [f"{verb}_{name}" for name in _tables for verb in catalogue.record_type(name).share_verbs]
        rows = Permission.objects.filter(codename__in=names).values_list("codename", "content_type__app_label", "pk")
        _permission_ids.update({name: pk for name, app, pk in rows if catalogue.get(name).app == app})
    return _permission_ids[codename]


def codename_of(permission: int) -> str:
    """Return the codename of a permission row that shares refer to.

    Raises:
        LookupError: shares don't refer to it.
    """
    if permission not in _permission_ids.values():
        permission_id(f"view_{next(iter(_tables))}")
    for codename, pk in _permission_ids.items():
        if pk == permission:
            return codename
    raise LookupError(f"No share gives the permission {permission}.")


def shared_codenames(record: RecordLike, user_id: int, group_ids: Iterable[int]) -> frozenset[str]:
    """Return the permissions that shares of this record give the user, directly or through these teams' groups."""
    share_tables = tables(record.record_type)
    if share_tables is None:
        return frozenset()
    user_table, team_table = share_tables
    shared = user_table._default_manager.filter(content_object=record.pk, user=user_id).values_list(
        "permission__codename"
    )
    groups = list(group_ids)
    if groups:
        shared = shared.union(
            team_table._default_manager.filter(content_object=record.pk, group__in=groups).values_list(
                "permission__codename"
            )
        )
    return frozenset(codename for (codename,) in shared)


def of_group(group_id: int) -> list[TeamShare]:
    """Return every share of a team, by its group, with the records."""
    return [
        share
        for _, table in _tables.values()
        for share in table._default_manager.filter(group=group_id).select_related("content_object")
    ]


def of_user(user_id: int, branch_id: int) -> list[UserShare]:
    """Return every share of a user on the records of a branch, with the records."""
    return [
        share
        for table, _ in _tables.values()
        for share in table._default_manager.filter(user=user_id, content_object__branch=branch_id).select_related(
            "content_object"
        )
    ]


def shared_ids(record_type: str, codename: str, user_id: int, group_ids: Iterable[int]) -> QuerySet[Any] | None:
    """Return the ids of records on which a share gives the user this permission; None if there can be none."""
    share_tables = tables(record_type)
    if share_tables is None:
        return None
    user_table, team_table = share_tables
    permission = permission_id(codename)
    ids: QuerySet[Any] = user_table._default_manager.filter(user=user_id, permission=permission).values(
        "content_object"
    )
    groups = list(group_ids)
    if groups:
        ids = ids.union(
            team_table._default_manager.filter(group__in=groups, permission=permission).values("content_object")
        )
    return ids


@dataclass(frozen=True, slots=True)
class NewShare:
    """A share to write: a verb such as `view` on one record, for a user or for a team's group."""

    account_id: int
    record_type: str
    record_id: int
    verb: str
    reason: str
    user_id: int | None = None
    group_id: int | None = None
    granted_by_id: int | None = None


def grant_many(rows: Iterable[NewShare]) -> int:
    """Write shares, one statement for each table and batch, and return how many.

    Raises:
        ValueError: a record of that type can't be shared.
        IntegrityError: one of them exists already.
    """
    by_table: dict[type[UserShare] | type[TeamShare], list[UserShare | TeamShare]] = {}
    for row in rows:
        share_tables = tables(row.record_type)
        if share_tables is None:
            raise ValueError(f"Records of the type {row.record_type} have no shares.")
        table = share_tables[0] if row.group_id is None else share_tables[1]
        columns: dict[str, Any] = {
            "content_object_id": row.record_id,
            "permission_id": permission_id(f"{row.verb}_{row.record_type}"),
            "account_id": row.account_id,
            "granted_by_id": row.granted_by_id,
            "reason": row.reason,
        }
        columns |= {"user_id": row.user_id} if row.group_id is None else {"group_id": row.group_id}
        by_table.setdefault(table, []).append(table(**columns))
    for table, share_rows in by_table.items():
        table._default_manager.bulk_create(share_rows, batch_size=2_000)
    return sum(len(share_rows) for share_rows in by_table.values())


Subjects = tuple[Mapping[int, frozenset[str]], Mapping[int, frozenset[str]]]
"""Who holds shares of a record: codenames by user id, and codenames by the team's group id."""


def subjects(record: RecordLike) -> Subjects:
    """Return the share holders of a record."""
    return subjects_of_many(record.record_type, [record.pk])[record.pk]


def subjects_of_many(record_type: str, record_ids: Iterable[int]) -> dict[int, Subjects]:
    """Return the share holders of each of these records, in one query."""
    collected: dict[int, tuple[dict[int, set[str]], dict[int, set[str]]]] = {key: ({}, {}) for key in record_ids}
    share_tables: tuple[Any, ...] = tables(record_type) or ()
    parts = [
        table._default_manager.filter(content_object__in=list(collected))
        .order_by()
        .values_list(Value(place), "content_object", ("user_id", "group_id")[place], "permission__codename")
        for place, table in enumerate(share_tables)
    ]
    for place, record_id, subject, codename in parts[0].union(*parts[1:], all=True) if parts else ():
        collected[record_id][place].setdefault(subject, set()).add(codename)
    return {key: (_frozen(users), _frozen(groups)) for key, (users, groups) in collected.items()}


def _frozen(codenames: Mapping[int, set[str]]) -> Mapping[int, frozenset[str]]:
    return {subject: frozenset(names) for subject, names in codenames.items()}
