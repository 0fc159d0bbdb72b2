"""The context of a change: the locked account, the actor, and everything read behind the lock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.access.facts import AccountFacts, Facts, RoleFacts, account_facts, load_some, role_facts
from apps.access.mandate import Mandate
from apps.accounts.models import Account, Branch, User
from apps.changes.refusals import NoSuchTarget
from apps.roles.models import Role
from apps.roles.schemes import Scheme

M = TypeVar("M", bound=models.Model)

# The id of the operator at the command line: no user has it.
CONSOLE_ID = 0


class ChangeContext:
    """An account whose row is locked until the commit, and the actor.

    `actor` None is the operator at the command line; `reason` is the reason of the change. Everything is read behind
    the lock, so permissions are checked at the commit and not when the page was opened.
    """

    def __init__(self, account: Account, actor: User | None, reason: str) -> None:
        self.account = account
        self.actor = actor
        self.reason = reason
        self.now = timezone.now()
        self._mandates: dict[tuple[int, datetime], Mandate] = {}
        self._facts: dict[int, Facts] = {}
        self._roles: dict[int, RoleFacts] = {}
        self._names: dict[int, str] = {}

    @classmethod
    def lock(cls, account_id: int, actor: User | None, reason: str) -> ChangeContext:
        """Lock the account's row, as the first statement of a change.

        Raises:
            NoSuchTarget: the account doesn't exist.
        """
        account = Account.objects.select_for_update(no_key=True).filter(pk=account_id).first()
        if account is None:
            raise NoSuchTarget(_("That account doesn't exist."))
        return cls(account, actor, reason)

    @classmethod
    def of_page(cls, account: Account, own: Mandate, actor: User, theirs: Facts) -> ChangeContext:
        """Return a context without a lock, for a page that shows in advance what a guard would say."""
        context = cls(account, actor, "")
        context.facts = own.facts.account
        context.actors[actor.pk] = own.facts
        context._facts = {actor.pk: own.facts, theirs.user_id: theirs}
        return context

    @property
    def scheme(self) -> Scheme:
        """Return the role system that the account follows."""
        return self.account.role_system

    @cached_property
    def facts(self) -> AccountFacts:
        """Return the account's part of the facts."""
        return account_facts(self.account.pk)

    @cached_property
    def branches(self) -> Mapping[int, Branch]:
        """Return every branch of the account, closed ones included."""
        return {branch.pk: branch for branch in Branch.objects.filter(account=self.account).order_by("pk")}

    def branch(self, branch_id: int) -> Branch:
        """Return the branch with that id in this account.

        Raises:
            NoSuchTarget: there is none.
        """
        if branch_id not in self.branches:
            raise NoSuchTarget(_("That branch doesn't exist in %(account)s.") % {"account": self.account})
        return self.branches[branch_id]

    def find(self, model: type[M], pk: int, noun: str) -> M:
        """Return the row with that id in this account.

        Raises:
            NoSuchTarget: this account has none, whether another account has it or not.
        """
        row = model._default_manager.filter(account=self.account, pk=pk).first()
        if row is None:
            raise NoSuchTarget(
                _("That %(noun)s doesn't exist in %(account)s.") % {"noun": noun, "account": self.account}
            )
        return row

    def people(self, user_ids: Iterable[int]) -> dict[int, Facts]:
        """Return the facts of these users in the account, without teams; read once, in a constant number of queries."""
        wanted = set(user_ids)
        if missing := wanted - self._facts.keys():
            self._facts |= load_some(self.facts, missing, known=self._roles)
        return {user_id: self._facts[user_id] for user_id in wanted if user_id in self._facts}

    def forget(self) -> None:
        """Forget the facts that were read, to save memory in bulk changes."""
        self._facts.clear()
        self._names.clear()

    def role(self, role_id: int) -> RoleFacts:
        """Return a role with its grants, built-in or custom, of any role system.

        Raises:
            NoSuchTarget: there is none with that id.
        """
        if role_id not in self._roles:
            roles = Role.objects.filter(Q(account_id=None) | Q(account_id=self.account.pk), pk=role_id)
            self._roles |= {role.id: role for role in role_facts(roles)}
        if role_id not in self._roles:
            raise NoSuchTarget(_("That role doesn't exist in %(account)s.") % {"account": self.account})
        return self._roles[role_id]

    @cached_property
    def _usable(self) -> frozenset[int]:
        usable = Role.objects.usable_in(self.account.pk, self.account.scheme)
        return frozenset(usable.order_by().values_list("pk", flat=True))

    def usable_role(self, role_id: int) -> RoleFacts:
        """Return a role that the account can give: built-in in its role system, or custom.

        Raises:
            NoSuchTarget: there is none with that id.
        """
        if role_id not in self._usable:
            raise NoSuchTarget(_("That role doesn't exist in %(account)s.") % {"account": self.account})
        return self.role(role_id)

    def acting(self, user: User | None = None, at: datetime | None = None) -> Mandate:
        """Return the Mandate of the actor (or of the user who is checked instead) at a time, by default now."""
        judged = user or self.actor
        user_id = CONSOLE_ID if judged is None else judged.pk
        facts = self._acting_facts(user_id)
        instant = self.now
        if at is not None and at > self.now:
            # Access is the same between two ends.
            instant = max((end for end in facts.ends if self.now < end <= at), default=self.now)
        key = (user_id, instant)
        if key not in self._mandates:
            self._mandates[key] = Mandate(facts, instant)
        return self._mandates[key]

    def _acting_facts(self, user_id: int) -> Facts:
        if user_id == CONSOLE_ID:
            return Facts(CONSOLE_ID, active=True, operator=True, account=self.facts, parent=None, memberships={})
        return self.actors[user_id]

    @cached_property
    def actors(self) -> dict[int, Facts]:
        """Return the complete facts of the acting user; further users are read on demand."""
        return _FactsByUser(self.facts)

    def name(self, user_id: int) -> str:
        """Return the user's name for sentences."""
        if user_id not in self._names:
            self.learn_names([user_id])
        return self._names.get(user_id, "somebody")

    def learn_names(self, user_ids: Collection[int]) -> None:
        """Read these names in one query."""
        users = User.objects.filter(pk__in=user_ids).only("id", "name", "email")
        self._names |= {user.pk: str(user) for user in users}


class _FactsByUser(dict[int, Facts]):
    """Return facts by user, with their teams, read on first access."""

    def __init__(self, account: AccountFacts) -> None:
        super().__init__()
        self._account = account

    def __missing__(self, user_id: int) -> Facts:
        facts: Any = load_some(self._account, [user_id], teams=True)[user_id]
        self[user_id] = facts
        return self[user_id]
