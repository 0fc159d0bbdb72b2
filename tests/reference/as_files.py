"""A world of plain rows as the organisation files of ``world``, of which ``model`` decides."""

from collections.abc import Iterator
from datetime import datetime

from tests.conformance.tables import Reaches
from tests.reference.model import ALL
from tests.reference.state import Account, OwnRole, Record, World
from tests.reference.world import Row
from tests.reference.world import World as Files


def written(scope: Reaches) -> str | list[str]:
    """A scope as a file says it."""
    return "all" if scope == ALL else sorted(scope) or "none"


def own_role_row(row: OwnRole) -> Row:
    """An own role as a file says it."""
    grants = {name: written(scope) for name, scope in sorted(row.grants)}
    return {"key": row.key, "name": row.key.title(), "based_on": row.based_on, "grants": grants}


def _record(row: Record) -> Row:
    found: Row = {"type": row.kind, "ref": row.ref, "branch": row.branch, "name": row.ref}
    people = {"created_by": row.creator, "responsible": row.responsible}
    found |= {key: person for key, person in people.items() if person is not None}
    return found | ({"private": True} if row.private else {})


def _organisation(world: World, account: Account) -> Iterator[tuple[str, object]]:
    features = None if account.features is None else sorted(account.features)
    named = {"name": account.slug.title(), "currency": "EUR", "status": account.status, "features": features}
    yield "account", {"slug": account.slug, "scheme": account.scheme, **named}
    yield (
        "users",
        [
            {"email": row.name, "name": row.name, "active": row.active, "superuser": row.superuser}
            for row in sorted(world.users, key=lambda row: row.name)
        ],
    )
    yield (
        "branches",
        [
            {
                "slug": branch.slug,
                "name": branch.title or branch.slug,
                "status": branch.status,
                "teams": [
                    {"slug": row.slug, "name": row.slug, "members": sorted(row.members)}
                    for row in sorted(account.teams, key=lambda row: row.slug)
                    if row.branch == branch.slug
                ],
            }
            for branch in sorted(account.branches, key=lambda row: row.slug)
        ],
    )
    yield "roles", [own_role_row(row) for row in sorted(account.roles, key=lambda row: row.key)]
    yield (
        "members",
        [
            {"user": row.user, "branch": row.branch, "role": row.role, "status": row.status}
            for row in sorted(account.members, key=lambda row: (row.user, row.branch))
        ],
    )
    yield "parent_roles", [{"user": row.user, "role": row.role} for row in account.parent_roles]
    yield (
        "overrides",
        [
            {"user": row.user, "branch": row.branch, "permission": row.permission, "scope": written(row.scope)}
            | {"reason": "As agreed"}
            | ({} if row.ends is None else {"expires": row.ends.isoformat()})
            for row in account.overrides
        ],
    )
    yield "records", [_record(row) for row in sorted(account.records, key=lambda row: row.name)]
    yield (
        "shares",
        [
            {"record": row.record, "permissions": sorted(row.verbs), "reason": "As agreed"}
            | ({"user": row.user} if row.user is not None else {"team": row.team})
            for row in account.shares
        ],
    )


def files(world: World, at: datetime | None = None) -> Files:
    """The world as organisation files, of which ``model`` decides; at its own instant, or at another."""
    organisations = [
        dict(_organisation(world, account)) for account in sorted(world.accounts, key=lambda each: each.slug)
    ]
    return Files(organisations, at or world.now)
