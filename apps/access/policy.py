"""The questions: may this user, may they anywhere, and who may (access model, section 5)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial

from django.db import models
from django.utils import timezone

from apps.access.facts import AccountFacts, account_facts, highest_ranked, load_people, load_some
from apps.access.mandate import Mandate, Shares
from apps.access.mandate_cache import mandate_for
from apps.access.records import Record, RecordLike
from apps.access.shares import Subjects, shared_codenames, subjects
from apps.accounts.models import Account, Branch, User
from apps.roles import catalogue
from apps.roles.catalogue import Permission, Target, WrongTarget


def may(user: User, codename: str, obj: models.Model) -> bool:
    """Return whether the user has the permission on this account, branch or record.

    Raises:
        UnknownPermission: the catalogue has no such codename.
        WrongTarget: the permission does not apply to such a target.
    """
    permission = asked_of(codename, obj)
    mandate = mandate_for(user, account_id_of(obj))
    return decide(mandate, permission, obj)


def decide(mandate: Mandate, permission: Permission, obj: models.Model, shares: Shares | None = None) -> bool:
    """Return the Mandate's answer; `shares` reads the relevant shares, by default from the database."""
    if isinstance(obj, Record):
        return mandate.may(permission.codename, obj, shares or share_reader(mandate))
    return mandate.allows(permission.codename, obj.pk if isinstance(obj, Branch) else None)


def may_anywhere(user: User, codename: str, account: Account) -> bool:
    """Return whether a menu should show what this permission guards: is it given anywhere in the account?

    Raises:
        UnknownPermission: the catalogue has no such codename.
    """
    return mandate_for(user, account.pk).allows_anywhere(catalogue.get(codename).codename)


def who_may(
    codename: str, obj: models.Model, account: AccountFacts | None = None, *, now: datetime | None = None
) -> list[User]:
    """Return exactly the active users for whom `may` is true, by email address, without operators in a session.

    The facts of all users on the record's branch (or in the account) to whom a role or an override gives the permission
    are read in a constant number of queries, and decided by the same Mandate as a single question. `account` saves one
    query if the caller has the account's facts. `now` is the time for overrides that end.

    Raises:
        UnknownPermission, WrongTarget: as `may` does.
    """
    user_ids = [mandate.user_id for mandate, _ in mandates_who_may(codename, obj, account, now=now)]
    return list(User.objects.filter(pk__in=user_ids).order_by("email"))


def mandates_who_may(
    codename: str,
    obj: models.Model,
    account: AccountFacts | None = None,
    *,
    now: datetime | None = None,
    known: Subjects | None = None,
) -> list[tuple[Mandate, Shares]]:
    """Return the Mandates of the users in `who_may`, each with a reader of their shares; `known` are a record's shares.

    Raises:
        UnknownPermission, WrongTarget: as `may` does.
    """
    permission = asked_of(codename, obj)
    account = account or account_facts(account_id_of(obj))
    now = now or timezone.now()
    facts = load_people(account, _branches_of(obj), holding=[permission.codename], now=now)
    return list(_deciding(permission, obj, (Mandate(each, now) for each in facts), known))


# Permissions with which a user can grant access.
GIVING = frozenset(
    {
        "grant_record_access",
        "manage_member_permissions",
        "change_roles",
        "invite_members",
        "remove_members",
        "grant_parent_roles",
        "change_parent_roles",
        "manage_subscription",
    }
)


@dataclass
class GranterBatch:
    """Some of the users who can grant access, with their own Mandates."""

    mandates: list[Mandate]

    @cached_property
    def users(self) -> dict[int, User]:
        """Return the users by id, ordered by name."""
        ids = [mandate.user_id for mandate in self.mandates]
        return {user.pk: user for user in User.objects.filter(pk__in=ids).order_by("name", "email")}


class People:
    """The users who can grant access: read once on first use, for many questions in one request.

    Users without any permission of `GIVING` are never an answer. For questions about some branches, the highest-ranking
    users of each are tried first, since hundreds may have such a permission; the others are read only if none of these
    is an answer.
    """

    def __init__(self, account: AccountFacts, branch_ids: Collection[int] | None = None) -> None:
        self._account = account
        self._branch_ids = branch_ids

    def who_may(
        self, codename: str, obj: models.Model, where: Callable[[Mandate], bool] = lambda mandate: True
    ) -> list[User]:
        """Return users as `policy.who_may` does, for a permission of `GIVING`, whose Mandate also satisfies `where`.

        All of the first stage that has any.
        """
        assert codename in GIVING, codename
        permission = asked_of(codename, obj)
        for stage in self.stages():
            user_ids = {mandate.user_id for mandate, _ in _deciding(permission, obj, filter(where, stage.mandates))}
            if user_ids:
                return [user for user_id, user in stage.users.items() if user_id in user_ids]
        return []

    def stages(self) -> Iterator[GranterBatch]:
        """Yield the highest-ranking users of the branches, then all others; without branches, all at once."""
        yield self._first
        if self._branch_ids is not None:
            yield self._others

    @cached_property
    def _first(self) -> GranterBatch:
        if self._branch_ids is None:
            return GranterBatch(self._read())
        candidates = load_some(
            self._account, highest_ranked(self._account, self._branch_ids, GIVING), teams=True
        ).values()
        now = timezone.now()
        return GranterBatch([Mandate(facts, now) for facts in candidates if not facts.operator])

    @cached_property
    def _others(self) -> GranterBatch:
        known = {mandate.user_id for mandate in self._first.mandates}
        return GranterBatch([mandate for mandate in self._read() if mandate.user_id not in known])

    def _read(self) -> list[Mandate]:
        now = timezone.now()
        return [Mandate(facts, now) for facts in load_people(self._account, holding=GIVING)]


def _deciding(
    permission: Permission, obj: models.Model, mandates: Iterable[Mandate], known: Subjects | None = None
) -> Iterator[tuple[Mandate, Shares]]:
    read = _SubjectReader()
    if known is not None and isinstance(obj, Record):
        read.learn(obj, known)
    for mandate in mandates:
        shares = partial(read, mandate.user_id)
        if decide(mandate, permission, obj, shares):
            yield mandate, shares


class _SubjectReader:
    """Reads the share holders of a record once, for any number of users."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, int], Subjects] = {}

    def learn(self, record: RecordLike, holders: Subjects) -> None:
        self._read[record.record_type, record.pk] = holders

    def __call__(self, user_id: int, record: RecordLike, groups: frozenset[int]) -> frozenset[str]:
        key = (record.record_type, record.pk)
        if key not in self._read:
            self._read[key] = subjects(record)
        users, teams = self._read[key]
        return users.get(user_id, frozenset()).union(*(teams.get(group, ()) for group in groups))


def _branches_of(obj: models.Model) -> set[int] | None:
    """Return the branches whose memberships matter: those of a record and of what it is about; None for an account."""
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
    """Return the permission, if it applies to such a target.

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
        raise WrongTarget(f"{permission.codename} applies to an account, a branch or a record, not to {obj!r}.")
    return permission


def account_id_of(obj: models.Model) -> int:
    """Return the id of the account that a target belongs to, or is."""
    account_id: int = obj.pk if isinstance(obj, Account) else obj.account_id  # type: ignore[attr-defined]
    return account_id


def share_reader(mandate: Mandate) -> Shares:
    """Return a reader of a record's shares for the Mandate's user. Shares are never cached."""

    def read(record: RecordLike, groups: frozenset[int]) -> frozenset[str]:
        return shared_codenames(record, mandate.user_id, groups)

    return read
