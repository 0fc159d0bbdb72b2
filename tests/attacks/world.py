"""Two tenants and every role: a planted account that is attacked, and one account of each role system that attacks.

Every text of the planted account holds a canary, and its first row in each table has the one id `FOREIGN`. Each
attacking account has one user for each role, a private contact that only its keeper may see, and records on a branch
of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.accounts.addresses import vouch_for
from apps.accounts.models import Account, Branch, User
from apps.audit.services import operation
from apps.crm.models import Change, Contact, CrmRecord
from apps.roles.schemes import scheme, scheme_keys
from tests.admin.people import browser
from tests.factories import (
    FACTORIES,
    MEMBER_ROLES,
    AccountFactory,
    BranchFactory,
    CustomFieldFactory,
    MembershipFactory,
    OperatorFactory,
    OwnRoleFactory,
    ParentMembershipFactory,
    TeamFactory,
    UserFactory,
)
from tests.fence.world import Side, fenced_tables, make_side, run
from tests.pages.canary import OF_PEOPLE, plant, plant_in_rows
from tests.pages.test_canary import people_of

# Every first row of the planted account has the one id; nothing has the other one.
FOREIGN, NOTHING = 777777, 888888
# In small letters, as the canary: what a private contact and what a record on another branch say.
PRIVATE, UNSEEN = "zaunkoenig", "rotkehlchen"
SET_UP = "access.details.changed"
NORTH, SOUTH = "north", "south"


@dataclass(frozen=True)
class House:
    """An account of one role system with a user for each of its roles; all work on its northern branch.

    `keeper` alone may see the private contact; `unseen` are the records of the southern branch, by type.
    """

    account: Account
    north: Branch
    south: Branch
    people: dict[str, User]
    keeper: User
    colleague: User
    private: dict[str, CrmRecord]
    unseen: dict[str, CrmRecord]
    own: dict[str, CrmRecord]

    @property
    def owner(self) -> User:
        """The founder, who may do most."""
        return self.people[scheme(self.account.scheme).founder["branch"]]

    @property
    def member(self) -> User:
        """A member of no special role."""
        return self.people[MEMBER_ROLES[self.account.scheme]]


@dataclass(frozen=True)
class World:
    """The planted account, the attackers by role system, and a platform operator without an open session.

    `sessions` are keys of sessions, by user; `carrying` are the columns (`table.column`) that hold a canary.
    """

    there: Side
    houses: dict[str, House]
    operator: User
    sessions: dict[int, str]
    carrying: set[str]

    @property
    def here(self) -> House:
        """The account that most cases are asked in."""
        return self.houses["atlas"]


@transaction.atomic
def make_world() -> World:
    """The world, to be committed once."""
    for table in {*fenced_tables(), *OF_PEOPLE}:
        run(f"ALTER SEQUENCE {table}_id_seq RESTART WITH {FOREIGN}")
    with operation(verb=SET_UP, actor=None, reason="There"):
        there = make_side("there")
        OwnRoleFactory(account=there.account)
    carrying = plant(there.account, people_of(there))
    for row in (there.account, there.branch, there.staff):
        row.refresh_from_db()
    with operation(verb=SET_UP, actor=None, reason="Here"):
        houses = {key: _house(key) for key in scheme_keys()}
    operator: User = OperatorFactory(email="op@mandate.example", session=False)
    people: list[User] = [
        user for house in houses.values() for user in (*house.people.values(), house.keeper, house.colleague)
    ]
    sessions = {user.pk: session_of(user) for user in (*people, operator)}
    return World(there, houses, operator, sessions, carrying)


def session_of(user: User) -> str:
    """The key of a new session of the user's."""
    return browser(user).cookies[settings.SESSION_COOKIE_NAME].value


def _house(key: str) -> House:
    account = AccountFactory(slug=f"house-{key}", name=f"House {key}", scheme=key)
    north, south = (BranchFactory(account=account, slug=slug, name=slug.title()) for slug in (NORTH, SOUTH))
    people = {role: _person(role, north) for role in scheme(key).roles}
    keeper, colleague = (
        _join(UserFactory(email=f"{name}@{key}.example", is_staff=True), north) for name in ("kit", "col")
    )
    southerner = _join(UserFactory(name=f"{UNSEEN} person", email=f"sid@{key}.example"), south)
    TeamFactory(branch=north, members=[colleague])
    CustomFieldFactory(account=account)
    vouch_for([*people.values(), keeper, colleague])
    return House(
        account=account,
        north=north,
        south=south,
        people=people,
        keeper=keeper,
        colleague=colleague,
        private=_private(north, keeper),
        unseen=_unseen(south, southerner),
        own={name: factory(branch=north, responsible=colleague) for name, factory in FACTORIES.items()},
    )


def _person(role: str, branch: Branch) -> User:
    """Somebody who holds the role: on the branch, or in the account as a whole."""
    key = branch.account.scheme
    user: User = UserFactory(name=f"{role} of {key}", email=f"{role}@{key}.example", is_staff=True)
    if scheme(key).roles[role].kind == "parent":
        ParentMembershipFactory(account=branch.account, user=user, role=role)
        return user
    founder = scheme(key).founder
    if role == founder["branch"] and "parent" in founder:
        ParentMembershipFactory(account=branch.account, user=user, role=founder["parent"])
    return _join(user, branch, role)


def _join(user: User, branch: Branch, role: str = "") -> User:
    MembershipFactory(branch=branch, user=user, role=role or MEMBER_ROLES[branch.account.scheme])
    return user


def _private(branch: Branch, keeper: User) -> dict[str, CrmRecord]:
    """A private contact, and what is about it, with a text of their own in every field."""
    contact = Contact.objects.create(
        account=branch.account, branch=branch, name="Private", private=True, responsible=keeper, created_by=keeper
    )
    about: dict[str, Any] = {"about": contact, "responsible": keeper, "created_by": keeper}
    return _planted({"contact": contact, **{name: FACTORIES[name](**about) for name in ("task", "activity")}}, PRIVATE)


def _unseen(branch: Branch, person: User) -> dict[str, CrmRecord]:
    """A record of each type, with a text of their own in every field."""
    records: dict[str, Any] = {}
    for name, factory in FACTORIES.items():
        about = {"about": records["lead"]} if name == "activity" else {"branch": branch}
        records[name] = factory(responsible=person, created_by=person, **about)
    return _planted(records, UNSEEN)


def _planted(records: dict[str, CrmRecord], text: str) -> dict[str, CrmRecord]:
    """The records with the text in every field of theirs and of their history."""
    rows = [
        Change.objects.create(
            account=record.account,
            record_type=name,
            record_id=record.pk,
            reference=record.reference,
            actor_name="x",
            action="created",
        )
        for name, record in records.items()
    ]
    plant_in_rows([*records.values(), *rows], text=text)
    for record in records.values():
        record.refresh_from_db()
    return records
