"""The same reading with every look-up indexed and remembered: hundreds of thousands of decisions a second.

It answers as the functions of ``model`` do, and the tests hold it against them.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from tests.conformance import tables
from tests.conformance.tables import CATALOGUE, Reaches
from tests.reference import model, world
from tests.reference.model import ALL, NONE
from tests.reference.world import Organisation, Row, Unknown, World, WrongTarget

Grants = dict[str, tuple[Reaches, bool]]


@dataclass(slots=True, eq=False)
class Indexed:
    """A record, its shares by verb, the owners of the private contacts it hangs on, and what it is about."""

    row: Row
    place: "Place"
    shares: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    subject: "Indexed | None" = None
    owners: frozenset[str | None] = frozenset()
    reaches: dict[str, tuple[Reaches, frozenset[str]]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Place:
    """A branch: its active members with their grants, its teams, its live overrides, the scopes asked for."""

    account: "Account"
    members: dict[str, tuple[bool, Grants]] = field(default_factory=dict)
    teams: dict[str, frozenset[str]] = field(default_factory=dict)
    overrides: dict[tuple[str, str], Reaches] = field(default_factory=dict)
    scopes: dict[tuple[str, str], Reaches] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Account:
    """An account, its parent roles' grants, its branches and its records."""

    organisation: Organisation
    closed: bool
    lacking: frozenset[str]
    parents: dict[str, tuple[bool, Grants]] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    records: dict[tuple[str, str], Indexed] = field(default_factory=dict)


@cache
def _asked(scheme: str, name: str, kind: str) -> tuple[tuple[str, str], ...]:
    """The permissions needed on the record itself, each with the share that counts for it."""
    names = {name, f"view_{kind}"} | tables.prerequisites(scheme).get(name, frozenset())
    return tuple((each, model.shared_verb(each, {"type": kind})) for each in sorted(names))


_asked_of_no_record = cache(lambda scheme, name: {name} | tables.prerequisites(scheme).get(name, frozenset()))
_record_types = cache(world.record_types)
_codename = cache(world.codename)


class Reference:
    """A world, ready to be asked: ``scope``, ``may``, ``visible`` and ``who_may`` as in ``model``."""

    def __init__(self, asked: World) -> None:
        self.now = asked.now
        self.people: dict[str, Row] = defaultdict(dict)
        for organisation in asked.organisations:
            for user in organisation.get("users", ()):
                self.people[user["email"]].update(user)
        self.people = dict(self.people)
        self.accounts = {each["account"]["slug"]: self._account(each) for each in asked.organisations}
        self.targets: dict[str, tuple[Account, Place | None, Indexed | None]] = {}
        for slug, account in self.accounts.items():
            self.targets[f"account:{slug}"] = (account, None, None)
            for name, place in account.places.items():
                self.targets[f"branch:{slug}/{name}"] = (account, place, None)
            for (kind, reference), record in account.records.items():
                self.targets[f"{kind}:{slug}/{reference}"] = (account, record.place, record)

    def _account(self, organisation: Organisation) -> Account:
        features = organisation["account"].get("features")
        lacking = frozenset(
            name for name, feature in model.FEATURES.items() if features is not None and feature not in features
        )
        closed = organisation["account"].get("status", "active") == "closed"
        account = Account(organisation, closed, lacking)
        roles = {member["role"] for member in organisation.get("members", ())}
        roles |= {row["role"] for row in organisation.get("parent_roles", ())}
        grants = {key: model.role_grants(organisation, key) for key in roles}
        for row in organisation.get("parent_roles", ()):
            supreme = model.role_is(organisation, row["role"], "supreme")
            account.parents[row["user"]] = (supreme, grants[row["role"]])
        for branch in organisation.get("branches", ()):
            account.places[branch["slug"]] = self._place(account, branch, grants)
        for row in organisation.get("records", ()):
            account.records[row["type"], row["ref"]] = Indexed(row, account.places[row["branch"]])
        self._tie(account)
        return account

    def _place(self, account: Account, branch: Row, grants: dict[str, Grants]) -> Place:
        place = Place(account)
        organisation = account.organisation
        place.teams = {team["slug"]: frozenset(team.get("members", ())) for team in branch.get("teams", ())}
        if branch.get("status", "active") == "closed":
            return place
        for row in organisation.get("members", ()):
            if row["branch"] == branch["slug"] and row.get("status", "active") == "active":
                locked = model.role_is(organisation, row["role"], "locked")
                place.members[row["user"]] = (locked, grants[row["role"]])
        for row in organisation.get("overrides", ()):
            expires = row.get("expires")
            if row["branch"] == branch["slug"] and (expires is None or model.instant(expires) > self.now):
                key = (row["user"], _codename(row["permission"]))
                place.overrides[key] = model.reaches_of(row["scope"])
        return place

    def _tie(self, account: Account) -> None:
        """Gives each record its shares, what it is about, and whose private matter it is."""
        for share in account.organisation.get("shares", ()):
            kind, _, reference = share["record"].partition("/")
            record = account.records[kind, reference]
            branch, _, slug = share.get("team", "").partition("/")
            subjects: Iterable[str] = {share["user"]} if "user" in share else ()
            if "team" in share and branch == record.row["branch"]:
                subjects = record.place.teams.get(slug, frozenset())
            for verb in share["permissions"]:
                record.shares[verb].update(subjects)
        for record in account.records.values():
            if record.row.get("about"):
                kind, _, reference = record.row["about"].partition("/")
                record.subject = account.records[kind, reference]
        for record in account.records.values():
            found: set[str | None] = set()
            each: Indexed | None = record
            while each is not None:
                if each.row["type"] == "contact" and each.row.get("private", False):
                    found.add(each.row.get("responsible"))
                each = each.subject
            record.owners = frozenset(found)

    def _scope(self, account: Account, place: Place | None, user: str, name: str) -> Reaches:
        person = self.people[user]
        operator = person.get("superuser", False)
        if (account.closed and not operator) or name in account.lacking or not person.get("active", True):
            return NONE
        if operator:
            return ALL
        answer = NONE
        if user in account.parents:
            supreme, grants = account.parents[user]
            if supreme:
                return ALL
            answer |= grants[name][0]
        if place is None or user not in place.members:
            return answer
        locked, grants = place.members[user]
        given, grantable = grants[name]
        if locked or not grantable:
            return answer | given
        return answer | place.overrides.get((user, name), given)

    def _kept_scope(self, place: Place, user: str, name: str) -> Reaches:
        key = (user, name)
        if key not in place.scopes:
            place.scopes[key] = self._scope(place.account, place, user, name)
        return place.scopes[key]

    def scope(self, user: str, permission: str, target: str) -> Reaches:
        """As ``model.scope``."""
        account, place, _ = self._target(target)
        name = _codename(permission)
        if user not in self.people:
            raise Unknown(user)
        if CATALOGUE[name].target == "account":
            scopes = [self._kept_scope(each, user, name) for each in account.places.values()]
            return self._scope(account, None, user, name).union(*scopes)
        if place is None:
            raise WrongTarget(name)
        return self._kept_scope(place, user, name)

    def _target(self, target: str) -> tuple[Account, Place | None, Indexed | None]:
        if target not in self.targets:
            raise Unknown(target)
        return self.targets[target]

    @staticmethod
    def _reaches(record: Indexed, user: str) -> tuple[Reaches, frozenset[str]]:
        """The reaches that do not depend on the permission, and the verbs that are shared with the user."""
        found = {"all"}
        row = record.row
        if row.get("created_by") == user:
            found.add("created")
        if row.get("responsible") == user:
            found.add("responsible")
        if user not in record.place.members:
            return frozenset(found), frozenset()
        if any(user in team and row.get("responsible") in team for team in record.place.teams.values()):
            found.add("team")
        verbs = () if row["type"] == "activity" else record.shares.items()
        return frozenset(found), frozenset(verb for verb, users in verbs if user in users)

    def _within(self, record: Indexed, user: str, name: str, scheme: str) -> bool:
        if user not in record.reaches:
            record.reaches[user] = self._reaches(record, user)
        reaches, verbs = record.reaches[user]
        for each, verb in _asked(scheme, name, record.row["type"]):
            scope = self._kept_scope(record.place, user, each)
            if scope.isdisjoint(reaches) and not ("shared" in scope and verb in verbs):
                return False
        subject = record.subject
        if record.row["type"] == "activity" and subject is not None:
            return self._within(subject, user, f"view_{subject.row['type']}", scheme)
        return True

    def may(self, user: str, permission: str, target: str) -> bool:
        """As ``model.may``."""
        name = _codename(permission)
        account, place, record = self._target(target)
        if user not in self.people:
            raise Unknown(user)
        scheme = account.organisation["account"]["scheme"]
        if record is None:
            if CATALOGUE[name].target != ("account" if place is None else "branch"):
                raise WrongTarget(name)
            return all(self.scope(user, each, target) for each in _asked_of_no_record(scheme, name))
        if record.row["type"] not in _record_types(name):
            raise WrongTarget(name)
        if record.owners and record.owners != {user}:
            return False
        return self._within(record, user, name, scheme)

    def visible(self, user: str, permission: str, account: str) -> list[str]:
        """As ``model.visible``."""
        name = _codename(permission)
        types = _record_types(name)
        if account not in self.accounts or user not in self.people:
            raise Unknown(account)
        if not types:
            raise WrongTarget(name)
        return sorted(
            reference if len(types) == 1 else f"{kind}/{reference}"
            for kind, reference in self.accounts[account].records
            if kind in types and self.may(user, name, f"{kind}:{account}/{reference}")
        )

    def who_may(self, permission: str, target: str) -> list[str]:
        """As ``model.who_may``."""
        name = _codename(permission)
        _, place, record = self._target(target)
        kind = "account" if place is None else "branch"
        if record.row["type"] not in _record_types(name) if record else CATALOGUE[name].target != kind:
            raise WrongTarget(name)
        return sorted(
            email
            for email, person in self.people.items()
            if not person.get("superuser", False) and self.may(email, name, target)
        )
