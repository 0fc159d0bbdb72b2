"""What an organisation file must not state; the worlds of the tests are held to it."""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

from tests.conformance import tables
from tests.conformance.tables import CATALOGUE
from tests.reference.model import instant, reaches_of, role_is
from tests.reference.world import Organisation, Row, codename

SECTIONS = (
    "account",
    "users",
    "branches",
    "members",
    "parent_roles",
    "roles",
    "overrides",
    "records",
    "shares",
)


def faults(organisation: Organisation) -> list[str]:
    """Every reason to refuse the file; none, where it is valid."""
    users = [user["email"] for user in organisation.get("users", ())]
    named = {row["user"] for part in ("members", "parent_roles", "overrides") for row in organisation.get(part, ())}
    named |= {user for branch in organisation["branches"] for team in branch["teams"] for user in team["members"]}
    found = [f"{email} is no user of the file" for email in named - set(users)]
    found += [f"unknown section {key}" for key in organisation.keys() - set(SECTIONS) - {"mandate"}]
    found += _twice("user", users)
    found += _twice("branch", [branch["slug"] for branch in organisation["branches"]])
    return [
        *found,
        *_roles(organisation),
        *_overrides(organisation),
        *_records(organisation),
        *_shares(organisation),
    ]


def _twice(what: str, keys: Sequence[Hashable]) -> list[str]:
    return [f"{what} {key} twice" for key, times in Counter(keys).items() if times > 1]


def _roles(organisation: Organisation) -> Iterator[str]:
    scheme = organisation["account"]["scheme"]
    published, own = tables.roles(scheme), {role["key"] for role in organisation.get("roles", ())}
    active = {user["email"] for user in organisation.get("users", ()) if user.get("active", True)}
    members, parents = organisation.get("members", []), organisation.get("parent_roles", [])
    if len(organisation["branches"]) > 1 and not tables.rules(scheme)["many_branches"]:
        yield "a second branch"
    if own and not tables.rules(scheme)["custom_roles"]:
        yield "own roles"
    for role in organisation.get("roles", ()):
        if published[role["based_on"]].locked or published[role["based_on"]].kind != "branch":
            yield f"{role['key']} is based on a role that cannot be copied"
    for row in members:
        if row["role"] not in own and published[row["role"]].kind != "branch":
            yield f"{row['role']} is no branch role"
    for row in parents:
        if published[row["role"]].kind != "parent":
            yield f"{row['role']} is no parent role"
    yield from _twice("membership", [(row["user"], row["branch"]) for row in members])
    yield from _twice("parent role", [row["user"] for row in parents])
    yield from _twice("single role", [row["role"] for row in members if role_is(organisation, row["role"], "single")])
    top = tables.top_roles(scheme)
    kept = {row["user"] for row in members if row.get("status", "active") == "active" and row["role"] in top}
    kept |= {row["user"] for row in parents if row["role"] in top}
    if not kept & active:
        yield "no active holder of a supreme or top branch role"


def _overrides(organisation: Organisation) -> Iterator[str]:
    rows = organisation.get("overrides", [])
    yield from _twice("override", [(row["user"], row["branch"], codename(row["permission"])) for row in rows])
    roles = {(member["user"], member["branch"]): member["role"] for member in organisation.get("members", ())}
    for row in rows:
        if not row["reason"].strip():
            yield "an override without a reason"
        role = roles.get((row["user"], row["branch"]))
        if role is not None and role_is(organisation, role, "locked"):
            yield f"an override on the locked role {role}"
        if CATALOGUE[codename(row["permission"])].target != "record" and row["scope"] not in ("all", "none"):
            yield f"{row['permission']} knows only all and none"
        if not isinstance(row["scope"], str) and not row["scope"]:
            yield "an empty scope is written none"
        if row.get("expires") is not None and instant(row["expires"]).tzinfo is None:
            yield "a time without zone"
        reaches_of(row["scope"])


def _records(organisation: Organisation) -> Iterator[str]:
    rows: list[Row] = organisation.get("records", [])
    users = {user["email"] for user in organisation.get("users", ())}
    known = {(row["type"], row["ref"]): row for row in rows}
    yield from _twice("record", [(row["type"], row["ref"]) for row in rows])
    for row in rows:
        name = f"{row['type']}/{row['ref']}"
        if {row.get("created_by"), row.get("responsible")} - users - {None}:
            yield f"{name} names a stranger"
        if row.get("private") and (row["type"] != "contact" or not row.get("responsible")):
            yield f"{name} cannot be private"
        if row["type"] == "activity" and not row.get("about"):
            yield f"{name} is about nothing"
        if row.get("about"):
            kind, _, reference = row["about"].partition("/")
            subject = known.get((kind, reference))
            if row["type"] not in ("task", "activity") or subject is None or subject["branch"] != row["branch"]:
                yield f"{name} cannot be about {row['about']}"


def _shares(organisation: Organisation) -> Iterator[str]:
    rows = organisation.get("shares", [])
    known = {f"{row['type']}/{row['ref']}": row for row in organisation.get("records", ())}
    teams = {f"{b['slug']}/{t['slug']}": b["slug"] for b in organisation["branches"] for t in b["teams"]}
    users = {user["email"] for user in organisation.get("users", ())}
    yield from _twice("share", [(row["record"], row.get("user"), row.get("team")) for row in rows])
    for row in rows:
        record = known[row["record"]]
        if record["type"] == "activity" or record.get("private"):
            yield f"a share on {row['record']}"
        if {f"{verb}_{record['type']}" for verb in row["permissions"]} - CATALOGUE.keys():
            yield f"a share of what {record['type']} has not"
        if ("user" in row) == ("team" in row) or not row["permissions"] or not row["reason"].strip():
            yield f"a share on {row['record']} without one subject, permissions and a reason"
        if row.get("user") is not None and row["user"] not in users:
            yield f"a share to the stranger {row['user']}"
        if row.get("team") is not None and teams.get(row["team"]) != record["branch"]:
            yield f"a share to the team {row['team']} of another branch"
