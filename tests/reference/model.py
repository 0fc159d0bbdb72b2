"""The access model read straight from its definitions, without a thought for speed.

Sections are those of the access model; what a world is, ``world`` says.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from tests.conformance import tables
from tests.conformance.tables import CATALOGUE, Reaches
from tests.reference.world import (
    Organisation,
    Row,
    World,
    WrongTarget,
    branch_of,
    check_target,
    codename,
    organisation_of,
    record_of,
    record_types,
    target_of,
    user_of,
)

ALL: Reaches = frozenset({"all"})
NONE: Reaches = frozenset()
SHARED_VERBS = ("view", "change", "delete", "export")
FEATURES = {"manage_roles": "custom_roles", "add_branch": "branches", "manage_autoflows": "automation"}


# Section 1: roles


def role_grants(organisation: Organisation, key: str) -> dict[str, tuple[Reaches, bool]]:
    """What a role gives: published, or own, where what the original never grants is not given either."""
    published = tables.expected(organisation["account"]["scheme"])
    if key in published:
        return published[key]
    (own,) = (role for role in organisation.get("roles", ()) if role["key"] == key)
    grants = dict(published[own["based_on"]])
    for permission, given in own.get("grants", {}).items():
        name = codename(permission)
        if grants[name][1]:
            grants[name] = (reaches_of(given), True)
    return grants


def role_is(organisation: Organisation, key: str, mark: str) -> bool:
    """Whether a role is marked locked, supreme or single; own roles are none of these."""
    published = tables.roles(organisation["account"]["scheme"])
    return key in published and bool(getattr(published[key], mark))


def reaches_of(written: str | Sequence[str]) -> Reaches:
    """The set of reaches that a file writes as ``all``, ``none`` or a list."""
    if isinstance(written, str):
        return {"all": ALL, "none": NONE}[written]
    return frozenset(written)


# Section 3: effective scope


def active_membership(organisation: Organisation, user: str, branch: str) -> Row | None:
    """The user's membership of the branch, unless it is removed or the branch is closed."""
    if branch_of(organisation, branch).get("status", "active") == "closed":
        return None
    for member in organisation.get("members", ()):
        if member["user"] == user and member["branch"] == branch and member.get("status", "active") == "active":
            return dict(member)
    return None


def parent_role(organisation: Organisation, user: str) -> str | None:
    """The user's account-wide role."""
    held = [row["role"] for row in organisation.get("parent_roles", ()) if row["user"] == user]
    return held[0] if held else None


def instant(written: str | datetime) -> datetime:
    """A time of a file, which YAML reads as a time and JSON as a text."""
    return written if isinstance(written, datetime) else datetime.fromisoformat(written.replace("Z", "+00:00"))


def live_override(world: World, organisation: Organisation, user: str, name: str, branch: str) -> Reaches | None:
    """The scope of the user's override that has not ended, if there is one."""
    for row in organisation.get("overrides", ()):
        if (row["user"], row["branch"], codename(row["permission"])) == (user, branch, name):
            expires = row.get("expires")
            if expires is None or instant(expires) > world.now:
                return reaches_of(row["scope"])
    return None


def branch_scope(world: World, organisation: Organisation, user: str, name: str, branch: str | None) -> Reaches:
    """The scope of a permission on a branch; with no branch, what the parent role alone gives."""
    person = user_of(world, user)
    operator = person.get("superuser", False)
    account = organisation["account"]
    if account.get("status", "active") == "closed" and not operator:
        return NONE
    features = account.get("features")
    if features is not None and name in FEATURES and FEATURES[name] not in features:
        return NONE
    if not person.get("active", True):
        return NONE
    if operator:
        return ALL
    answer = NONE
    parent = parent_role(organisation, user)
    if parent is not None:
        if role_is(organisation, parent, "supreme"):
            return ALL
        answer |= role_grants(organisation, parent)[name][0]
    member = None if branch is None else active_membership(organisation, user, branch)
    if member is None or branch is None:
        return answer
    given, grantable = role_grants(organisation, member["role"])[name]
    override = live_override(world, organisation, user, name, branch)
    if override is None or not grantable or role_is(organisation, member["role"], "locked"):
        return answer | given
    return answer | override


def scope(world: World, user: str, permission: str, place: str) -> Reaches:
    """The effective scope of a permission on ``branch:acme/north`` (or ``account:acme``).

    An account-level permission's is the union over the branches and the parent role, wherever it is asked.
    """
    name = codename(permission)
    organisation, branch, _ = target_of(world, place)
    if CATALOGUE[name].target == "account":
        answer = branch_scope(world, organisation, user, name, None)
        for row in organisation.get("branches", ()):
            answer |= branch_scope(world, organisation, user, name, row["slug"])
        return answer
    if branch is None:
        raise WrongTarget(name)
    return branch_scope(world, organisation, user, name, branch)


# Section 2: reaches


def shared_verb(name: str, record: Row) -> str:
    """Which share counts for a permission: its own verb's, or that of view for all that is not a verb."""
    for verb in SHARED_VERBS:
        if name == f"{verb}_{record['type']}":
            return verb
    return "view"


def is_shared(organisation: Organisation, user: str, name: str, record: Row) -> bool:
    """Whether a share gives the user, or a team of the record's branch that they are in, the permission."""
    if record["type"] == "activity" or active_membership(organisation, user, record["branch"]) is None:
        return False
    subjects = {("user", user)}
    for team in branch_of(organisation, record["branch"]).get("teams", ()):
        if user in team.get("members", ()):
            subjects.add(("team", f"{record['branch']}/{team['slug']}"))
    return any(
        share["record"] == f"{record['type']}/{record['ref']}"
        and {("user", share.get("user")), ("team", share.get("team"))} & subjects
        and shared_verb(name, record) in share["permissions"]
        for share in organisation.get("shares", ())
    )


def in_a_team_with_the_responsible(organisation: Organisation, user: str, record: Row) -> bool:
    """Whether the user, an active member, is in a team of the branch that the responsible is in too."""
    if active_membership(organisation, user, record["branch"]) is None:
        return False
    return any(
        user in team.get("members", ()) and record.get("responsible") in team.get("members", ())
        for team in branch_of(organisation, record["branch"]).get("teams", ())
    )


def reached_through(organisation: Organisation, user: str, name: str, record: Row) -> Reaches:
    """The reaches within which the record is for the user and the permission."""
    reaches = {"all"}
    if record.get("created_by") == user:
        reaches.add("created")
    if record.get("responsible") == user:
        reaches.add("responsible")
    if is_shared(organisation, user, name, record):
        reaches.add("shared")
    if in_a_team_with_the_responsible(organisation, user, record):
        reaches.add("team")
    return frozenset(reaches)


# Section 4: prerequisites


def subject_of(organisation: Organisation, record: Row) -> Row | None:
    """The record that a task or an activity is about."""
    if not record.get("about"):
        return None
    kind, _, reference = record["about"].partition("/")
    return record_of(organisation, kind, reference)


def needed(organisation: Organisation, name: str, record: Row) -> Iterator[tuple[str, Row]]:
    """The permission and all its prerequisites, each with the record on which it is needed."""
    kind = record["type"]
    own = {name} | tables.prerequisites(organisation["account"]["scheme"]).get(name, frozenset())
    for each in {*own, f"view_{kind}"}:
        yield each, record
    subject = subject_of(organisation, record)
    if kind == "activity" and subject is not None:
        yield from needed(organisation, f"view_{subject['type']}", subject)


# Section 5: decisions


def private_owners(organisation: Organisation, record: Row | None) -> set[str | None]:
    """The responsible of each private contact that the record is, or is about, however indirectly."""
    owners: set[str | None] = set()
    while record is not None:
        if record["type"] == "contact" and record.get("private", False):
            owners.add(record.get("responsible"))
        record = subject_of(organisation, record)
    return owners


def may(world: World, user: str, permission: str, target: str) -> bool:
    """The decision. Raises Unknown and WrongTarget, for these are no questions."""
    name = codename(permission)
    found = target_of(world, target)
    user_of(world, user)
    check_target(name, found)
    organisation, branch, record = found
    if record is None:
        asked = {name} | tables.prerequisites(organisation["account"]["scheme"]).get(name, frozenset())
        return all(scope(world, user, each, target) for each in asked)
    return private_owners(organisation, record) <= {user} and all(
        branch_scope(world, organisation, user, each, branch) & reached_through(organisation, user, each, on)
        for each, on in needed(organisation, name, record)
    )


def visible(world: World, user: str, permission: str, account: str) -> list[str]:
    """The references of the account's records within reach, sorted.

    A permission that is asked of every record type is answered with ``type/reference``, as shares write it.
    """
    name = codename(permission)
    organisation = organisation_of(world, account)
    user_of(world, user)
    types = record_types(name)
    if not types:
        raise WrongTarget(name)
    found = [
        record["ref"] if len(types) == 1 else f"{record['type']}/{record['ref']}"
        for record in organisation.get("records", ())
        if record["type"] in types and may(world, user, name, f"{record['type']}:{account}/{record['ref']}")
    ]
    return sorted(found)


def who_may(world: World, permission: str, target: str) -> list[str]:
    """The active users who may, sorted; operators are left out."""
    check_target(codename(permission), target_of(world, target))
    emails = {user["email"] for organisation in world.organisations for user in organisation.get("users", ())}
    return sorted(
        email
        for email in emails
        if may(world, email, permission, target) and not user_of(world, email).get("superuser", False)
    )
