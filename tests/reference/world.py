"""Worlds: what the organisation files say, and how users, permissions and targets are found in them.

A world is the organisation files (one for each account) and an instant. Beside the keys of the file these
may be given, for states that no file can state: ``status`` of an account (active, closing, closed) and of a
branch (active, closed), ``features`` of an account (a list; left out, the plan has no limits), ``superuser``
of a user (an operator in an open session).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tests.conformance.tables import CATALOGUE, TYPES

Organisation = dict[str, Any]
Row = dict[str, Any]


class Unknown(LookupError):
    """There is no such user, permission, account, branch or record."""


class WrongTarget(ValueError):
    """The permission is not asked of this kind of target."""


class World(NamedTuple):
    """Every account of an installation, and the instant that is asked about."""

    organisations: Sequence[Organisation]
    now: datetime


class Target(NamedTuple):
    """What a permission is asked of: the account, a branch of it, or a record on that branch."""

    organisation: Organisation
    branch: str | None = None
    record: Row | None = None


def codename(permission: str) -> str:
    """The codename of a permission that may be written with its app. Raises Unknown."""
    name = permission.rpartition(".")[2]
    if name not in CATALOGUE:
        raise Unknown(permission)
    return name


def organisation_of(world: World, slug: str) -> Organisation:
    """The organisation of an account. Raises Unknown."""
    for organisation in world.organisations:
        if organisation["account"]["slug"] == slug:
            return organisation
    raise Unknown(slug)


def user_of(world: World, email: str) -> Row:
    """A user, with what any of the files says of them. Raises Unknown."""
    rows = [u for o in world.organisations for u in o.get("users", ()) if u["email"] == email]
    if not rows:
        raise Unknown(email)
    return {key: value for row in rows for key, value in row.items()}


def record_of(organisation: Organisation, kind: str, reference: str) -> Row:
    """A record by its type and reference. Raises Unknown."""
    for record in organisation.get("records", ()):
        if record["type"] == kind and record["ref"] == reference:
            return dict(record)
    raise Unknown(f"{kind}/{reference}")


def branch_of(organisation: Organisation, slug: str) -> Row:
    """A branch by its slug. Raises Unknown."""
    for branch in organisation.get("branches", ()):
        if branch["slug"] == slug:
            return dict(branch)
    raise Unknown(slug)


def target_of(world: World, target: str) -> Target:
    """What ``account:acme``, ``branch:acme/north`` or ``lead:acme/L-17`` names. Raises Unknown."""
    kind, _, path = target.partition(":")
    slug, _, rest = path.partition("/")
    organisation = organisation_of(world, slug)
    if kind == "account" and not rest:
        return Target(organisation)
    if kind == "branch":
        return Target(organisation, branch_of(organisation, rest)["slug"])
    record = record_of(organisation, kind, rest)
    return Target(organisation, record["branch"], record)


def record_types(name: str) -> frozenset[str]:
    """The record types of whose records a permission is asked; none, if it is not asked of records."""
    if CATALOGUE[name].target != "record":
        return frozenset()
    if name in {"view_client_talk", "view_team_talk"}:
        return frozenset({"project"})
    named = name.rpartition("_")[2]
    return frozenset({named} if named in TYPES else TYPES)


def check_target(name: str, target: Target) -> None:
    """Raises WrongTarget where the permission is not asked of such a thing."""
    if target.record is not None:
        fits = target.record["type"] in record_types(name)
    else:
        fits = CATALOGUE[name].target == ("account" if target.branch is None else "branch")
    if not fits:
        raise WrongTarget(name)
