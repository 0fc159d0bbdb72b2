"""People who hold one published role, records around them, and what the tables say of both."""

from collections.abc import Iterator

import pytest

from apps.accounts.models import User
from apps.crm.models import CrmRecord
from apps.roles import catalogue
from tests.conformance import tables
from tests.factories import (
    FACTORIES,
    ActivityFactory,
    Cast,
    MembershipFactory,
    ParentMembershipFactory,
    UserFactory,
    share,
)

HELD = [pytest.param(scheme, key, id=f"{scheme}-{key}") for scheme in tables.SCHEMES for key in tables.expected(scheme)]
RELATIONS = {
    "created": {"created"},
    "responsible": {"responsible"},
    "team-mate's": {"team"},
    "shared": {"shared"},
    "stranger's": set(),
}


def somebody_with(cast: Cast, key: str) -> User:
    """A user who holds just this role: on the branch, or over the account and without any membership."""
    user = UserFactory(name="Sam Smith", is_staff=True)
    if tables.roles(cast.account.scheme)[key].kind == "parent":
        ParentMembershipFactory(account=cast.account, user=user, role=key)
    else:
        MembershipFactory(branch=cast.branch, user=user, role=key)
    return user


def records_around(cast: Cast, sam: User, mate: User) -> Iterator[tuple[str, CrmRecord]]:
    """A record of each type in each relation to Sam; activities are about a lead in the same relation."""
    for relation in RELATIONS:
        people = {"created_by": cast.owner, "responsible": cast.owner}
        people |= {
            "created": {"created_by": sam},
            "responsible": {"responsible": sam},
            "team-mate's": {"responsible": mate},
        }.get(relation, {})
        found = {}
        for kind, factory in FACTORIES.items():
            if kind == "activity":
                continue
            found[kind] = factory(branch=cast.branch, **people)
            if relation == "shared":
                share(found[kind], sam, *catalogue.record_type(kind).share_verbs)
        found["activity"] = ActivityFactory(about=found["lead"], **people)
        yield from ((relation, record) for record in found.values())


def is_given(scheme: str, key: str, name: str, record: CrmRecord, relation: str) -> bool:
    """What the table says: each permission that is needed reaches a record in this relation."""
    grants = tables.expected(scheme)[key]
    reaches = {"all"} | RELATIONS[relation]
    if record.record_type == "activity":
        reaches -= {"shared"}
    needed = {name, f"view_{record.record_type}"} | tables.prerequisites(scheme).get(name, frozenset())
    on_the_record = all(grants[each][0] & reaches for each in needed)
    if record.record_type != "activity":
        return on_the_record
    return on_the_record and bool(grants["view_lead"][0] & ({"all"} | RELATIONS[relation]))
