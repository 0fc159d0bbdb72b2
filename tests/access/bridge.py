"""The engine's facts and records for a world of the reference, without a database."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apps.access.facts import AccountFacts, Facts, MembershipFacts, OverrideFacts, RoleFacts
from apps.access.mandate import Mandate
from apps.access.records import RecordLike
from apps.roles import catalogue
from apps.roles.schemes import Grant, Scheme, scheme
from apps.roles.scopes import Scope
from tests.reference.world import Organisation, Row, World

ACCOUNT = 1


@dataclass(eq=False, slots=True)
class PlainRecord:
    """A record with just what the rules look at."""

    pk: int
    record_type: str
    account_id: int
    branch_id: int
    responsible_id: int | None
    created_by_id: int | None
    private: bool
    about: "PlainRecord | None" = None
    user_shares: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    group_shares: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))


class Bridge:
    """One organisation in the engine's terms."""

    def __init__(self, world: World, organisation: Organisation) -> None:
        self.now = world.now
        self.organisation = organisation
        self.scheme: Scheme = scheme(organisation["account"]["scheme"])
        self.users = {user["email"]: number for number, user in enumerate(organisation.get("users", ()), start=1)}
        self.people = {user["email"]: user for user in organisation.get("users", ())}
        self.branches = {
            branch["slug"]: number for number, branch in enumerate(organisation.get("branches", ()), start=1)
        }
        self.groups: dict[tuple[str, str], int] = {}
        self.team_members: dict[int, set[int]] = {}
        for branch in organisation.get("branches", ()):
            for team in branch.get("teams", ()):
                group = len(self.groups) + 1
                self.groups[branch["slug"], team["slug"]] = group
                self.team_members[group] = {self.users[email] for email in team.get("members", ())}
        self.roles = self._roles()
        self.account = self._account()
        self.records = self._records()

    def mandate(self, email: str) -> Mandate:
        """The Mandate that the engine compiles for this user."""
        return Mandate(self.facts(email), self.now)

    def facts(self, email: str) -> Facts:
        """What the engine would load for this user."""
        person = self.people[email]
        parent = next((row["role"] for row in self.organisation.get("parent_roles", ()) if row["user"] == email), None)
        memberships = {
            self.branches[row["branch"]]: self._membership(row)
            for row in self.organisation.get("members", ())
            if row["user"] == email
        }
        return Facts(
            self.users[email],
            person.get("active", True),
            person.get("superuser", False),
            self.account,
            self.roles[parent] if parent else None,
            memberships,
            self.now + timedelta(minutes=30) if person.get("superuser", False) else None,
        )

    def shares_of(self, email: str) -> "ShareReader":
        """Reads shares as the engine would for this user."""
        return ShareReader(self.users[email])

    def _membership(self, row: Row) -> MembershipFacts:
        user = self.users[row["user"]]
        groups = frozenset(
            group
            for (branch, _), group in self.groups.items()
            if branch == row["branch"] and user in self.team_members[group]
        )
        overrides = {
            override["permission"]: OverrideFacts(
                override["permission"],
                Scope.parse(override["scope"]),
                override["reason"],
                "",
                datetime.fromisoformat(override["expires"]) if override.get("expires") else None,
            )
            for override in self.organisation.get("overrides", ())
            if override["user"] == row["user"] and override["branch"] == row["branch"]
        }
        return MembershipFacts(
            branch_id=self.branches[row["branch"]],
            role=self.roles[row["role"]],
            active=row.get("status", "active") == "active",
            overrides=overrides,
            groups=groups,
            mates=frozenset().union(*(self.team_members[group] for group in groups)),
        )

    def _roles(self) -> dict[str, RoleFacts]:
        found = {}
        for number, role in enumerate(self.scheme.roles.values(), start=1):
            found[role.key] = RoleFacts(
                number, role.key, role.name, role.kind, role.rank, role.locked, role.supreme, role.grants
            )
        for number, row in enumerate(self.organisation.get("roles", ()), start=100):
            base = self.scheme.roles[row["based_on"]]
            grants = {
                codename: Grant(
                    Scope.parse(row.get("grants", {})[codename])
                    if grant.grantable and codename in row.get("grants", {})
                    else grant.scope,
                    grant.grantable,
                )
                for codename, grant in base.grants.items()
            }
            found[row["key"]] = RoleFacts(number, row["key"], row["name"], "branch", base.rank, False, False, grants)
        return found

    def _account(self) -> AccountFacts:
        account = self.organisation["account"]
        rows = self.organisation.get("branches", ())
        opened = {self.branches[row["slug"]] for row in rows if row.get("status", "active") == "active"}
        features = account.get("features")
        return AccountFacts(
            ACCOUNT,
            self.scheme,
            account.get("status", "active"),
            None if features is None else frozenset(features),
            1,
            frozenset(opened),
            frozenset(self.branches.values()),
        )

    def _records(self) -> dict[tuple[str, str], PlainRecord]:
        found: dict[tuple[str, str], PlainRecord] = {}
        rows = self.organisation.get("records", ())
        for number, row in enumerate(rows, start=1):
            found[row["type"], row["ref"]] = PlainRecord(
                number,
                row["type"],
                ACCOUNT,
                self.branches[row["branch"]],
                self.users[row["responsible"]] if row.get("responsible") else None,
                self.users[row["created_by"]] if row.get("created_by") else None,
                row.get("private", False),
            )
        for row in rows:
            if row.get("about"):
                kind, _, reference = row["about"].partition("/")
                found[row["type"], row["ref"]].about = found[kind, reference]
        for share in self.organisation.get("shares", ()):
            kind, _, reference = share["record"].partition("/")
            codenames = {f"{verb}_{kind}" for verb in share["permissions"]}
            if "user" in share:
                found[kind, reference].user_shares[self.users[share["user"]]] |= codenames
            else:
                branch, _, team = share["team"].partition("/")
                found[kind, reference].group_shares[self.groups[branch, team]] |= codenames
        return found


class ShareReader:
    """Reads the shares of a plain record for one user."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id

    def __call__(self, record: RecordLike, groups: frozenset[int]) -> frozenset[str]:
        if not isinstance(record, PlainRecord):
            raise TypeError("a plain record is read here")
        direct = record.user_shares.get(self.user_id, set())
        return frozenset(direct).union(*(record.group_shares.get(group, set()) for group in groups))


def engine_answers(bridge: Bridge, mandate: Mandate, shares: ShareReader, permission: str, target: str) -> bool:
    """The engine's `may` for a target as the reference writes it."""
    kind, _, place = target.partition(":")
    if kind == "account":
        return mandate.allows(permission, None)
    _, _, name = place.partition("/")
    if kind == "branch":
        return mandate.allows(permission, bridge.branches[name])
    catalogue.check_target(catalogue.get(permission), catalogue.Target.RECORD, kind)
    return mandate.may(permission, bridge.records[kind, name], shares)
