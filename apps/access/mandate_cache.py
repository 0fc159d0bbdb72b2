"""Compile Mandates once and cache them as long as the account's version and the user's state are unchanged.

A cached Mandate is used only after the account's `access_version`, the user's flags and an operator's session were read
from the primary; any change of access raises the version in its own transaction. So a revocation applies from the next
request on. Only overrides and operator sessions end by time, each at its own end.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from typing import Any, NamedTuple

from django.db.models import Exists, Q, Subquery
from django.utils import timezone

from apps.access.facts import load
from apps.access.mandate import Mandate
from apps.access.models import OperatorSession
from apps.access.operators import current_session
from apps.accounts.models import Account, AccountQuerySet, User

KEPT = 2048
SWITCHABLE = 100


class _State(NamedTuple):
    """The state for which a cached Mandate was compiled."""

    version: int
    active: bool
    operator_until: datetime | None


_kept: OrderedDict[tuple[int, int], tuple[_State, Mandate]] = OrderedDict()
_lock = Lock()


def mandate_for(user: User, account_id: int) -> Mandate:
    """Return the user's Mandate in an account: that of the user's request, a valid cached one, or a new one.

    Raises:
        User.DoesNotExist, Account.DoesNotExist: one of them no longer exists.
    """
    account = user.current_account
    if account is None or account.pk != account_id:
        state = _state(user.pk, account_id)
    else:
        session = user.operator_session
        state = _State(account.access_version, user.is_active, session.expires_at if session else None)
    mandate = _holding(user.pk, account_id, state)
    return mandate if user.viewed_by is None else mandate.without_secrets


def bind_account(user: User, account: Account) -> None:
    """Bind this user object to the account: for a request, or for one batch of a long job.

    Both objects must be fresh from the database: answers depend on their state until they are bound again. The same
    applies to a superuser's operator session, which is read here.
    """
    user.current_account = account
    user.operator_session = current_session(user)


def accounts_of(user: User) -> AccountQuerySet:
    """Return the open accounts that the user can work in, by name: as a member or with a parent role.

    A platform operator in an open session can work in every account, closed ones included.
    """
    accounts = Account.objects.select_related("stored_preferences").order_by("name", "pk")
    memberships = Q(memberships__user=user, memberships__status="active", memberships__branch__status="active")
    own = accounts.open().filter(memberships | Q(parent_memberships__user=user)).distinct()
    if not user.is_superuser:
        return own
    operating = Exists(OperatorSession.objects.open().filter(user=user))
    return accounts.filter(operating | Q(pk__in=own.order_by().values("pk")))


def some_accounts_of(user: User) -> list[Account]:
    """Return the accounts that a page offers to the user; at most a hundred, since operators can work in every one."""
    return list(accounts_of(user)[:SWITCHABLE])


def choose_account(user: User, chosen: int | None, among: Sequence[Account] | None = None) -> Account | None:
    """Return the account to work in: the chosen one while the user belongs to it, else their first, else None.

    `among` are the `some_accounts_of` the user, if the caller has read them.
    """
    accounts = some_accounts_of(user) if among is None else among
    found = own_account(user, accounts, pk=chosen) if chosen else None
    return found or next(iter(accounts), None)


def own_account(user: User, accounts: Sequence[Account], **wanted: Any) -> Account | None:
    """Return the user's account with that key or slug: from the given ones, or else from the database."""
    ((name, value),) = wanted.items()
    found = next((account for account in accounts if getattr(account, name) == value), None)
    if found is None and len(accounts) >= SWITCHABLE:
        found = accounts_of(user).filter(**wanted).first()
    return found


def forget_kept() -> None:
    """Clear the cache of this process, for a process that changes its database."""
    with _lock:
        _kept.clear()


def _holding(user_id: int, account_id: int, state: _State) -> Mandate:
    key = (user_id, account_id)
    with _lock:
        kept = _kept.get(key)
        if kept is not None:
            _kept.move_to_end(key)
    if kept is not None and kept[0] == state:
        mandate = kept[1]
        if mandate.valid_until is None or timezone.now() < mandate.valid_until:
            return mandate
    facts = load(user_id, account_id)
    mandate = Mandate(facts, timezone.now())
    with _lock:
        _kept[key] = (_State(facts.account.version, facts.active, facts.operator_until), mandate)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return mandate


def _state(user_id: int, account_id: int) -> _State:
    active = Subquery(User.objects.filter(pk=user_id).values("is_active"))
    until = Subquery(OperatorSession.objects.end_of(user_id))
    row = Account.objects.values_list("access_version", active, until).get(pk=account_id)
    return _State(*row)
