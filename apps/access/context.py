"""The access context: what the person behind a request may do in the current account. The whole admin uses it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.access import records
from apps.access.errors import MissingPermission
from apps.access.mandate import Mandate
from apps.access.mandate_cache import mandate_for, some_accounts_of
from apps.access.models import OperatorSession
from apps.access.operators import current_session
from apps.access.policy import People, asked_of, decide, share_reader, who_may
from apps.access.querysets import visible
from apps.access.records import Record, RecordLike
from apps.access.shares import tables as share_tables
from apps.accounts.models import Account, Branch, User
from apps.accounts.preferences import RowsPerPage
from apps.roles import catalogue

_ATTRIBUTE = "_desk"
_T = TypeVar("_T")


class AccessContext:
    """One user in one account, for one request. Answers are cached: a write is checked on the record as it was read."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.account: Account | None = user.current_account
        self._answers: dict[tuple[str, str, Any], bool] = {}
        self._kept: dict[str, Any] = {}

    def once(self, name: str, find: Callable[[], _T]) -> _T:
        """Return what `find` returned on the first call with this name."""
        if name not in self._kept:
            self._kept[name] = find()
        found: _T = self._kept[name]
        return found

    @property
    def rows_per_page(self) -> int:
        """Return the page length of lists in the current account."""
        return RowsPerPage.MIDDLE if self.account is None else self.account.preferences.rows_per_page

    @cached_property
    def mandate(self) -> Mandate | None:
        """Return the user's Mandate in the account; None for a user without an account."""
        return None if self.account is None else mandate_for(self.user, self.account.pk)

    @cached_property
    def people(self) -> People | None:
        """Return the users who can grant access in the account; None outside of one."""
        if self.mandate is None:
            return None
        return People(self.mandate.facts.account, [branch.pk for branch in self.branches])

    def who_may(self, codename: str, obj: models.Model) -> list[User]:
        """Return `policy.who_may` for a target in the current account."""
        return who_may(codename, obj, None if self.mandate is None else self.mandate.facts.account)

    @cached_property
    def operator_session(self) -> OperatorSession | None:
        """Return the open session in which the user is a platform operator; outside of an account it is read here."""
        session: OperatorSession | None = self.user.operator_session
        return current_session(self.user) if session is None and self.account is None else session

    @property
    def may_open_session(self) -> bool:
        """Return whether the user is a superuser without an open session."""
        return self.user.is_superuser and self.operator_session is None

    @property
    def account_id(self) -> int:
        """Return the account's id.

        Raises:
            PermissionDenied: the user has no account.
        """
        if self.account is None:
            raise PermissionDenied
        return self.account.pk

    def may(self, codename: str, obj: models.Model) -> bool:
        """Return `policy.may`, computed once for each target in a request."""
        key = (codename, obj._meta.label, obj.pk)
        if key not in self._answers:
            mandate = self.mandate
            self._answers[key] = mandate is not None and decide(mandate, asked_of(codename, obj), obj)
        return self._answers[key]

    def may_anywhere(self, codename: str) -> bool:
        """Return whether a menu should show what the permission guards."""
        mandate = self.mandate
        return mandate is not None and mandate.allows_anywhere(catalogue.get(codename).codename)

    def require(self, codename: str, obj: models.Model | None = None) -> None:
        """Require the permission on the object, or without one anywhere in the account.

        Raises:
            MissingPermission: the user lacks it.
            PermissionDenied: the user has no account.
        """
        if self.account is None:
            raise PermissionDenied
        if not (self.may_anywhere(codename) if obj is None else self.may(codename, obj)):
            raise MissingPermission(codename, obj or self.account)

    def rows(self, codename: str, record_type: str) -> QuerySet[Any]:
        """Return the records of a type on which the user has the permission; none outside of an account."""
        mandate = self.mandate
        if mandate is None:
            return records.model_of(record_type)._default_manager.none()
        return visible(mandate, codename, record_type)

    def allowed(self, codename: str, record_type: str, ids: Iterable[int]) -> set[int]:
        """Return the records among these on which the user has the permission, in one query."""
        return set(self.rows(codename, record_type).filter(pk__in=list(ids)).values_list("pk", flat=True))

    def allowed_of(self, codename: str, rows: Sequence[Record]) -> set[int]:
        """Return which of these loaded records the user has the permission on; at most one query for all shares."""
        mandate = self.mandate
        if mandate is None or not rows:
            return set()
        permission, shares = asked_of(codename, rows[0]), _ShareLookup(mandate, rows)
        return {row.pk for row in rows if decide(mandate, permission, row, shares)}

    @cached_property
    def accounts(self) -> Sequence[Account]:
        """Return the accounts that the user can work in, as the middleware read them."""
        return some_accounts_of(self.user) if self.user.accounts is None else self.user.accounts

    @cached_property
    def branches(self) -> Sequence[Branch]:
        """Return the open branches that the user can see: their own, or all of them with a parent role."""
        mandate = self.mandate
        if mandate is None:
            return []
        found = Branch.objects.filter(account=self.account_id, status=Branch.Status.ACTIVE).order_by("name", "pk")
        if mandate.facts.parent is None and not mandate.operator:
            found = found.filter(pk__in=[branch_id for branch_id, _, _ in mandate.branches()])
        for branch in (branches := list(found)):
            branch.account = self.account or branch.account
        return branches

    def branches_where(self, codename: str) -> list[Branch]:
        """Return the open branches on which the user has a branch permission."""
        return [branch for branch in self.branches if self.may(codename, branch)]

    @property
    def role_names(self) -> list[str]:
        """Return the user's roles in the account, the parent role first."""
        mandate = self.mandate
        if mandate is None:
            return []
        if mandate.operator:
            return [_("Platform operator")]
        parent = [mandate.facts.parent.name] if mandate.facts.parent else []
        return list(dict.fromkeys([*parent, *(membership.role.name for _, membership, _ in mandate.branches())]))


class _ShareLookup:
    """Reads the shares of several records at once when the first one is needed."""

    def __init__(self, mandate: Mandate, rows: Sequence[Record]) -> None:
        self._mandate = mandate
        self._type = rows[0].record_type
        self._ids = [row.pk for row in rows]
        self._one = share_reader(mandate)
        self._read: dict[tuple[str, frozenset[int]], dict[int, frozenset[str]]] = {}

    def __call__(self, record: RecordLike, groups: frozenset[int]) -> frozenset[str]:
        several = record.record_type == self._type and record.pk in self._ids
        key = (record.record_type if several else f"{record.record_type} {record.pk}", groups)
        if key not in self._read:
            self._read[key] = self._load(groups) if several else {record.pk: self._one(record, groups)}
        return self._read[key].get(record.pk, frozenset())

    def _load(self, groups: frozenset[int]) -> dict[int, frozenset[str]]:
        found: dict[int, set[str]] = {}
        tables = share_tables(self._type)
        if tables is not None:
            of_user, of_team = (table._default_manager.filter(content_object__in=self._ids) for table in tables)
            columns = ("content_object_id", "permission__codename")
            given = of_user.filter(user=self._mandate.user_id).values_list(*columns)
            if groups:
                given = given.union(of_team.filter(group__in=sorted(groups)).values_list(*columns))
            for pk, codename in given:
                found.setdefault(pk, set()).add(codename)
        return {pk: frozenset(codenames) for pk, codenames in found.items()}


def access_of(request: HttpRequest) -> AccessContext:
    """Return the access context of the request's user.

    Raises:
        PermissionDenied: no user is signed in.
    """
    access: AccessContext | None = getattr(request, _ATTRIBUTE, None)
    if access is None:
        if not isinstance(request.user, User):
            raise PermissionDenied
        access = AccessContext(request.user)
        setattr(request, _ATTRIBUTE, access)
    return access


def links_of(model: type[models.Model]) -> dict[str, str]:
    """Return the foreign keys of a model that refer to records, with the record type of each."""
    return {
        field.name: field.related_model.record_type
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey)
        and isinstance(field.related_model, type)
        and issubclass(field.related_model, Record)
    }


def veil(access: AccessContext, rows: Sequence[models.Model], shown: Collection[str] | None = None) -> None:
    """Clear, in memory, each link to a record that the user can't see, and load the others.

    Invisible records leave no trace (access model, section 5), whichever page, column or form shows the link. This
    takes one query for each linked record type. If a page names the links it shows, the others are cleared without a
    check. The rows are never saved: services write by id.
    """
    if not rows:
        return
    links = links_of(type(rows[0]))
    for name in set() if shown is None else links.keys() - set(shown):
        for row in rows:
            setattr(row, name, None)
    wanted: dict[str, set[int]] = {}
    for name, record_type in links.items():
        ids = {value for row in rows if (value := getattr(row, f"{name}_id")) is not None}
        wanted.setdefault(record_type, set()).update(ids)
    in_sight = {
        record_type: {row.pk: row for row in access.rows(f"view_{record_type}", record_type).filter(pk__in=ids)}
        for record_type, ids in wanted.items()
        if ids
    }
    for row in rows:
        for name, record_type in links.items():
            value = getattr(row, f"{name}_id")
            if value is not None:
                setattr(row, name, in_sight[record_type].get(value))
