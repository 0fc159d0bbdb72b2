"""How many queries each list and page makes: what `baselines.json` says at most, and never more than is allowed.

Measured for a member whose reaches are mixed, on full lists. A failure prints the SQL; where a page got cheaper, the
new number belongs into the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.access.mandate_cache import forget_kept
from apps.accounts.models import User
from apps.roles.scopes import IN_GROUP
from tests.admin.people import TYPES, browser, everything, make, staff, url
from tests.factories import Cast, make_cast, share

pytestmark = pytest.mark.django_db
BASELINES: dict[str, int] = json.loads((Path(__file__).parent / "baselines.json").read_text())
ROWS = 50
MOST = {"changelist": 12, "change": 20}


def viewer_of(cast: Cast) -> User:
    """A user with the costliest scopes: own records, their team's, and shared ones."""
    grants = everything()
    for record_type in TYPES:
        for verb in ("view", "change", "delete"):
            if f"{verb}_{record_type}" in grants and record_type != "activity":
                grants[f"{verb}_{record_type}"] = IN_GROUP
    viewer = staff(cast.branch, grants)
    cast.team(viewer, cast.member)
    return viewer


def fill(cast: Cast, record_type: str, viewer: User) -> Any:
    """More than one page of records that the viewer sees through one reach or another, linked to visible records."""
    company = make("company", cast.branch, responsible=cast.member)
    contact = make("contact", cast.branch, responsible=cast.member)
    linked = {
        "lead": {"company": company, "contact": contact},
        "contact": {"company": company},
        "opportunity": {"company": company, "contact": contact},
        "activity": {"about": contact},
    }.get(record_type, {})
    for number in range(ROWS + 5):
        about = {"about": (company, contact)[number % 2]} if record_type == "task" else {}
        record = make(record_type, cast.branch, responsible=(viewer, cast.member)[number % 2], **linked, **about)
    if record_type != "activity":
        outside = make(record_type, cast.branch)
        share(outside, viewer)
    if record_type in {"lead", "contact", "company", "opportunity"}:
        for number in range(12):
            make("task", cast.branch, about=record, responsible=(viewer, cast.member)[number % 2])
            make("activity", cast.branch, about=record, created_by=cast.member)
    return record


@pytest.mark.parametrize("record_type", TYPES)
@pytest.mark.parametrize("page", ["changelist", "change"])
def test_a_page_stays_within_its_queries(record_type: str, page: str) -> None:
    cast = make_cast()
    viewer = viewer_of(cast)
    record = fill(cast, record_type, viewer)
    address = url(record_type, page) if page == "changelist" else url(record)
    client = browser(viewer)
    client.get("/admin/")
    with CaptureQueriesContext(connection) as queries:
        response = client.get(address)
    assert response.status_code == 200
    if page == "changelist":
        assert len(response.context["cl"].result_list) == ROWS
    told = "\n".join(query["sql"] for query in queries)
    assert len(queries) <= BASELINES[f"{record_type} {page}"], f"{len(queries)} queries:\n{told}"
    assert BASELINES[f"{record_type} {page}"] <= MOST[page]


def test_the_first_request_of_a_process_adds_a_constant_number(django_assert_max_num_queries: Any) -> None:
    cast = make_cast()
    viewer = viewer_of(cast)
    client = browser(viewer)
    client.get("/admin/")
    forget_kept()
    with django_assert_max_num_queries(BASELINES["today cold"]):
        assert client.get("/admin/").status_code == 200
