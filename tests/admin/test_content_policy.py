"""What a browser may run on a page of the admin: the files of the product, and nothing that is in the page."""

from __future__ import annotations

import pytest
import zeal

from apps.crm.models import Lead
from tests.admin.people import all_but, browser, staff, url
from tests.admin.stored import Reading, pages
from tests.fence.world import Side, make_side

pytestmark = pytest.mark.django_db
ALLOWED = {
    "base-uri 'none'",
    "connect-src 'self'",
    "default-src 'none'",
    "font-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "img-src 'self' data:",
    "object-src 'none'",
    "script-src 'self' 'unsafe-eval'",
    "style-src 'self'",
}
REPORTED = "require-trusted-types-for 'script'"


@pytest.fixture
def side() -> Side:
    return make_side("here")


def test_no_page_of_the_admin_has_a_script_a_handler_or_a_style_in_it(side: Side) -> None:
    client = browser(side.staff)
    seen = 0
    for address in pages(side):
        with zeal.zeal_ignore():
            answer = client.get(address)
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            assert Reading(answer.content.decode()).faults == [], address
            assert set(answer.headers["Content-Security-Policy"].split("; ")) == ALLOWED, address
            assert answer.headers["Content-Security-Policy-Report-Only"] == REPORTED, address
            seen += 1
    assert seen > 60


def test_a_refusal_in_the_admins_frame_has_the_admins_policy_and_one_elsewhere_has_not(side: Side) -> None:
    client = browser(staff(side.branch, all_but("add_lead", "administer_parent_roles", "manage_roles")))
    refused = client.get(url("lead", "add"))
    page = client.get(f"/a/{side.account.slug}/roles/new/")
    assert refused.status_code == 403
    assert set(refused.headers["Content-Security-Policy"].split("; ")) == ALLOWED
    assert refused.headers["Content-Security-Policy-Report-Only"] == REPORTED
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "Content-Security-Policy-Report-Only" not in page.headers
    assert Lead.objects.count() == 1
