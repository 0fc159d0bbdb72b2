"""Opportunities of several pipelines in the admin: the form, the list with its filters, the bulk change, the sums."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from apps.access.context import AccessContext
from apps.access.mandate_cache import bind_account
from apps.accounts.models import User
from apps.crm.models import Change, LeadStatus, Opportunity, OpportunityStatus, Pipeline
from apps.crm.pipelines import my_pipelines
from apps.crm.services import update_record
from apps.crm.services.history import history_of
from tests.admin.people import all_but, browser, everything, form_of, make, staff, url
from tests.factories import Cast, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def person(cast: Cast) -> User:
    return staff(cast.branch, everything())


@pytest.fixture
def client(person: User) -> Client:
    return browser(person)


@pytest.fixture
def renewals(cast: Cast) -> Pipeline:
    """A second pipeline; its Proposal has a namesake in the first one."""
    pipeline = Pipeline.objects.create(account=cast.account, name="Renewals", position=1)
    for position, name in enumerate(("Due", "Proposal")):
        OpportunityStatus.objects.create(account=cast.account, pipeline=pipeline, name=name, position=position)
    return pipeline


def sales(cast: Cast, name: str) -> OpportunityStatus:
    return OpportunityStatus.objects.get(account=cast.account, pipeline__name="Sales", name=name)


def statuses_of(page: Any) -> list[Any]:
    """The choices of the status in a form."""
    return list(page.context["adminform"].form.fields["status"].choices)


def listed(response: Any) -> set[str]:
    return {row.reference for row in response.context["cl"].result_list}


def test_the_form_offers_statuses_under_their_pipelines(cast: Cast, client: Client, renewals: Pipeline) -> None:
    page = client.get(url("opportunity", "add"))
    empty, first, second = statuses_of(page)
    assert empty[0] == ""
    assert (first[0], [label for _, label in first[1]][:2]) == ("Sales", ["Qualification", "Needs analysis"])
    assert (second[0], [label for _, label in second[1]]) == ("Renewals", ["Due", "Proposal (Renewals)"])
    assert '<optgroup label="Renewals">' in page.content.decode()
    due = renewals.statuses.all()[0]
    data = form_of(client, url("opportunity", "add"), name="Another year", status=str(due.pk))
    assert client.post(url("opportunity", "add"), data).status_code == 302
    made = Opportunity.objects.get(name="Another year")
    assert (made.status, made.pipeline) == (due, renewals)


def test_with_one_pipeline_the_form_and_the_list_do_not_speak_of_it(cast: Cast, client: Client) -> None:
    make("opportunity", cast.branch, status=sales(cast, "Proposal"))
    page = client.get(url("opportunity", "add"))
    assert "<optgroup" not in page.content.decode()
    assert [label for _, label in statuses_of(page)][1:3] == ["Qualification", "Needs analysis"]
    shown = client.get(url("opportunity", "changelist"))
    assert "Sales: " not in shown.content.decode()
    assert "pipeline" not in {spec.parameter_name for spec in shown.context["cl"].filter_specs}
    assert "way" not in shown.context["cl"].list_display


def test_what_is_no_longer_offered_is_kept_and_not_picked(cast: Cast, client: Client, renewals: Pipeline) -> None:
    due = renewals.statuses.all()[0]
    has_it, other = make("opportunity", cast.branch, status=due), make("opportunity", cast.branch)
    Pipeline.objects.filter(pk=renewals.pk).update(offered=False)
    groups = dict(statuses_of(client.get(url(has_it))))
    assert [label for _, label in groups["Renewals"]] == ["Due (no longer offered)"]
    kept = client.post(url(has_it), form_of(client, url(has_it), name="Renamed"))
    assert kept.status_code == 302
    assert Opportunity.objects.get(name="Renamed").status == due
    refused = client.post(url(other), form_of(client, url(other)) | {"status": str(due.pk)})
    assert refused.status_code == 200
    assert Opportunity.objects.get(pk=other.pk).status is None
    LeadStatus.objects.filter(account=cast.account, name="Contacted").update(offered=False)
    offered = [label for _, label in statuses_of(client.get(url("lead", "add")))]
    assert "New" in offered
    assert "Contacted" not in offered


@pytest.mark.parametrize("sent", ["foreign", "1000000000", "9" * 40, "x", "1\0"])
def test_a_status_of_another_account_is_refused_as_one_of_nobody(cast: Cast, client: Client, sent: str) -> None:
    foreign = OpportunityStatus.objects.filter(account=cast.elsewhere.account)[0]
    opportunity = make("opportunity", cast.branch)
    data = form_of(client, url(opportunity)) | {"status": str(foreign.pk) if sent == "foreign" else sent}
    refused = client.post(url(opportunity), data)
    assert refused.status_code == 200
    assert refused.context["adminform"].form.errors["status"]
    assert Opportunity.objects.get(pk=opportunity.pk).status is None


def test_the_list_is_narrowed_by_pipeline_and_shows_it(cast: Cast, client: Client, renewals: Pipeline) -> None:
    due, proposal = renewals.statuses.all()
    make("opportunity", cast.branch, reference="O-1", status=due)
    make("opportunity", cast.branch, reference="O-2", status=proposal)
    make("opportunity", cast.branch, reference="O-3", status=sales(cast, "Proposal"))
    make("opportunity", cast.branch, reference="O-4")
    address = url("opportunity", "changelist")
    page = client.get(address)
    assert listed(page) == {"O-1", "O-2", "O-3", "O-4"}
    place = page.context["cl"].list_display.index("state")
    assert page.context["cl"].list_display[place - 1] == "way"
    assert "Renewals: Proposal" in page.content.decode()
    assert listed(client.get(address, {"pipeline": renewals.pk})) == {"O-1", "O-2"}
    assert listed(client.get(address, {"status": proposal.pk})) == {"O-2"}
    assert listed(client.get(address, {"pipeline": str(renewals.pk), "outcome": "won"})) == set()
    foreign = Pipeline.objects.get(account=cast.elsewhere.account)
    for value in (str(foreign.pk), "1000000000", "9" * 40, "x", "\0"):
        assert listed(client.get(address, {"pipeline": value})) == set(), value


def test_a_filter_shows_nothing_that_is_out_of_sight(cast: Cast, renewals: Pipeline) -> None:
    due = renewals.statuses.all()[0]
    person = staff(cast.branch, {**everything(), "view_opportunity": everything()["view_opportunity"].RESPONSIBLE})
    make("opportunity", cast.branch, reference="O-1", status=due)
    make("opportunity", cast.branch, reference="O-2", status=due, responsible=person)
    assert listed(browser(person).get(url("opportunity", "changelist"), {"pipeline": renewals.pk})) == {"O-2"}


def test_several_are_moved_into_another_pipeline_and_their_history_says_so(
    cast: Cast, client: Client, person: User, renewals: Pipeline
) -> None:
    rows = [make("opportunity", cast.branch, responsible=person, status=sales(cast, "Proposal")) for _ in range(2)]
    proposal = renewals.statuses.get(name="Proposal")
    sent = {"action": "change_status", "_selected_action": [str(row.pk) for row in rows]}
    page = client.post(url("opportunity", "changelist"), sent, follow=True)
    assert '<optgroup label="Renewals">' in page.content.decode()
    foreign = OpportunityStatus.objects.filter(account=cast.elsewhere.account)[0]
    for value, found in ((foreign, "Sales"), (proposal, "Renewals")):
        client.post(url("opportunity", "changelist"), {**sent, "post": "yes", "value": str(value.pk)}, follow=True)
        pipelines = {opportunity.pipeline for opportunity in Opportunity.objects.filter(account=cast.account)}
        assert {str(pipeline) for pipeline in pipelines} == {found}
    (entry,) = history_of(rows[0], reader=person)
    assert [(line.label, line.before, line.after) for line in entry.lines] == [
        ("Status", "Sales: Proposal", "Renewals: Proposal")
    ]


def test_within_a_pipeline_the_history_names_the_status_alone(cast: Cast, renewals: Pipeline) -> None:
    opportunity = make("opportunity", cast.branch, responsible=cast.owner, status=sales(cast, "Proposal"))
    update_record(opportunity, actor=cast.owner, changes={"status": sales(cast, "Won")})
    update_record(opportunity, actor=cast.owner, changes={"status": None})
    update_record(opportunity, actor=cast.owner, changes={"status": renewals.statuses.all()[0]})
    told = [line for entry in history_of(opportunity, reader=cast.owner) for line in entry.lines]
    assert [(line.before, line.after) for line in told] == [
        ("", "Renewals: Due"),
        ("Sales: Won", ""),
        ("Proposal", "Won"),
    ]
    # What was written down before there were pipelines.
    Change.objects.update(fields={"status": [{"id": 1, "name": "Old"}, {"id": 2, "name": "New"}]})
    assert history_of(opportunity, reader=cast.owner)[0].lines[0].after == "New"


def test_a_companys_page_shows_the_pipeline_of_its_deals(cast: Cast, client: Client, renewals: Pipeline) -> None:
    company = make("company", cast.branch)
    make("opportunity", cast.branch, company=company, status=renewals.statuses.all()[0])
    page = client.get(url(company)).content.decode()
    assert re.search(r"\bRenewals\b", page)


def test_my_deals_are_summed_by_pipeline_and_status(cast: Cast, person: User, renewals: Pipeline) -> None:
    due = renewals.statuses.all()[0]
    proposal = sales(cast, "Proposal")
    for status, amount, currency in ((proposal, 100, "EUR"), (proposal, 50, "USD"), (due, 7, "EUR"), (due, 8, "EUR")):
        make("opportunity", cast.branch, responsible=person, status=status, amount=amount, amount_currency=currency)
    make("opportunity", cast.branch, responsible=person, status=due)
    make("opportunity", cast.branch, responsible=person, amount=1000, amount_currency="EUR")
    make("opportunity", cast.branch, responsible=cast.owner, status=due, amount=1000, amount_currency="EUR")
    make("opportunity", cast.branch, responsible=person, status=sales(cast, "Won"), amount=9, amount_currency="EUR")
    bind_account(person, cast.account)
    found = [
        (
            standing.name,
            standing.count,
            [str(amount) for amount in standing.sums],
            [(stage.name, stage.count, stage.share) for stage in standing.stages],
        )
        for standing in my_pipelines(AccessContext(person))
    ]
    assert [(name, count, stages) for name, count, _, stages in found] == [
        ("Sales", 2, [("Proposal", 2, 67)]),
        ("Renewals", 3, [("Due", 3, 100)]),
    ]
    assert [len(sums) for _, _, sums, _ in found] == [2, 1]
    client = browser(person)
    today = client.get("/admin/").content.decode()
    assert "Renewals" in today
    assert f"status={due.pk}" in today
    work = client.get("/").content.decode()
    assert "Renewals" in work
    assert "3 deals" in work
    assert "EUR" in work


def test_the_sums_are_for_those_who_may_see_the_pipeline(cast: Cast, renewals: Pipeline) -> None:
    person = staff(cast.branch, all_but("view_pipeline"))
    make("opportunity", cast.branch, responsible=person, status=renewals.statuses.all()[0])
    assert "Renewals" not in browser(person).get("/").content.decode()
    assert "Renewals" not in browser(person).get("/admin/").content.decode()


def test_an_export_names_the_pipeline(cast: Cast, client: Client, renewals: Pipeline) -> None:
    rows = [make("opportunity", cast.branch, status=status) for status in renewals.statuses.all()]
    rows.append(make("opportunity", cast.branch))
    sent = {"action": "export_selected", "_selected_action": [str(row.pk) for row in rows]}
    header, *lines = client.post(url("opportunity", "changelist"), sent).content.decode().splitlines()
    assert header.split(",")[4:6] == ["pipeline", "status"]
    assert sorted(line.split(",")[4:6] for line in lines) == [["", ""], ["Renewals", "Due"], ["Renewals", "Proposal"]]
