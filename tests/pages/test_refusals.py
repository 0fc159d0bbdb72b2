"""A refusal is one line in the server's log, and a sentence for the person."""

import pytest

from tests.admin.people import all_but, browser, staff
from tests.factories import make_cast

pytestmark = pytest.mark.django_db


def test_a_refusal_is_logged_with_who_and_what(caplog: pytest.LogCaptureFixture) -> None:
    cast = make_cast()
    user = staff(cast.branch, all_but("view_audit_log"))
    browser(user).get(f"/a/{cast.account.slug}/audit/")
    told = f"User {user.pk} in account {cast.account.pk} was refused view_audit_log at /a/{cast.account.slug}/audit/"
    assert told in [record.getMessage() for record in caplog.records]
