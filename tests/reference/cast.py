"""A short way to write the world of one example: who is what, and which records there are."""

from collections.abc import Mapping, Sequence

from tests.reference import model
from tests.reference.compiled import Reference
from tests.reference.small import NOW
from tests.reference.world import Organisation, Row, World

CAST = ("ann", "ben", "cem", "dora", "eve")


def record(kind: str, reference: str, created_by: str = "", responsible: str = "", **more: object) -> Row:
    """A record on the branch north, if nothing else is said."""
    row: Row = {"type": kind, "ref": reference, "branch": "north", "name": reference, **more}
    people = {"created_by": created_by, "responsible": responsible}
    return row | {key: person for key, person in people.items() if person}


def override(user: str, permission: str, scope: str | list[str], **more: object) -> Row:
    """An override on the branch north without an end, if nothing else is said."""
    row = {"user": user, "branch": "north", "permission": permission, "scope": scope, "reason": "For now"}
    return row | more


def share(name: str, *permissions: str, **subject: str) -> Row:
    """A share of a record, ``type/reference``, to a user or a team."""
    return {"record": name, **subject, "permissions": list(permissions), "reason": "To help out"}


def world(
    scheme: str,
    roles: Mapping[str, str],
    *,
    teams: Mapping[str, Sequence[str]] | None = None,
    people: Mapping[str, Row] | None = None,
    removed: Sequence[str] = (),
    account: Row | None = None,
    branches: Sequence[Row] = (),
    own: Sequence[Row] = (),
    **parts: Sequence[Row],
) -> World:
    """One account, acme, with the branches north and south; ``roles`` are those on north, ``own`` its own."""
    north: Row = {"slug": "north", "name": "North"}
    north["teams"] = [{"slug": slug, "name": slug, "members": list(who)} for slug, who in (teams or {}).items()]
    members: list[Row] = [
        {"user": user, "branch": "north", "role": role, "status": "removed" if user in removed else "active"}
        for user, role in roles.items()
    ]
    organisation: Organisation = {
        "account": {"slug": "acme", "name": "Acme", "scheme": scheme, "currency": "EUR", **(account or {})},
        "users": [{"email": name, "name": name, **(people or {}).get(name, {})} for name in CAST],
        "branches": branches or [north, {"slug": "south", "name": "South", "teams": []}],
        "roles": own,
        **parts,
        "members": [*members, *parts.get("members", ())],
    }
    return World([organisation], NOW)


def may(asked: World, user: str, permission: str, target: str) -> bool:
    """The decision, on which both forms of the reference must agree."""
    answer = model.may(asked, user, permission, target)
    assert Reference(asked).may(user, permission, target) is answer
    return answer


def reaches(asked: World, user: str, permission: str, place: str = "branch:acme/north") -> set[str]:
    """The effective scope, on which both forms of the reference must agree."""
    answer = model.scope(asked, user, permission, place)
    assert Reference(asked).scope(user, permission, place) == answer
    return set(answer)
