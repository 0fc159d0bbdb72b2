"""Every cell of the five schemes, asked through `has_perm` of people who hold the role."""

import pytest

from apps.access.records import Record
from apps.roles import catalogue
from tests.conformance import tables
from tests.conformance.held import HELD, is_given, records_around, somebody_with
from tests.conformance.tables import CATALOGUE
from tests.factories import FACTORIES, make_cast

pytestmark = pytest.mark.django_db


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
