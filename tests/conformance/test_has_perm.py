"""Every cell of the five schemes, asked through `has_perm` of people who hold the role."""

from collections.abc import Iterator

import pytest

from apps.access.records import Record
from apps.accounts.models import User
from apps.roles import catalogue
from tests.conformance import tables
from tests.conformance.tables import CATALOGUE
from tests.factories import (
    FACTORIES,
    ActivityFactory,
    Cast,
    MembershipFactory,
    ParentMembershipFactory,
    UserFactory,
    make_cast,
    share,
)

pytestmark = pytest.mark.django_db
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
    user = UserFactory(name="Sam Smith")
    if tables.roles(cast.account.scheme)[key].kind == "parent":
        ParentMembershipFactory(account=cast.account, user=user, role=key)
    else:
        MembershipFactory(branch=cast.branch, user=user, role=key)
    return user


def records_around(cast: Cast, sam: User, mate: User) -> Iterator[tuple[str, Record]]:
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


def is_given(scheme: str, key: str, name: str, record: Record, relation: str) -> bool:
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


def asked_of(name: str, record: Record) -> bool:
    permission = catalogue.get(name)
    return permission.target == "record" and record.record_type in (permission.record_types or FACTORIES)


@pytest.mark.parametrize(("scheme", "key"), HELD)
def test_a_role_gives_on_records_what_its_table_says(scheme: str, key: str) -> None:
    cast = make_cast(scheme)
    sam = somebody_with(cast, key)
    mate = cast.join()
    if tables.roles(scheme)[key].kind == "branch":
        cast.team(sam, mate)
    wrong = [
        f"{key} {'lacks' if expected else 'has'} {name} on a {relation} {record.record_type}"
        for relation, record in records_around(cast, sam, mate)
        for name in CATALOGUE
        if asked_of(name, record)
        and (expected := is_given(scheme, key, name, record, relation))
        is not sam.has_perm(catalogue.get(name).full_name, record)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("scheme", "key"), HELD)
def test_a_role_gives_on_the_branch_and_the_account_what_its_table_says(scheme: str, key: str) -> None:
    cast = make_cast(scheme)
    sam = somebody_with(cast, key)
    grants = tables.expected(scheme)[key]
    wrong = []
    for name, permission in CATALOGUE.items():
        if permission.target == "record":
            continue
        needed = {name} | tables.prerequisites(scheme).get(name, frozenset())
        expected = all(grants[each][0] for each in needed)
        place = cast.account if permission.target == "account" else cast.branch
        if sam.has_perm(catalogue.get(name).full_name, place) is not expected:
            wrong.append(f"{key} {'lacks' if expected else 'has'} {name}")
    assert not wrong, "\n".join(wrong)
