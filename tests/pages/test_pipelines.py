"""The pages of an account's pipelines and of the statuses of each."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.crm.models import OpportunityStatus, Pipeline
from tests.admin.people import browser, everything, make, staff
from tests.factories import Cast, make_cast

pytestmark = pytest.mark.django_db
TOO_LARGE = 10**30


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def client(cast: Cast) -> Client:
    """A member with every permission on the only branch, in a custom role."""
    return browser(staff(cast.branch, everything()))


@pytest.fixture
def renewals(cast: Cast) -> Pipeline:
    """A second pipeline, with two statuses."""
    pipeline = Pipeline.objects.create(account=cast.account, name="Renewals", position=1)
    for position, name in enumerate(("Due", "Renewed")):
        OpportunityStatus.objects.create(account=cast.account, pipeline=pipeline, name=name, position=position)
    return pipeline


def page_of(cast: Cast, rest: str = "") -> str:
    return f"/a/{cast.account.slug}/settings/pipelines/{rest}"


def text(response: Any) -> str:
    return str(response.content.decode())


def test_one_is_added_and_then_given_statuses(cast: Cast, client: Client) -> None:
    added = client.post(page_of(cast), {"name": "Renewals"})
    pipeline = Pipeline.objects.get(account=cast.account, name="Renewals")
    assert added.headers["Location"] == page_of(cast, f"{pipeline.pk}/statuses/")
    of = added.headers["Location"]
    assert "Statuses of “Renewals”" in text(client.get(of))
    for name in ("Due", "Renewed"):
        assert client.post(of, {"name": name, "outcome": "open", "probability": 40}).headers["Location"] == of
    assert list(pipeline.statuses.values_list("name", "position")) == [("Due", 0), ("Renewed", 1)]
    assert "“Due” is already in the list." in text(client.post(of, {"name": "Due", "outcome": "open"}))
    answer = client.post(of, {"name": "Won", "outcome": "won", "probability": 101})
    assert "less than or equal to 100" in text(answer)
    assert "Due, Renewed" in text(client.get(page_of(cast)))


def test_a_status_is_changed_put_in_order_and_deleted_in_its_own_pipeline_alone(
    cast: Cast, client: Client, renewals: Pipeline
) -> None:
    due, renewed = renewals.statuses.all()
    of = page_of(cast, f"{renewals.pk}/statuses/")
    changed = {"name": "Proposal", "outcome": "open", "probability": 20}
    assert client.post(f"{of}{due.pk}/", changed).headers["Location"] == of
    client.post(f"{of}{renewed.pk}/arrange/", {"act": "up"})
    assert [status.name for status in renewals.statuses.all()] == ["Renewed", "Proposal"]
    sales = Pipeline.objects.get(account=cast.account, name="Sales")
    elsewhere = page_of(cast, f"{sales.pk}/statuses/{due.pk}/")
    assert client.get(elsewhere).status_code == 404
    for page in ("arrange/", "delete/"):
        assert client.post(f"{elsewhere}{page}", {"act": "retire"}).status_code == 404
    assert client.post(f"{of}{due.pk}/delete/").headers["Location"] == of
    assert [status.name for status in renewals.statuses.all()] == ["Renewed"]


def test_the_only_one_that_is_offered_can_neither_be_retired_nor_deleted(cast: Cast, client: Client) -> None:
    sales = Pipeline.objects.get(account=cast.account)
    page = text(client.get(page_of(cast)))
    assert "This is the only pipeline offered." in page
    assert f'href="{sales.pk}/delete/"' not in page
    answer = client.post(page_of(cast, f"{sales.pk}/arrange/"), {"act": "retire"}, follow=True)
    assert "“Sales” is the only pipeline offered. Offer another one first." in text(answer)
    answer = client.post(page_of(cast, f"{sales.pk}/delete/"))
    assert "“Sales” is the only pipeline offered." in text(answer)
    assert "Stop offering" not in text(answer)
    sales.refresh_from_db()
    assert sales.offered


def test_one_with_statuses_is_retired_and_not_deleted(cast: Cast, client: Client, renewals: Pipeline) -> None:
    make("opportunity", cast.branch, status=renewals.statuses.all()[0])
    of = page_of(cast, f"{renewals.pk}/")
    assert "only while it has no statuses" in text(client.get(f"{of}delete/"))
    refused = text(client.post(f"{of}delete/"))
    assert "“Renewals” has statuses." in refused
    assert "Stop offering" in refused
    client.post(f"{of}arrange/", {"act": "retire"})
    renewals.refresh_from_db()
    assert not renewals.offered
    assert "This pipeline and its statuses are no longer offered" in text(client.get(f"{of}statuses/"))
    client.post(f"{of}arrange/", {"act": "offer"})
    renewals.refresh_from_db()
    assert renewals.offered


def test_another_accounts_pipeline_is_as_one_of_nobody(cast: Cast, client: Client, renewals: Pipeline) -> None:
    foreign = Pipeline.objects.get(account=cast.elsewhere.account)
    status = foreign.statuses.all()[0]
    for pk in (foreign.pk, 10**9, TOO_LARGE):
        for rest in (f"{pk}/", f"{pk}/delete/", f"{pk}/statuses/", f"{pk}/statuses/{status.pk}/"):
            assert client.get(page_of(cast, rest)).status_code == 404, rest
        sent = {"name": "Mine", "outcome": "open", "probability": 0, "act": "retire"}
        for rest in (f"{pk}/", f"{pk}/arrange/", f"{pk}/delete/", f"{pk}/statuses/", f"{pk}/statuses/{status.pk}/"):
            assert client.post(page_of(cast, rest), sent).status_code == 404, rest
    for pk in (status.pk, TOO_LARGE):
        assert client.get(page_of(cast, f"{renewals.pk}/statuses/{pk}/")).status_code == 404
    assert not OpportunityStatus.objects.filter(name="Mine").exists()


def test_a_status_sent_with_another_pipeline_stays_in_its_own(cast: Cast, client: Client, renewals: Pipeline) -> None:
    foreign = Pipeline.objects.get(account=cast.elsewhere.account)
    sent = {"name": "Anew", "outcome": "open", "probability": 0, "pipeline": foreign.pk, "account": foreign.account_id}
    assert client.post(page_of(cast, f"{renewals.pk}/statuses/"), sent).status_code == 302
    made = OpportunityStatus.objects.get(name="Anew")
    assert (made.pipeline, made.account) == (renewals, cast.account)


def test_a_name_with_a_character_that_cannot_be_stored_is_refused(cast: Cast, client: Client) -> None:
    assert client.post(page_of(cast), {"name": "Re\0newals"}).status_code in {200, 400}
    assert client.post(page_of(cast), {"name": "x" * 61}).status_code == 200
    assert Pipeline.objects.filter(account=cast.account).count() == 1
