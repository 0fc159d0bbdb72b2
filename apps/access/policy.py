"""The questions: may this user, may they anywhere, and who may (access model, section 5)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial

from django.db import models
from django.utils import timezone

from apps.access.facts import load_people
from apps.access.mandate import Mandate, Shares
from apps.access.mandates import mandate_for
from apps.access.records import Record, RecordLike
from apps.access.shares import shared_codenames, subjects
from apps.accounts.models import Account, Branch, User
from apps.roles import catalogue
from apps.roles.catalogue import Permission, Target, WrongTarget


def may(user: User, codename: str, obj: models.Model) -> bool:
    """Whether the user may do this to this very account, branch or record.

    Raises:
        UnknownPermission: the catalogue lacks the codename.
        WrongTarget: it is asked of something that it is not asked of, or of nothing.
    """
    permission = asked_of(codename, obj)
    mandate = mandate_for(user, account_id_of(obj))
    return decide(mandate, permission, obj)


def decide(mandate: Mandate, permission: Permission, obj: models.Model, shares: Shares | None = None) -> bool:
    """The Mandate's answer; `shares` reads the shares that it may depend on, else the database is asked."""
    if isinstance(obj, Record):
        return mandate.may(permission.codename, obj, shares or share_reader(mandate))
    return mandate.allows(permission.codename, obj.pk if isinstance(obj, Branch) else None)


def may_anywhere(user: User, codename: str, account: Account) -> bool:
    """Whether a menu should show what this permission guards: is it given anywhere in the account?

    Raises:
        UnknownPermission: the catalogue lacks the codename.
    """
    return mandate_for(user, account.pk).allows_anywhere(catalogue.get(codename).codename)


def who_may(codename: str, obj: models.Model) -> list[User]:
    """Exactly the active users for whom `may` is true, by address; operators are left out.

    The facts of everybody on the record's branch (or in the account) are loaded in a constant number of queries and go
    through the same Mandate as a single question does.

    Raises:
        UnknownPermission, WrongTarget: as `may` does.
    """
    found = [mandate.user_id for mandate in mandates_who_may(codename, obj)]
    return list(User.objects.filter(pk__in=found).order_by("email"))


def mandates_who_may(codename: str, obj: models.Model, among: Iterable[Mandate] | None = None) -> Iterator[Mandate]:
    """The Mandates behind `who_may`: of everybody who may. `among` holds everybody's, for one who asks repeatedly.

    Raises:
        UnknownPermission, WrongTarget: as `may` does.
    """
    permission, read = asked_of(codename, obj), _SubjectReader()
    for mandate in everybody(account_id_of(obj), _branches_of(obj)) if among is None else among:
        if decide(mandate, permission, obj, partial(read, mandate.user_id)):
            yield mandate


def everybody(account_id: int, branch_ids: Collection[int] | None = None) -> Iterator[Mandate]:
    """The Mandates of everybody who may do anything in the account, or on these branches of it."""
    now = timezone.now()
    for facts in load_people(account_id, branch_ids):
        yield Mandate(facts, now)


class _SubjectReader:
    """Reads who holds shares of a record once, however many users are asked about."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, int], tuple[Mapping[int, frozenset[str]], Mapping[int, frozenset[str]]]] = {}

    def __call__(self, user_id: int, record: RecordLike, groups: frozenset[int]) -> frozenset[str]:
        key = (record.record_type, record.pk)
        if key not in self._read:
            self._read[key] = subjects(record)
        users, teams = self._read[key]
        return users.get(user_id, frozenset()).union(*(teams.get(group, ()) for group in groups))


def _branches_of(obj: models.Model) -> set[int] | None:
    """The branches whose memberships can decide: a record's own and those of what it is about; None for an account."""
    if isinstance(obj, Branch):
        return {obj.pk}
    if not isinstance(obj, Record):
        return None
    branches = set()
    seen: Record | None = obj
    while seen is not None:
        branches.add(seen.branch_id)
        seen = seen.about
    return branches


def asked_of(codename: str, obj: models.Model) -> Permission:
    """The permission, where it is asked of such a thing.

    Raises:
        UnknownPermission, WrongTarget: as `may` does.
    """
    permission = catalogue.get(codename)
    if isinstance(obj, Record):
        catalogue.check_target(permission, Target.RECORD, obj.record_type)
    elif isinstance(obj, Branch):
        catalogue.check_target(permission, Target.BRANCH)
    elif isinstance(obj, Account):
        catalogue.check_target(permission, Target.ACCOUNT)
    else:
        raise WrongTarget(f"{permission.codename} is asked of an account, a branch or a record, not of {obj!r}.")
    return permission


def account_id_of(obj: models.Model) -> int:
    """The account that a thing belongs to, or is."""
    account_id: int = obj.pk if isinstance(obj, Account) else obj.account_id  # type: ignore[attr-defined]
    return account_id


def share_reader(mandate: Mandate) -> Shares:
    """Reads a record's shares for the Mandate's user. Shares are never kept."""

    def read(record: RecordLike, groups: frozenset[int]) -> frozenset[str]:
        return shared_codenames(record, mandate.user_id, groups)

    return read
