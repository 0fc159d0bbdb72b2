"""Small worlds by enumeration: one person in every position, before records in every relation to them.

Everybody and everything but Sam is a fixed stage for each scheme. Sam's role, parent role, state and
overrides are walked through in full, so that each world asks the same questions of another Sam.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from typing import NamedTuple

from tests.conformance import tables
from tests.conformance.tables import CATALOGUE
from tests.reference.world import Organisation, Row, World, record_types

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
ACCOUNT = "small"
SAM = "sam@small.example"
TESS, THEO, REMY, INA, NORA, OTTO, STAN, TOP = (
    f"{name}@small.example" for name in ("tess", "theo", "remy", "ina", "nora", "otto", "stan", "top")
)
TEAMS = {"first": [SAM, TESS, REMY, INA, NORA], "second": [SAM, THEO], "third": [OTTO, STAN]}
SCOPES: dict[str, str | list[str]] = {
    "prohibited": "none",
    "creator": ["created"],
    "responsible": ["responsible", "shared"],
    "creator or team": ["created", "team"],
    "group": ["responsible", "shared", "team"],
    "permitted": "all",
}
SHARES = [
    verbs.split() for verbs in ("view", "change", "delete", "export", "view change", "view delete", "view export")
] + [["view", "change", "delete", "export"]]
RELATIONS: dict[str, tuple[str | None, str | None]] = {  # creator, responsible
    "created": (SAM, STAN),
    "created, nobody responsible": (SAM, None),
    "responsible": (STAN, SAM),
    "created and responsible": (SAM, SAM),
    "team-mate's": (STAN, TESS),
    "second team's": (STAN, THEO),
    "removed team-mate's": (STAN, REMY),
    "inactive team-mate's": (None, INA),
    "team-mate's who is no member": (None, NORA),
    "other team's": (TESS, OTTO),
    "stranger's": (STAN, TOP),
    "nobody's": (None, None),
}
PRIVATE = [(creator, owner) for creator in (SAM, STAN) for owner in (SAM, TESS, STAN)]
TYPES = ("lead", "contact", "company", "opportunity", "task")
OWN_ROLES: dict[str, Row] = {
    "amocrm": {
        "key": "auditor",
        "name": "Auditor",
        "based_on": "employee",
        "grants": {
            "view_lead": ["created"],
            "export_lead": "all",
            "delete_contact": ["team"],
            "view_members": "none",
        },
    },
    "atmos": {
        "key": "closer",
        "name": "Closer",
        "based_on": "restricted_user",
        "grants": {
            "delete_lead": ["responsible", "shared", "team"],
            "view_task": ["created"],
            "manage_teams": "all",
        },
    },
}
Question = tuple[str, str, str]


class SmallWorld(NamedTuple):
    """A world, what is special about it, what to ask (user, permission, target), and whether it is a file's."""

    name: str
    world: World
    questions: list[Question]
    importable: bool


class Stage(NamedTuple):
    """What is the same in all of a scheme's worlds."""

    records: list[Row]
    shares: list[Row]
    questions: list[Question]


class _Writer:
    """Writes records with running references."""

    def __init__(self) -> None:
        self.records: list[Row] = []
        self.shares: list[Row] = []

    def record(self, kind: str, creator: str | None, responsible: str | None, /, **more: object) -> str:
        reference = f"{kind[0].upper()}-{len(self.records) + 1}"
        row: Row = {"type": kind, "ref": reference, "branch": "north", "name": reference, **more}
        if creator is not None:
            row["created_by"] = creator
        if responsible is not None:
            row["responsible"] = responsible
        self.records.append(row)
        return f"{kind}/{reference}"

    def share(self, record: str, permissions: list[str], **subject: str) -> None:
        kind = record.partition("/")[0]
        existing = [verb for verb in permissions if f"{verb}_{kind}" in CATALOGUE]
        if existing:
            self.shares.append({"record": record, **subject, "permissions": existing, "reason": "To help out"})


def _plain_records(writer: _Writer, branch: str) -> dict[str, str]:
    """A record of each type in each relation; returns those that activities are about."""
    subjects = {}
    for kind, (relation, (creator, responsible)) in product(TYPES, RELATIONS.items()):
        name = writer.record(kind, creator, responsible, branch=branch)
        if relation in {"created", "responsible", "team-mate's", "stranger's"}:
            subjects[f"{kind} {relation}"] = name
    if branch != "north":
        return {}
    for kind, permissions in product(TYPES, SHARES):
        others = [{"team": "north/third"}, {"user": TESS}] if permissions == SHARES[-1] else []
        for subject in ({"user": SAM}, {"team": "north/first"}, *others):
            name = writer.record(kind, STAN, STAN, branch=branch)
            writer.share(name, permissions, **subject)
            if subject == {"user": SAM} and permissions in (["view"], ["change"]):
                subjects[f"{kind} {permissions}"] = name
    return subjects


@cache
def _stage(scheme: str) -> Stage:
    writer = _Writer()
    for subject in _plain_records(writer, "north").values():
        for creator, responsible in ((SAM, None), (STAN, SAM), (STAN, TESS), (STAN, STAN)):
            writer.record("activity", creator, responsible, kind="note", about=subject)
    for creator, owner in PRIVATE:
        contact = writer.record("contact", creator, owner, private=True)
        task = writer.record("task", SAM, SAM, about=contact)
        writer.record("activity", SAM, SAM, kind="note", about=contact)
        writer.record("activity", SAM, SAM, kind="note", about=task)
    if tables.rules(scheme)["many_branches"]:
        _plain_records(writer, "south")
    return Stage(writer.records, writer.shares, list(_questions(scheme, writer.records)))


def _questions(scheme: str, records: list[Row]) -> Iterator[Question]:
    branches = ("north", "south") if tables.rules(scheme)["many_branches"] else ("north",)
    for name, permission in CATALOGUE.items():
        if permission.target == "account":
            yield SAM, name, f"account:{ACCOUNT}"
        for branch in branches:
            if permission.target == "branch":
                yield SAM, name, f"branch:{ACCOUNT}/{branch}"
    left_out = {"grant_record_access", "revoke_record_access", "view_access_history"}
    for record in records:
        for name in CATALOGUE:
            if record["type"] in record_types(name) and name not in left_out:
                yield SAM, name, f"{record['type']}:{ACCOUNT}/{record['ref']}"


class Sam(NamedTuple):
    """Sam's position in a world: roles, state, and the overrides of view and of everything else."""

    scheme: str
    role: str | None
    parent: str | None
    state: str = "active"
    view: str | None = None
    rest: str | None = None
    ended: bool = False

    @property
    def name(self) -> str:
        """The position in words."""
        overrides = f"view {self.view}, rest {self.rest}{', ended' if self.ended else ''}"
        return f"{self.scheme} {self.role} + {self.parent}, {self.state}: {overrides}"


def _overrides(sam: Sam) -> Iterator[Row]:
    common: Row = {"user": SAM, "branch": "north", "reason": "For the quarter"}
    if sam.ended:
        common["expires"] = NOW.isoformat().replace("+00:00", "Z")
    elif sam.view == "permitted":
        common["expires"] = (NOW + timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
    for name, permission in CATALOGUE.items():
        chosen = sam.view if name.startswith("view_") else sam.rest
        if chosen is not None:
            scope = SCOPES[chosen] if permission.target == "record" or chosen == "permitted" else "none"
            yield {**common, "permission": name, "scope": scope}


def _members(sam: Sam) -> Iterator[Row]:
    published = tables.roles(sam.scheme)
    branch_roles = {key: role for key, role in published.items() if role.kind == "branch"}
    top = max(branch_roles, key=lambda key: branch_roles[key].rank or 0)
    low = min(branch_roles, key=lambda key: branch_roles[key].rank or 0)
    if sam.role is not None:
        status = "removed" if sam.state == "removed" else "active"
        yield {"user": SAM, "branch": "north", "role": sam.role, "status": status}
        if tables.rules(sam.scheme)["many_branches"]:
            yield {"user": SAM, "branch": "south", "role": low, "status": "active"}
    if not (published[top].single and sam.role == top):
        yield {"user": TOP, "branch": "north", "role": top}
    for user, status in (
        (TESS, "active"),
        (THEO, "active"),
        (REMY, "removed"),
        (INA, "active"),
        (STAN, "active"),
    ):
        yield {"user": user, "branch": "north", "role": low, "status": status}


def _organisation(sam: Sam) -> Organisation:
    stage = _stage(sam.scheme)
    users: list[Row] = [{"email": each, "name": each} for each in (TESS, THEO, REMY, NORA, OTTO, STAN, TOP)]
    users.append({"email": INA, "name": INA, "active": False})
    users.append({"email": SAM, "name": SAM, "active": sam.state != "inactive"})
    north: Row = {"slug": "north", "name": "North"}
    north["teams"] = [{"slug": slug, "name": slug, "members": members} for slug, members in TEAMS.items()]
    account: Row = {"slug": ACCOUNT, "name": "Small", "scheme": sam.scheme, "currency": "EUR"}
    if sam.state == "closed branch":
        north["status"] = "closed"
    if sam.state in {"closing account", "closed account"}:
        account["status"] = sam.state.split()[0]
    organisation: Organisation = {"mandate": 1, "account": account, "users": users, "branches": [north]}
    if tables.rules(sam.scheme)["many_branches"]:
        organisation["branches"].append({"slug": "south", "name": "South", "teams": []})
    if sam.parent is not None:
        organisation["parent_roles"] = [{"user": SAM, "role": sam.parent}]
    if sam.scheme in OWN_ROLES:
        organisation["roles"] = [OWN_ROLES[sam.scheme]]
    return organisation | {
        "members": list(_members(sam)),
        "overrides": list(_overrides(sam)),
        "records": stage.records,
        "shares": stage.shares,
    }


STATES = ("removed", "inactive", "closed branch", "closing account", "closed account")
LEFT_BEHIND = "overrides left behind"
BEYOND_FILES = frozenset({"closed branch", "closing account", "closed account", LEFT_BEHIND})


def _positions() -> Iterator[Sam]:
    for scheme in tables.SCHEMES:
        published = tables.roles(scheme)
        parents = [None, *(key for key, role in published.items() if role.kind == "parent")]
        roles = [key for key, role in published.items() if role.kind == "branch"]
        roles += [OWN_ROLES[scheme]["key"]] if scheme in OWN_ROLES else []
        for parent in parents:
            yield Sam(scheme, None, parent, view="permitted", rest="permitted")
        for role, parent in product(roles, parents):
            mark = published.get(role)
            locked = mark is not None and mark.locked
            supreme = parent is not None and published[parent].supreme
            choices = [None] if locked else [None, "permitted"] if supreme else [None, *SCOPES]
            for view, rest in product(choices, choices):
                yield Sam(scheme, role, parent, view=view, rest=rest)
            for chosen in choices[1:]:
                yield Sam(scheme, role, parent, view=chosen, rest=chosen, ended=True)
            if locked:
                yield Sam(scheme, role, parent, LEFT_BEHIND, view="prohibited", rest="prohibited")
            for state in STATES:
                if state not in {"removed", "inactive"} or not (mark is not None and mark.single):
                    yield Sam(scheme, role, parent, state, view=choices[-1], rest=choices[-1])


def small_worlds(*, every: int = 1) -> Iterator[SmallWorld]:
    """Each world in turn, or each ``every``-th one.

    Records and shares are the same objects in a scheme's worlds: only read them. What is not importable uses
    keys that no organisation file has, or states overrides left behind by a change to a locked role.
    """
    for number, sam in enumerate(_positions()):
        if number % every == 0:
            world = World([_organisation(sam)], NOW)
            yield SmallWorld(sam.name, world, _stage(sam.scheme).questions, sam.state not in BEYOND_FILES)
