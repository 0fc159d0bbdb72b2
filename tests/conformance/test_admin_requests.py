"""Every record cell of the five schemes, asked through requests to the admin of people who hold the role."""

from http import HTTPStatus

import pytest
from django.test import Client

from apps.crm.models import CrmRecord
from tests.admin.people import browser, form_of, url
from tests.conformance import tables
from tests.conformance.held import HELD, is_given, records_around, somebody_with
from tests.factories import FACTORIES, make_cast

pytestmark = pytest.mark.django_db
ASKED = ("created", "responsible", "stranger's")


def expected(scheme: str, key: str, name: str, record: CrmRecord, relation: str) -> str:
    """Invisible: as nothing. Visible without the right: refused. With it: done."""
    if not is_given(scheme, key, f"view_{record.record_type}", record, relation):
        return "invisible"
    return "allowed" if is_given(scheme, key, name, record, relation) else "refused"


def renames(client: Client, record: CrmRecord) -> str:
    """What becomes of an attempt to change the name. Who may only hand the record over sends a form without a name."""
    page = client.get(url(record))
    if page.status_code == HTTPStatus.NOT_FOUND:
        return "invisible"
    answer = client.post(url(record), {**form_of(client, url(record)), "name": "Renamed"})
    if type(record)._default_manager.get(pk=record.pk).name == "Renamed":
        return "allowed"
    assert answer.status_code in (HTTPStatus.FORBIDDEN, HTTPStatus.FOUND), answer.status_code
    return "refused"


def deletes(client: Client, record: CrmRecord) -> str:
    """What the page that asks before deleting answers."""
    answer = client.get(url(record, "delete")).status_code
    found = {HTTPStatus.OK: "allowed", HTTPStatus.FORBIDDEN: "refused", HTTPStatus.NOT_FOUND: "invisible"}
    return found.get(HTTPStatus(answer), str(answer))


@pytest.mark.parametrize(("scheme", "key"), HELD)
def test_the_admin_lets_a_role_do_what_its_table_says(scheme: str, key: str) -> None:
    cast = make_cast(scheme)
    sam, mate = somebody_with(cast, key), cast.join()
    client = browser(sam)
    wrong = []
    for relation, record in records_around(cast, sam, mate):
        if relation not in ASKED:
            continue
        for verb, answer in (("delete", deletes(client, record)), ("change", renames(client, record))):
            should = expected(scheme, key, f"{verb}_{record.record_type}", record, relation)
            if answer != should:
                wrong.append(f"{key} {verb}s a {relation} {record.record_type}: {answer}, not {should}")
    grants = tables.expected(scheme)[key]
    for kind in FACTORIES:
        status = HTTPStatus.OK if grants[f"add_{kind}"][0] else HTTPStatus.FORBIDDEN
        if (answered := client.get(url(kind, "add")).status_code) != status:
            wrong.append(f"{key} adds a {kind}: {answered}, not {status}")
    assert not wrong, "\n".join(wrong)
