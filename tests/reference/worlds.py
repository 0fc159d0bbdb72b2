"""Worlds to hold an engine against the reference: every small one, and random ones full of hostile things.

``random_world`` is quick and repeatable from a seed; the strategy ``organisations`` is the same generator
with its choices made by hypothesis, so that a failing world shrinks. All are valid organisation files.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from hypothesis import strategies as st

from tests.conformance import tables
from tests.conformance.tables import CATALOGUE
from tests.reference.small import NOW, Question, SmallWorld, small_worlds
from tests.reference.world import Organisation, Row, World, record_types

__all__ = ["NOW", "SmallWorld", "World", "organisations", "questions", "random_world", "small_worlds"]

PEOPLE = tuple(f"{name}@people.example" for name in ("ann", "ben", "cem", "dora", "eve", "finn", "gil", "hana"))
TYPES = ("lead", "contact", "contact", "company", "opportunity", "task", "task", "activity", "activity")
LETTERS = {"lead": "L", "contact": "P", "company": "C", "opportunity": "O", "task": "T", "activity": "N"}
FILE_TYPES = frozenset(TYPES)
VERBS = ("view", "change", "delete", "export")
RECORD_PERMISSIONS = tuple(name for name in CATALOGUE if record_types(name) & FILE_TYPES)
VIEWS = tuple(f"view_{kind}" for kind in LETTERS)
SCOPES: tuple[str | list[str], ...] = (
    "none",
    "all",
    ["created"],
    ["responsible"],
    ["shared"],
    ["team"],
    ["responsible", "shared"],
    ["responsible", "shared", "team"],
    ["created", "responsible", "shared"],
    ["created", "team"],
)
Choice = TypeVar("Choice")


def _some(rng: random.Random, items: Sequence[Choice], least: int, most: int) -> list[Choice]:
    return rng.sample(items, min(len(items), rng.randint(least, most)))


class _Author:
    """Writes one organisation file."""

    def __init__(self, rng: random.Random, slug: str, people: list[Row], now: datetime, beyond_files: bool) -> None:
        self.rng = rng
        self.now = now
        self.beyond_files = beyond_files
        self.slug = slug
        self.people = [person["email"] for person in people]
        self.keeper = next(person["email"] for person in people if person["active"])
        self.scheme = rng.choice((*tables.SCHEMES, "atlas"))
        self.published = tables.roles(self.scheme)
        self.many = tables.rules(self.scheme)["many_branches"]
        self.own: list[Row] = []
        self.members: list[Row] = []
        self.records: list[Row] = []

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def write(self, people: list[Row]) -> Organisation:
        branches = [self.branch(slug) for slug in ("north", "south", "west")[: self.rng.randint(1, 3)]]
        branches = branches if self.many else branches[:1]
        slugs = [branch["slug"] for branch in branches]
        self.own = [self.own_role(key) for key in _some(self.rng, ["auditor", "closer"], 0, 2)]
        self.own = self.own if tables.rules(self.scheme)["custom_roles"] else []
        parents = list(self.parent_roles())
        supreme = any(self.published[row["role"]].supreme and row["user"] == self.keeper for row in parents)
        self.members = list(self.memberships(slugs, keep=not supreme or self.chance(0.5)))
        for kind in self.rng.choices(TYPES, k=self.rng.randint(5, 25)):
            self.add_record(kind, self.rng.choice(slugs))
        account = {"slug": self.slug, "name": self.slug.title(), "scheme": self.scheme, "currency": "EUR"}
        return {
            "mandate": 1,
            "account": account,
            "users": people,
            "branches": branches,
            "members": self.members,
            "parent_roles": parents,
            "roles": self.own,
            "overrides": list(self.overrides(slugs)),
            "shares": list(self.shares(branches)),
            "records": self.rng.sample(self.records, len(self.records)) if self.chance(0.3) else self.records,
        }

    def branch(self, slug: str) -> Row:
        names = ("sales", "support", "field")[: self.rng.randint(0, 3)]
        teams = [{"slug": name, "name": name.title(), "members": _some(self.rng, self.people, 0, 5)} for name in names]
        return {"slug": slug, "name": slug.title(), "teams": teams}

    def own_role(self, key: str) -> Row:
        bases = [name for name, role in self.published.items() if role.kind == "branch" and not role.locked]
        base = self.rng.choice(bases)
        open_to_it = [name for name, (_, grantable) in tables.expected(self.scheme)[base].items() if grantable]
        chosen = _some(self.rng, open_to_it, 0, 8) + _some(self.rng, sorted({*VIEWS} & {*open_to_it}), 0, 3)
        return {
            "key": key,
            "name": key.title(),
            "based_on": base,
            "grants": {name: self.scope(name) for name in chosen},
        }

    def scope(self, name: str) -> str | list[str]:
        return self.rng.choice(SCOPES if CATALOGUE[name].target == "record" else ("none", "all"))

    def parent_roles(self) -> Iterator[Row]:
        keys = [key for key, role in self.published.items() if role.kind == "parent"]
        for person in self.people:
            if keys and self.chance(0.35):
                yield {"user": person, "role": self.rng.choice(keys)}

    def memberships(self, slugs: list[str], *, keep: bool) -> Iterator[Row]:
        branch_roles = {key: role for key, role in self.published.items() if role.kind == "branch"}
        (top,) = tables.top_roles(self.scheme) & branch_roles.keys()
        lower = [key for key in branch_roles if key != top] + [role["key"] for role in self.own]
        common = [*lower, *lower, top] if not branch_roles[top].single else lower
        for slug in slugs:
            for person in self.people:
                if keep and person == self.keeper and slug == slugs[0]:
                    yield {"user": person, "branch": slug, "role": top}
                elif self.chance(0.8):
                    status = self.rng.choices(("active", "removed"), (5, 1))[0]
                    yield {"user": person, "branch": slug, "role": self.rng.choice(common), "status": status}

    def overrides(self, slugs: list[str]) -> Iterator[Row]:
        locked = {
            (row["user"], row["branch"])
            for row in self.members
            if row["role"] in self.published and self.published[row["role"]].locked and not self.beyond_files
        }
        subjects = [(person, slug) for person in self.people for slug in slugs if (person, slug) not in locked]
        taken = set()
        for _ in range(self.rng.randint(0, 14) if subjects else 0):
            pool = self.rng.choice((VIEWS, VIEWS, RECORD_PERMISSIONS, RECORD_PERMISSIONS, tuple(CATALOGUE)))
            (user, branch), name = self.rng.choice(subjects), self.rng.choice(pool)
            if (user, branch, name) not in taken:
                taken.add((user, branch, name))
                row = {"user": user, "branch": branch, "permission": name, "scope": self.scope(name)}
                yield row | {"reason": "As agreed", **self.end()}

    def end(self) -> Row:
        distance = self.rng.choice((None, None, -86_400_000, -1, 0, 1, 86_400_000))
        if distance is None:
            return {}
        return {"expires": (self.now + timedelta(seconds=distance)).isoformat().replace("+00:00", "Z")}

    def add_record(self, kind: str, branch: str) -> None:
        about = [row for row in self.records if row["branch"] == branch and row["type"] != "activity"]
        if kind == "task":
            about = [row for row in about if row["type"] != "task"]
        if kind == "activity" and not about:
            kind = "lead"
        number = len(self.records) + 1
        row: Row = {
            "type": kind,
            "ref": f"{LETTERS[kind]}-{number}",
            "branch": branch,
            "name": f"Number {number}",
        }
        if self.chance(0.05):
            row["ref"] = self.rng.choice((f"{number}", f"Ü {number}/b", f"{LETTERS[kind].lower()}_{number}:x"))
        if self.chance(0.9):
            row["created_by"] = self.rng.choice(self.people)
        if self.chance(0.8):
            row["responsible"] = self.rng.choice(self.people)
        if kind == "contact" and "responsible" in row and self.chance(0.4):
            row["private"] = True
        if kind == "activity":
            row["kind"] = self.rng.choice(("note", "call", "meeting"))
        if kind == "activity" or (kind == "task" and about and self.chance(0.7)):
            private = {f"contact/{each['ref']}" for each in self.records if each.get("private")}
            delicate = [each for each in about if each.get("private") or each.get("about") in private]
            subject = self.rng.choice(delicate if delicate and self.chance(0.5) else about)
            row["about"] = f"{subject['type']}/{subject['ref']}"
        self.records.append(row)

    def shares(self, branches: list[Row]) -> Iterator[Row]:
        sharable = [row for row in self.records if row["type"] != "activity" and not row.get("private")]
        taken = set()
        for _ in range(self.rng.randint(0, 10) if sharable else 0):
            record = self.rng.choice(sharable)
            near = [each for each in branches if each["slug"] == record["branch"] or self.beyond_files]
            teams = [f"{each['slug']}/{team['slug']}" for each in near for team in each["teams"]]
            subject = {"user": self.rng.choice(self.people)}
            if teams and self.chance(0.5):
                subject = {"team": self.rng.choice(teams)}
            verbs = [verb for verb in VERBS if f"{verb}_{record['type']}" in CATALOGUE]
            key = (record["type"], record["ref"], *subject.items())
            if key not in taken:
                taken.add(key)
                permissions = _some(self.rng, verbs, 1, 4) if self.chance(0.5) else ["view"]
                name = f"{record['type']}/{record['ref']}"
                yield {"record": name, **subject, "permissions": permissions, "reason": "To help out"}


def random_world(
    rng: random.Random,
    *,
    now: datetime = NOW,
    slugs: Sequence[str] = ("acme", "globex"),
    beyond_files: bool = False,
) -> list[Organisation]:
    """An organisation file for each slug, with users in common; the ends of overrides lie about ``now``.

    With ``beyond_files`` also what no file states or may state: closed branches and accounts, plan limits,
    operators, overrides left behind by a change to a locked role, shares to teams of other branches.
    """
    people: list[Row] = [
        {"email": email, "name": email.partition("@")[0].title(), "active": rng.random() < 0.85} for email in PEOPLE
    ]
    people[0]["active"] = True
    if beyond_files:
        for person in people:
            if rng.random() < 0.1:
                person["superuser"] = True
    found = []
    for slug in slugs:
        chosen = [people[0], *_some(rng, people[1:], 1, 5)]
        found.append(_Author(rng, slug, chosen, now, beyond_files).write(chosen))
    if beyond_files:
        for organisation in found:
            organisation["account"]["status"] = rng.choice(("active", "active", "active", "closing", "closed"))
            organisation["account"]["features"] = rng.choice(
                (None, None, [], ["custom_roles"], ["automation", "branches"])
            )
            for branch in organisation["branches"]:
                branch["status"] = rng.choice(("active", "active", "closed"))
    return found


def organisations(*, beyond_files: bool = False) -> st.SearchStrategy[list[Organisation]]:
    """The worlds of ``random_world``, as hypothesis draws and shrinks them."""
    return st.randoms(use_true_random=False).map(lambda rng: random_world(rng, beyond_files=beyond_files))


def questions(found: Sequence[Organisation]) -> Iterator[Question]:
    """Every question of these worlds: each user of any file, each permission, each target that it fits."""
    users = sorted({user["email"] for organisation in found for user in organisation["users"]})
    targets = list(_targets(found))
    return ((user, name, target) for user in users for name, target in targets)


def _targets(found: Sequence[Organisation]) -> Iterator[tuple[str, str]]:
    for organisation in found:
        slug = organisation["account"]["slug"]
        for name, permission in CATALOGUE.items():
            if permission.target == "account":
                yield name, f"account:{slug}"
            for branch in organisation["branches"]:
                if permission.target == "branch":
                    yield name, f"branch:{slug}/{branch['slug']}"
            for record in organisation["records"]:
                if record["type"] in record_types(name):
                    yield name, f"{record['type']}:{slug}/{record['ref']}"
