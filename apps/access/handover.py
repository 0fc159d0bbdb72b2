"""What happens to records when people and branches change: who owns them next, and which branch they move to.

The apps that store records know which ones there are and what depends on them: each registers a `RecordKeeper`. The
functions here ask all of them and apply the rules that are the same for every record. Private records are handed over
without being mentioned: no count, refusal or progress depends on them (access model, section 5).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from django.db import transaction
from django.db.models import Q
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.access import records, shares
from apps.accounts.models import Account, Branch, User
from apps.roles import catalogue
from apps.teams.models import Membership

Counts = Mapping[str, Mapping[int, int]]
"""How many records, by type and branch; what is private, or about something private, is in no count."""
Progress = Callable[[int], None]
"""Is told of so many more records."""


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The records that a user owns in an account, or on one of its branches.

    With `seen_by`, it holds only what that person can view, and a hand-over needs their `assign_record` on all of it.
    """

    account: Account
    user: User
    branch: Branch | None = None
    seen_by: User | None = None


@dataclass(frozen=True, slots=True)
class HandOver:
    """Hand private records over to this user."""

    user_id: int


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete private records."""


@dataclass(frozen=True, slots=True)
class HandOverPlan:
    """The new owner for each record type; None for no owner. Types that are not named keep their owner.

    `private` is always required, so that the plan never shows whether there are any; None leaves them as they are.
    """

    to: Mapping[str, int | None]
    private: HandOver | Delete | None


@dataclass(frozen=True, slots=True)
class Recipient:
    """A new owner, and the open branches on which they are an active member."""

    user: User
    branches: frozenset[int]


Receivers = Mapping[int, Recipient]


class RecordKeeper(Protocol):
    """An app's part in it, for the record types that it keeps. It never counts private records."""

    @property
    def record_types(self) -> Collection[str]: ...

    def count(self, portfolio: Portfolio) -> Counts:
        """Count the records in the portfolio."""

    def in_the_way(self, portfolio: Portfolio, plan: HandOverPlan) -> Mapping[str, int]:
        """Count, for each missing permission of the person who sees the portfolio, the planned records without it."""

    def hand_over(
        self, portfolio: Portfolio, plan: HandOverPlan, receivers: Receivers, *, actor: User | None, progress: Progress
    ) -> Counts:
        """Carry out a checked plan on the branches of its recipients and return the numbers of changed records."""

    def move(self, source: Branch, target: Branch, *, actor: User | None, progress: Progress) -> Counts:
        """Move the records of one branch to another and return their numbers."""


class HandOverRefused(Exception):
    """A refused hand-over, in one sentence."""


class NotARecipient(HandOverRefused):
    """Only an active member of a record's branch can own it. The sentence names no other people."""

    def __init__(self, places: Iterable[str]) -> None:
        names = get_text_list(list(places), _("and"))
        super().__init__(_("Choose an active member of %(names)s: only they can own records there.") % {"names": names})


class NotAssignable(HandOverRefused):
    """The person who sees the portfolio lacks permissions: the number of records by codename."""

    def __init__(self, missing: Mapping[str, int]) -> None:
        each = [
            ngettext(
                "“%(permission)s” on %(number)s of the records",
                "“%(permission)s” on %(number)s of the records",
                number,
            )
            % {"permission": catalogue.get(codename).label, "number": f"{number:,}"}
            for codename, number in missing.items()
        ]
        super().__init__(
            _("You need %(missing)s. Leave out that record type, or ask a colleague who has the permission.")
            % {"missing": get_text_list(each, _("and"))}
        )
        self.missing = dict(missing)


@dataclass(frozen=True, slots=True)
class MovingRecords:
    """Records that will get another owner or branch: which (a condition on any type), and the recipients."""

    records: Q
    users: frozenset[int] = frozenset()
    branches: frozenset[int] = frozenset()


_keepers: list[RecordKeeper] = []
_watching: ContextVar[Callable[[MovingRecords], None] | None] = ContextVar("watching", default=None)


@contextmanager
def watched(by: Callable[[MovingRecords], None]) -> Iterator[None]:
    """Call `by` before each hand-over or move inside the block, so that a preview can measure it."""
    token = _watching.set(by)
    try:
        yield
    finally:
        _watching.reset(token)


def _announce(going: MovingRecords) -> None:
    if (watcher := _watching.get()) is not None:
        watcher(going)


def register(keeper: RecordKeeper) -> None:
    """Register a keeper that takes part in every hand-over and move."""
    _keepers.append(keeper)


def record_types() -> list[str]:
    """Return the record types that have a keeper."""
    return [name for keeper in _keepers for name in keeper.record_types]


def count(portfolio: Portfolio) -> Counts:
    """Count the records in the portfolio."""
    return _joined(keeper.count(portfolio) for keeper in _keepers)


def check(portfolio: Portfolio, plan: HandOverPlan) -> Counts:
    """Count the records that would change owner, without writing.

    Raises:
        NotARecipient: a recipient is the user, inactive, or no active member of a branch with records. A recipient of
            private records must belong to every branch on which the user is, or was, a member.
        NotAssignable: the person who sees the portfolio can view more than they can assign.
        ValueError: a type has no keeper.
    """
    counts, _receivers = _checked(portfolio, plan)
    return counts


def hand_over(
    portfolio: Portfolio, plan: HandOverPlan, *, actor: User | None, progress: Progress = lambda more: None
) -> Counts:
    """Hand over the portfolio as planned and return the numbers of changed records.

    `actor` is named in the records' history; None is the operator at the command line. Permissions are checked if the
    portfolio has `seen_by`; otherwise by the caller. If private records are deleted, the caller has logged the reason.

    Raises:
        NotARecipient, NotAssignable, ValueError: as `check` does; nothing is written.
    """
    with transaction.atomic():
        _found, receivers = _checked(portfolio, plan)
        records_of = Q(account=portfolio.account, responsible=portfolio.user)
        place = Q() if portfolio.branch is None else Q(branch=portfolio.branch)
        _announce(MovingRecords(records_of & place, users=frozenset({portfolio.user.pk, *receivers})))
        return _joined(
            keeper.hand_over(portfolio, plan, receivers, actor=actor, progress=progress) for keeper in _keepers
        )


def move(source: Branch, target: Branch, *, actor: User | None, progress: Progress = lambda more: None) -> Counts:
    """Move all records of a branch to another of the account and return the numbers of moved records.

    Owners, links and privacy stay. Shares of users stay, and count if the user is a member of the new branch. Shares of
    the old branch's teams have no effect there and are deleted: the caller has logged the reason.

    Raises:
        ValueError: the target is the source, closed, or in another account.
    """
    if source.pk == target.pk or source.account_id != target.account_id or target.status != Branch.Status.ACTIVE:
        raise ValueError(f"Records of {source} can only move to another open branch of the same account.")
    with transaction.atomic():
        _announce(MovingRecords(Q(branch=source), branches=frozenset({source.pk, target.pk})))
        for name in records.registered():
            if share_tables := shares.tables(name):
                of_teams = share_tables[1]._default_manager.filter(account=source.account_id)
                of_teams.filter(content_object__branch=source, group__team__branch=source).delete()
        return _joined(keeper.move(source, target, actor=actor, progress=progress) for keeper in _keepers)


def _checked(portfolio: Portfolio, plan: HandOverPlan) -> tuple[Counts, Receivers]:
    if unknown := plan.to.keys() - set(record_types()):
        raise ValueError(f"Records of the type {min(unknown)} can't be handed over.")
    counts = {name: branches for name, branches in count(portfolio).items() if name in plan.to}
    receivers = _receivers(portfolio, plan)
    _check_receivers(portfolio, plan, counts, receivers)
    missing: Counter[str] = Counter()
    for keeper in _keepers:
        missing.update(keeper.in_the_way(portfolio, plan))
    if missing:
        raise NotAssignable(missing)
    return counts, receivers


def _receivers(portfolio: Portfolio, plan: HandOverPlan) -> dict[int, Recipient]:
    """Return the plan's recipients who can own records in the account at all."""
    wanted = {user_id for user_id in plan.to.values() if user_id is not None}
    if isinstance(plan.private, HandOver):
        wanted.add(plan.private.user_id)
    places: dict[int, set[int]] = defaultdict(set)
    members = Membership.objects.active().filter(account=portfolio.account, user__in=wanted, user__is_active=True)
    for user_id, branch_id in members.exclude(user=portfolio.user).values_list("user", "branch"):
        places[user_id].add(branch_id)
    users = User.objects.in_bulk(list(places))
    return {user_id: Recipient(users[user_id], frozenset(branches)) for user_id, branches in places.items()}


def _check_receivers(portfolio: Portfolio, plan: HandOverPlan, counts: Counts, receivers: Receivers) -> None:
    named = set() if portfolio.branch is None else {portfolio.branch.pk}
    asked = [(user_id, named | set(counts.get(name, ()))) for name, user_id in plan.to.items() if user_id is not None]
    if isinstance(plan.private, HandOver):
        asked.append((plan.private.user_id, named or _memberships(portfolio)))
    lacking = {
        branch_id
        for user_id, branches in asked
        for branch_id in branches
        if user_id not in receivers or branch_id not in receivers[user_id].branches
    }
    if lacking:
        names = Branch.objects.filter(pk__in=lacking).order_by("name", "pk")
        raise NotARecipient(str(branch) for branch in names)
    if any(user_id not in receivers for user_id, _ in asked):
        raise NotARecipient([str(portfolio.account)])


def _memberships(portfolio: Portfolio) -> set[int]:
    """Return the open branches where the user is, or was, a member: private records may or may not be there."""
    memberships = Membership.objects.filter(account=portfolio.account, user=portfolio.user)
    return set(memberships.filter(branch__status=Branch.Status.ACTIVE).values_list("branch", flat=True))


def _joined(parts: Iterable[Counts]) -> Counts:
    return {name: branches for part in parts for name, branches in part.items()}
