"""What a change of access starts from and ends in: a world of plain, immutable, comparable rows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from tests.conformance import tables
from tests.conformance.tables import Reaches, Role


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who signs in; ``superuser`` is an operator in an open session, ``details`` what a colleague may edit."""

    name: str
    active: bool = True
    superuser: bool = False
    mfa: bool = True
    details: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch, active or closed."""

    slug: str
    status: str = "active"
    title: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A membership, active or removed."""

    user: str
    branch: str
    role: str
    status: str = "active"


@dataclass(frozen=True, slots=True)
class ParentRole:
    """A user's account-wide role."""

    user: str
    role: str


@dataclass(frozen=True, slots=True)
class Override:
    """A member's own scope for one permission on one branch, without an end or until ``ends``."""

    user: str
    branch: str
    permission: str
    scope: Reaches
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """A team of a branch and who is in it."""

    branch: str
    slug: str
    members: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a branch; ``ref`` is unique for its kind."""

    kind: str
    ref: str
    branch: str
    creator: str | None = None
    responsible: str | None = None
    private: bool = False

    @property
    def name(self) -> str:
        """As shares name it."""
        return f"{self.kind}/{self.ref}"


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a record, ``lead/L-1``, to a user or to a team, ``north/sales``."""

    record: str
    user: str | None
    team: str | None
    verbs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation to some branches, or to all (None); pending, accepted or cancelled. No inviter: the operator."""

    key: str
    user: str
    role: str
    branches: frozenset[str] | None
    inviter: str | None
    sent: datetime
    status: str = "pending"


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody's request of a permission for themselves; open, approved or declined."""

    key: str
    user: str
    branch: str
    permission: str
    scope: Reaches
    status: str = "open"


@dataclass(frozen=True, slots=True)
class OwnRole:
    """An account's own role: a published one with other grants."""

    key: str
    based_on: str
    grants: frozenset[tuple[str, Reaches]] = frozenset()


@dataclass(frozen=True, slots=True)
class Account:
    """An account with all that is its own; ``features`` None is a plan without limits."""

    slug: str
    scheme: str
    status: str = "active"
    features: frozenset[str] | None = None
    branches: frozenset[Branch] = frozenset()
    members: frozenset[Member] = frozenset()
    parent_roles: frozenset[ParentRole] = frozenset()
    overrides: frozenset[Override] = frozenset()
    teams: frozenset[Team] = frozenset()
    records: frozenset[Record] = frozenset()
    shares: frozenset[Share] = frozenset()
    invitations: frozenset[Invitation] = frozenset()
    requests: frozenset[Request] = frozenset()
    roles: frozenset[OwnRole] = frozenset()

    @property
    def open_branches(self) -> list[str]:
        """The slugs of the branches that are not closed."""
        return sorted(branch.slug for branch in self.branches if branch.status == "active")


@dataclass(frozen=True, slots=True)
class World:
    """Every account, the users that they have in common, and the instant."""

    now: datetime
    users: frozenset[User]
    accounts: frozenset[Account]


def account_of(world: World, slug: str) -> Account | None:
    """An account by its slug."""
    return next((account for account in world.accounts if account.slug == slug), None)


def user_of(world: World, name: str | None) -> User | None:
    """A user by name."""
    return next((user for user in world.users if user.name == name), None)


def member_of(account: Account, user: str, branch: str) -> Member | None:
    """The membership of a branch, in whatever state."""
    return next((row for row in account.members if (row.user, row.branch) == (user, branch)), None)


def active_member(account: Account, user: str, branch: str) -> Member | None:
    """The membership that gives something: active, on an open branch."""
    found = member_of(account, user, branch)
    return found if found is not None and found.status == "active" and branch in account.open_branches else None


def parent_role_of(account: Account, user: str) -> ParentRole | None:
    """The account-wide role."""
    return next((row for row in account.parent_roles if row.user == user), None)


def record_of(account: Account, name: str) -> Record | None:
    """A record by the name that shares use."""
    return next((row for row in account.records if row.name == name), None)


def team_of(account: Account, name: str) -> Team | None:
    """A team by ``branch/slug``."""
    return next((row for row in account.teams if f"{row.branch}/{row.slug}" == name), None)


def own_role(account: Account, key: str) -> OwnRole | None:
    """One of the account's own roles."""
    return next((row for row in account.roles if row.key == key), None)


def role_of(account: Account, key: str) -> Role | None:
    """The marks and the rank of a role: published, or own (its original's rank and no marks)."""
    found = tables.roles(account.scheme)
    own = own_role(account, key)
    return found.get(key) if own is None else Role("branch", found[own.based_on].rank, False, False, False)


def grantable(account: Account, role: str, permission: str) -> bool:
    """Whether an override of the permission could count for a holder of the role."""
    own = own_role(account, role)
    return tables.expected(account.scheme)[role if own is None else own.based_on][permission][1]


def joined(account: Account, user: str, role: str, branches: Iterable[str]) -> Account:
    """The account with the user as an active member, in this role, of each of these branches."""
    slugs = set(branches)
    others = {row for row in account.members if row.user != user or row.branch not in slugs}
    return replace(account, members=frozenset(others | {Member(user, slug, role) for slug in slugs}))
