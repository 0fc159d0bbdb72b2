"""Who may what with the bills: every page of billing for every role of the five schemes, as the publishers say it."""

from __future__ import annotations

import pytest

from apps.roles.schemes import scheme, scheme_keys
from tests.admin.people import browser
from tests.billing.cases import begin, invoices
from tests.factories import ParentMembershipFactory, UserFactory, make_cast

pytestmark = pytest.mark.django_db

# Who sees bills and changes details, and who chooses the plan; everybody else does neither.
BILLS = {
    "atlas": {"owner", "admin"},
    "amocrm": {"administrator"},
    "atmos": {"admin"},
    "staff-ladder": {"super_admin", "admin", "office_manager"},
    "onepagecrm": {"account_owner", "administrator"},
}
PLANS = {
    "atlas": {"owner"},
    "amocrm": {"administrator"},
    "atmos": {"admin"},
    "staff-ladder": {"super_admin"},
    "onepagecrm": {"account_owner", "administrator"},
}


def branch_roles(key: str) -> list[str]:
    return [role.key for role in scheme(key).roles.values() if role.kind == "branch"]


def test_the_tables_speak_of_every_scheme() -> None:
    assert set(BILLS) == set(PLANS) == set(scheme_keys())


@pytest.mark.parametrize("key", sorted(BILLS))
def test_each_role_opens_the_pages_that_its_publisher_says(key: str) -> None:
    cast = make_cast(key)
    payer = begin(cast.account)
    reference = invoices(cast.account)[0].reference
    for role in branch_roles(key):
        single = scheme(key).roles[role].single
        client = browser(cast.owner if single else cast.join(role))
        # Atlas's founder holds a parent role too, which a member in the same branch role does not.
        sees, chooses = role in BILLS[key], role in PLANS[key]
        expected = {
            "": sees,
            "invoices/": sees,
            f"invoices/{reference}/": sees,
            f"invoices/{reference}/pdf/": sees,
            f"payers/{payer.pk}/": sees,
            "plan/": chooses,
            "how/": chooses,
            "cancel/": chooses,
        }
        found = {path: client.get(f"/a/acme/billing/{path}").status_code for path in expected}
        assert found == {path: 200 if may else 403 for path, may in expected.items()}, role
        # What is sent is refused like what is opened, or comes back as a form that is not filled in.
        sent = {
            path: may for path, may in expected.items() if path in ("plan/", "how/", "cancel/") or "payers/" in path
        }
        found = {path: client.post(f"/a/acme/billing/{path}").status_code for path in sent}
        assert found == {path: 200 if may else 403 for path, may in sent.items()}, role


@pytest.mark.parametrize(
    ("role", "sees", "changes"), [("super_admin", True, True), ("billing_admin", True, False), ("viewer", True, False)]
)
def test_a_parent_role_sees_the_bills_of_every_branch(role: str, sees: bool, changes: bool) -> None:
    cast = make_cast("atlas")
    payer = begin(cast.account)
    reference = invoices(cast.account)[0].reference
    client = browser(ParentMembershipFactory(account=cast.account, user=UserFactory(), role=role).user)
    expected = {
        "": sees,
        "invoices/": sees,
        f"invoices/{reference}/": sees,
        f"invoices/{reference}/pdf/": sees,
        f"payers/{payer.pk}/": changes,
        "plan/": changes,
        "how/": changes,
        "cancel/": changes,
    }
    found = {path: client.get(f"/a/acme/billing/{path}").status_code for path in expected}
    assert found == {path: 200 if may else 403 for path, may in expected.items()}
