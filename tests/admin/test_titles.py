"""Titles of the admin's pages say what the page shows, as every other page's do."""

from __future__ import annotations

import re

import pytest

from apps.crm.models import Lead
from tests.admin.people import TYPES, browser, everything, make, staff, url
from tests.factories import make_cast

pytestmark = pytest.mark.django_db


def title_of(page: str) -> str:
    (title,) = re.findall(r"<title>(.*?)</title>", page, re.DOTALL)
    return " ".join(title.split())


@pytest.mark.parametrize(
    ("record_type", "title"),
    [
        ("company", "Companies"),
        ("contact", "Contacts"),
        ("lead", "Leads"),
        ("opportunity", "Opportunities"),
        ("task", "Tasks"),
        ("activity", "Activities"),
    ],
)
def test_a_list_is_titled_by_what_it_lists(record_type: str, title: str) -> None:
    client = browser(staff(make_cast().branch, everything()))
    page = client.get(url(record_type, "changelist")).content.decode()
    assert title_of(page) == f"{title} | Mandate"
    assert "to change" not in page


@pytest.mark.parametrize("record_type", sorted(TYPES))
def test_a_record_is_titled_by_its_name(record_type: str) -> None:
    cast = make_cast()
    person = staff(cast.branch, everything())
    record = make(record_type, branch=cast.branch, responsible=person)
    client = browser(person)
    assert title_of(client.get(url(record, "change")).content.decode()) == f"{record} | Mandate"
    assert title_of(client.get(url(record, "delete")).content.decode()) == f"Delete {record} | Mandate"


def test_a_name_that_is_refused_does_not_become_the_title() -> None:
    cast = make_cast()
    person = staff(cast.branch, everything())
    lead = make("lead", branch=cast.branch, responsible=person)
    assert isinstance(lead, Lead)
    page = browser(person).post(url(lead, "change"), {"name": ""}).content.decode()
    assert title_of(page) == f"{lead} | Mandate"
