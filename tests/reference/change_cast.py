"""A short way to write the world before one change: who is what in the account acme, branches north and south."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.conformance import tables
from tests.conformance.tables import REACHES
from tests.reference.effects import after
from tests.reference.kinds import Change
from tests.reference.small import NOW
from tests.reference.state import (
    Account,
    Branch,
    Invitation,
    Member,
    Override,
    ParentRole,
    Record,
    Request,
    Share,
    Team,
    User,
    World,
)

A, NORTH, SOUTH = "acme", "north", "south"
CAST = ("ann", "ben", "cem", "dora", "eve")
NONE, ALL, ASSIGNED, CREATED = REACHES["-"], REACHES["P"], REACHES["R"], REACHES["C"]
VIEW = frozenset({"view"})
SOON, LATER = NOW + timedelta(days=1), NOW + timedelta(days=30)


def world(
    scheme: str,
    held: Mapping[str, str],
    /,
    *,
    south: Mapping[str, str] | None = None,
    parents: Mapping[str, str] | None = None,
    removed: Collection[str] = (),
    inactive: Collection[str] = (),
    operators: Collection[str] = (),
    **parts: Any,
) -> World:
    """``held`` are the roles on north, ``removed`` are removed there; the parts are the account's rows and marks."""
    branches = {Branch(NORTH)} | ({Branch(SOUTH)} if tables.rules(scheme)["many_branches"] else set())
    members = {Member(user, NORTH, role, "removed" if user in removed else "active") for user, role in held.items()}
    members |= {Member(user, SOUTH, role) for user, role in (south or {}).items()}
    rows: dict[str, Any] = {
        name: frozenset(part) if isinstance(part, list | set) else part for name, part in parts.items()
    }
    account = Account(
        A,
        scheme,
        branches=frozenset(branches),
        members=frozenset(members),
        parent_roles=frozenset(ParentRole(user, role) for user, role in (parents or {}).items()),
    )
    users = frozenset(User(name, name not in inactive, name in operators) for name in CAST)
    return World(NOW, users, frozenset({replace(account, **rows)}))


def only(asked: World) -> Account:
    """The account of a world that has one."""
    (account,) = asked.accounts
    return account


def changed(asked: World, *changes: Change, actor: str | None = None) -> World:
    """The world after all of these, whether anybody may or not."""
    for change in changes:
        asked = after(asked, change, actor)
    return asked


def override(user: str, permission: str, scope: frozenset[str] = ALL, ends: datetime | None = None) -> Override:
    """An override on north."""
    return Override(user, NORTH, permission, scope, ends)


def lead(creator: str | None = None, responsible: str | None = None) -> Record:
    """The lead L-1 on north."""
    return Record("lead", "L-1", NORTH, creator, responsible)


def shared(user: str | None, *verbs: str, team: str | None = None) -> Share:
    """A share of the lead L-1."""
    return Share("lead/L-1", user, team, frozenset(verbs))


def team(*members: str) -> Team:
    """The team north/sales."""
    return Team(NORTH, "sales", frozenset(members))


def invitation(user: str, role: str, inviter: str | None, *branches: str, sent: datetime = NOW) -> Invitation:
    """A pending invitation; to all branches, where none is named."""
    return Invitation("i", user, role, frozenset(branches) or None, inviter, sent)


def request(user: str, permission: str, scope: frozenset[str] = ALL) -> Request:
    """An open request on north."""
    return Request("r", user, NORTH, permission, scope)
