"""What people write never becomes a part of a page of the admin: no element, no attribute, no expression."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import pytest
import zeal
from django.contrib.postgres.fields import ArrayField
from django.test import Client

from apps.access.operators import open_session
from apps.crm.models import CustomField
from tests.admin.people import TYPES, all_but, browser, form_of, staff, url
from tests.admin.stored import ADDRESS, LONG, LONGEST, OPERATION, SHORT, TEXTS, Reading, pages, plant, text_of
from tests.factories import CustomFieldFactory, OperatorFactory
from tests.fence.world import Side, make_side
from tests.pages.canary import exempt, models_of_accounts, text_fields

pytestmark = pytest.mark.django_db
OWN_CODE = "a word of our code or of a provider, which nobody writes"
ELSEWHERE = "shown on the account's pages, not in the admin"
CHECKED = "checked when it is written: neither markup nor quotes pass"
# Columns of many tables: the numbers of records, their histories and shares, which show what is planted elsewhere.
NAMED_OTHERWISE = (".custom", ".reference", ".website", "share.reason", "crm_change.actor_name", "crm_change.fields")
# Texts of an account that are long enough, and are not planted here.
OTHERS = {
    "access_queuedpreview.address": OWN_CODE,
    "access_queuedpreview.change": OWN_CODE,
    "access_queuedpreview.result": OWN_CODE,
    "access_queuedpreview.sent": OWN_CODE,
    "account_emailaddress.email": CHECKED,
    "account_emailconfirmation.key": OWN_CODE,
    "accounts_account.second_factor": OWN_CODE,
    "accounts_account.slug": CHECKED,
    "accounts_apitoken.name": ELSEWHERE,
    "accounts_branch.slug": CHECKED,
    "accounts_jobfailure.cause": ELSEWHERE,
    "accounts_preferences.time_zone": OWN_CODE,
    "accounts_user.email": CHECKED,
    "audit_verification.fault": ELSEWHERE,
    "audit_verification.head_hash": OWN_CODE,
    "audit_verification.kept_fault": ELSEWHERE,
    "billing_attempt.external_id": OWN_CODE,
    "billing_attempt.failure": ELSEWHERE,
    "billing_invoice.buyer_details": ELSEWHERE,
    "billing_invoice.note": ELSEWHERE,
    "billing_invoice.seller_details": OWN_CODE,
    "billing_mailing.address": CHECKED,
    "billing_payer.address": ELSEWHERE,
    "billing_payer.customer": OWN_CODE,
    "billing_payer.email": CHECKED,
    "billing_payer.method": OWN_CODE,
    "billing_payer.method_label": ELSEWHERE,
    "billing_payer.name": ELSEWHERE,
    "crm_customfield.former_choices": "a value that is no longer offered is planted instead: `crm_lead.custom.choice`",
    "mfa_authenticator.data": ELSEWHERE,
    "roles_role.key": CHECKED,
    "teams_invitation.email": CHECKED,
    "teams_team.slug": CHECKED,
    "usersessions_usersession.data": ELSEWHERE,
    "usersessions_usersession.user_agent": ELSEWHERE,
}


@pytest.fixture
def side() -> Side:
    return plant()


@pytest.fixture
def client(side: Side) -> Client:
    return browser(side.staff)


def read(client: Client, address: str) -> Reading:
    with zeal.zeal_ignore():
        answer = client.get(address)
    is_page = answer.headers["Content-Type"].startswith("text/html")
    return Reading(answer.content.decode() if is_page else "")


def shown(readings: Iterable[Reading]) -> str:
    """Every text of the pages."""
    return "\n".join(text for reading in readings for text in reading.texts)


def test_every_text_is_text_on_every_page_and_is_shown(side: Side, client: Client) -> None:
    readings = {address: read(client, address) for address in pages(side)}
    assert {address: reading.faults for address, reading in readings.items() if reading.faults} == {}
    told = shown(readings.values())
    assert [name for name in TEXTS if text_of(name) not in told] == []


def test_who_may_only_look_reads_them_as_text_too(side: Side) -> None:
    reader = browser(staff(side.branch, all_but(*(f"change_{each}" for each in TYPES), "assign_record")))
    readings = {each: read(reader, url(record)) for each, record in side.records.items()}
    assert {each: reading.faults for each, reading in readings.items() if reading.faults} == {}
    told = shown(readings.values())
    own = [name for name in TEXTS if name.startswith("crm_lead.") and not name.endswith(("status", "key"))]
    assert [name for name in own if text_of(name) not in told] == []


def test_a_text_that_is_sent_comes_back_as_text(side: Side, client: Client) -> None:
    lead = side.records["lead"]
    with zeal.zeal_ignore():
        refused = client.post(
            url(lead), form_of(client, url(lead), name=LONG, website=ADDRESS, branch=LONG, emails=[LONG])
        )
        asked = client.post(
            "/admin/teams/team/add/", {"name": LONG, "branch": str(side.branch.pk), "slug": LONG, "reason": LONG}
        )
        words = f"?q={quote(LONG)}"
        answers = [
            refused,
            asked,
            client.get(url("lead", "changelist") + words),
            client.get(f"/admin/search/{words}&s={LONG}"),
        ]
    for answer in answers:
        assert answer.status_code == 200
        assert Reading(answer.content.decode()).faults == []
    assert LONG in shown([Reading(refused.content.decode())])
    assert LONG in shown([Reading(asked.content.decode())])


def test_an_operators_reason_is_text(side: Side) -> None:
    operator = OperatorFactory(session=False)
    open_session(operator, reason=LONG)
    page = read(browser(operator), "/admin/operator/")
    assert page.faults == []
    assert LONG in shown([page])


@pytest.mark.parametrize("kind", CustomField.Kind.values)
def test_the_hint_of_an_own_field_is_text_in_each_kind_of_field(kind: str) -> None:
    side = make_side("here")
    choices = [f"a{SHORT}"] if kind in CustomField.OF_CHOICES else []
    CustomFieldFactory(
        account=side.account, key="own", kind=kind, name=f"b{LONG}", help_text=f"c{LONG}", choices=choices
    )
    page = read(browser(side.staff), url("lead", "add"))
    assert page.faults == []
    told = shown([page])
    assert [text for text in (f"b{LONG}", f"c{LONG}", *choices) if text not in told] == []


def test_every_text_that_an_account_has_is_planted_or_known_not_to_be_shown() -> None:
    long_enough = {
        f"{field.model._meta.db_table}.{field.column}"
        for model in models_of_accounts()
        for field in text_fields(model)
        if not exempt(field) and (isinstance(field, ArrayField) or (field.max_length or LONGEST) >= LONGEST)
    }
    planted = {name for name in TEXTS if name.count(".") == 1 and name not in OPERATION}
    assert long_enough - planted - {name for name in long_enough if name.endswith(NAMED_OTHERWISE)} == set(OTHERS)
