"""The log in the admin: who reads what of it, how it is filtered and taken along, and that nobody writes to it."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Account, Branch, User
from apps.audit.models import Operation
from apps.audit.services import EntryValues, record
from apps.audit.services import operation as operation_of
from apps.changes.members import ChangeRole
from apps.changes.overrides import SetOverride
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.admin.people import all_but, browser, everything, staff
from tests.factories import Cast, make_cast, published

pytestmark = pytest.mark.django_db
LOG = "/admin/audit/operation/"
SEES = "view_audit_log"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def reader(branch: Branch) -> User:
    return staff(branch, everything())


def role_changed(cast: Cast, user: User, branch: Branch, *, reason: str, role: str = "admin") -> int:
    membership = Membership.objects.get(user=user, branch=branch)
    change = ChangeRole(
        account_id=cast.account.pk, membership_id=membership.pk, role_id=published(cast.account.scheme, role).pk
    )
    done = change.apply(actor=None, reason=reason)
    assert done.operation_id is not None
    return done.operation_id


def listed(client: Client, query: str = "") -> set[int]:
    response = client.get(f"{LOG}{query}")
    assert response.status_code == 200
    return {operation.pk for operation in response.context["cl"].result_list}


def taken(client: Client, kind: str, query: str = "") -> Any:
    response = client.post(f"{LOG}export/{kind}/{query}")
    assert response.status_code == 200
    body = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return json.loads(body) if kind == "json" else list(csv.DictReader(io.StringIO(body)))


def test_a_branchs_entries_are_for_those_who_hold_the_right_there(cast: Cast) -> None:
    south = cast.branch_beside()
    there = cast.join(branch=south)
    here_op = role_changed(cast, cast.member, cast.branch, reason="Leads the team here")
    there_op = role_changed(cast, there, south, reason="Leads the team there")
    client = browser(reader(south))
    assert there_op in listed(client)
    assert here_op not in listed(client)
    assert client.get(f"{LOG}{there_op}/change/").status_code == 200
    hidden, nothing = client.get(f"{LOG}{here_op}/change/"), client.get(f"{LOG}{10**9}/change/")
    assert (hidden.status_code, hidden.content) == (404, nothing.content)
    assert {row["operation"] for row in taken(client, "json")} & {here_op, there_op} == {there_op}


def test_an_operation_on_several_branches_shows_each_reader_their_own_entries(cast: Cast) -> None:
    south = cast.branch_beside()
    cast.join(branch=south, user=cast.member)
    with operation_of(verb="access.role.changed", actor=None, reason="Both at once"):
        Membership.objects.filter(user=cast.member).update(role=published("atlas", "admin"))
    operation = Operation.objects.filter(reason="Both at once").latest("pk")
    assert operation.entries.count() == 2
    page = browser(reader(south)).get(f"{LOG}{operation.pk}/change/")
    assert [image.entry.branch_id for image in page.context["images"]] == [south.pk]


def test_what_concerns_no_branch_is_for_those_who_hold_it_on_every_one(cast: Cast) -> None:
    south = cast.branch_beside()
    person = reader(south)
    with operation_of(verb="access.account.changed", actor=None, reason="They have sons now"):
        Account.objects.filter(pk=cast.account.pk).update(name="Acme and sons")
    everywhere = Operation.objects.get(reason="They have sons now").pk
    client = browser(person)
    assert everywhere not in listed(client)
    Membership.objects.create(
        account=cast.account, branch=cast.branch, user=person, role=Membership.objects.get(user=person).role
    )
    assert everywhere in listed(client)


def test_another_accounts_log_is_not_there(cast: Cast) -> None:
    with operation_of(verb="access.role.changed", actor=None, reason="Over there"):
        Membership.objects.filter(user=cast.outsider).update(role=published("atlas", "admin"))
    elsewhere = Operation.objects.get(reason="Over there").pk
    client = browser(reader(cast.branch))
    assert elsewhere not in listed(client)
    foreign, nothing = client.get(f"{LOG}{elsewhere}/change/"), client.get(f"{LOG}{10**9}/change/")
    assert (foreign.status_code, foreign.content) == (404, nothing.content)
    assert elsewhere not in {row["operation"] for row in taken(client, "json")}


def test_without_the_right_the_page_names_it(cast: Cast) -> None:
    client = browser(staff(cast.branch, all_but(SEES)))
    operation = role_changed(cast, cast.member, cast.branch, reason="Leads")
    for address in (LOG, f"{LOG}{operation}/change/"):
        response = client.get(address)
        assert (response.status_code, SEES in response.content.decode()) == (403, True)
    assert client.post(f"{LOG}export/csv/").status_code == 403
    assert LOG not in client.get("/admin/").content.decode()


def test_it_is_filtered_by_person_verb_time_and_words_of_the_reason(cast: Cast) -> None:
    person = reader(cast.branch)
    role = role_changed(cast, cast.member, cast.branch, reason="Takes over from Zoë")
    membership = Membership.objects.get(user=cast.member, branch=cast.branch)
    override = (
        SetOverride(account_id=cast.account.pk, membership_id=membership.pk, permission="export_lead", scope=Scope.NONE)
        .apply(actor=cast.owner, reason="Asked for it")
        .operation_id
    )
    client = browser(person)
    today = timezone.localdate()
    tomorrow, yesterday = today + timedelta(days=1), today - timedelta(days=1)
    assert listed(client, "?q=zoë") == {role}
    assert listed(client, "?verb=access.override.set") == {override}
    assert listed(client, f"?by={cast.owner.pk}") == {override}
    by_console = listed(client, "?by=console")
    assert role in by_console
    assert override not in by_console
    assert {role, override} <= listed(client, f"?about={cast.member.pk}")
    assert {role, override} <= listed(client, f"?at_from={today}&at_to={today}")
    assert listed(client, f"?at_from={tomorrow}") == set() == listed(client, f"?at_to={yesterday}")
    assert listed(client, "?by=999999999") == set() == listed(client, "?verb=nothing")
    assert listed(client, "?at_from=soon") >= {role}


def test_one_operation_shows_before_and_after_with_names_and_marks_what_changed(cast: Cast) -> None:
    operation = role_changed(cast, cast.member, cast.branch, reason="<b>Leads</b>")
    page = browser(reader(cast.branch)).get(f"{LOG}{operation}/change/")
    (image,) = page.context["images"]
    changed = [(line.label, line.before, line.after) for line in image.lines if line.changed]
    assert changed == [("Role", "Member", "Admin")]
    assert "<b>Leads</b>" not in page.content.decode()


def test_the_export_is_what_the_list_shows_and_stands_in_the_log(cast: Cast) -> None:
    person = reader(cast.branch)
    role_changed(cast, cast.member, cast.branch, reason="=1+1")
    client = browser(person)
    (row,) = taken(client, "csv", "?q=%3D1")
    assert (row["reason"], row["verb"], row["actor"]) == ("'=1+1", "access.role.changed", "the operator at the console")
    assert json.loads(row["after"])["names"]["role"] == "Admin"
    (told,) = taken(client, "json", "?q=%3D1")
    assert told["before"]["names"]["role"] == "Member"
    exports = Operation.objects.filter(verb="access.log.exported", actor_id=person.pk)
    assert exports.count() == 2
    entry = exports.latest("pk").entries.get()
    assert entry.after == {"file": "JSON", "narrowed by": {"q": "=1"}}
    assert taken(client, "json", "?q=nothing at all") == []


def test_nothing_writes_to_it(cast: Cast) -> None:
    operation = role_changed(cast, cast.member, cast.branch, reason="Leads")
    client = browser(reader(cast.branch))
    before = Operation.objects.count()
    for address in (f"{LOG}add/", f"{LOG}{operation}/delete/", f"{LOG}{operation}/history/", f"{LOG}export/xml/"):
        assert client.post(address, {"post": "yes"}).status_code == 404
    assert client.get(f"{LOG}export/csv/").status_code == 405
    client.post(f"{LOG}{operation}/change/", {"reason": "another"})
    client.post(LOG, {"action": "delete_selected", "_selected_action": [operation], "post": "yes"})
    assert Operation.objects.count() == before
    assert Operation.objects.get(pk=operation).reason == "Leads"


def test_the_shielded_ones_overrides_are_read_by_nobody_else() -> None:
    cast = make_cast("staff-ladder")
    assert cast.account.role_system.shield
    membership = Membership.objects.get(user=cast.owner)
    with transaction.atomic():
        operation = record(
            verb="access.override.set",
            actor=cast.owner,
            reason="Mine",
            account_id=cast.account.pk,
            entries=[
                EntryValues(
                    target_type="access.override",
                    target_id=1,
                    target_text="Override",
                    branch_id=cast.branch.pk,
                    user_id=cast.owner.pk,
                )
            ],
        )
    User.objects.filter(pk=cast.owner.pk).update(is_staff=True)
    assert operation.pk not in listed(browser(staff(cast.branch, everything())))
    assert operation.pk in listed(browser(User.objects.get(pk=membership.user_id)))


def test_a_page_of_fifty_stays_within_its_queries(cast: Cast) -> None:
    client = browser(reader(cast.branch))
    for number in range(55):
        role_changed(cast, cast.member, cast.branch, reason="More", role=("admin", "member")[number % 2])
    client.get("/admin/")
    with CaptureQueriesContext(connection) as queries:
        response = client.get(LOG)
    assert len(response.context["cl"].result_list) == 50
    assert len(queries) <= 15, "\n".join(query["sql"] for query in queries)
