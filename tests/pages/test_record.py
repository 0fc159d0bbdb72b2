"""The page of one record's access: who sees it and through what, its shares, and what became of its access."""

from __future__ import annotations

from typing import Any

import pytest
import zeal
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.access import shares
from apps.access.policy import who_may
from apps.access.records import Record
from apps.accounts.models import User
from apps.changes.sharing import GrantShare
from apps.roles.scopes import IF_CREATOR, IF_RESPONSIBLE, IN_GROUP, Scope
from tests.admin.people import all_but, browser, everything, staff
from tests.factories import (
    ActivityFactory,
    Cast,
    ContactFactory,
    LeadFactory,
    MembershipFactory,
    OverrideFactory,
    ParentMembershipFactory,
    TeamFactory,
    UserFactory,
    make_cast,
    published,
    share,
)

pytestmark = pytest.mark.django_db
WHY = "Covers for a colleague"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def boss(cast: Cast) -> User:
    return staff(cast.branch, all_but("view_audit_log"), name="Bea Boss", is_staff=False)


def address(record: Record, rest: str = "") -> str:
    return f"/a/{record.account.slug}/access/{record.record_type}/{record.reference}/{rest}"


def seen(client: Client, record: Record, rest: str = "") -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    page = client.get(address(record, rest))
    assert page.status_code == 200
    return {str(seer.user): (seer.verbs, seer.through) for seer in page.context["seers"]}


def send(client: Client, page: str, **data: Any) -> Any:
    form = client.get(page).context["form"]
    with zeal.zeal_ignore():
        return client.post(page, {"seen": form["seen"].value(), "reason": WHY, "confirmed": "yes", **data})


def person(cast: Cast, name: str, scope: Scope, **grants: Scope) -> User:
    return staff(cast.branch, {"view_lead": scope, **grants}, name=name, is_staff=False)


def test_everybody_who_sees_it_is_named_with_what_shows_it_to_them(cast: Cast, boss: User) -> None:
    answering = person(cast, "Rae", IF_RESPONSIBLE, change_lead=Scope.ALL)
    creator, mate, guest = (
        person(cast, *told) for told in (("Cleo", IF_CREATOR), ("Tess", IN_GROUP), ("Gil", IF_RESPONSIBLE))
    )
    blind = person(cast, "Blind", Scope.NONE)
    given = person(cast, "Olga", Scope.NONE)
    OverrideFactory(branch=cast.branch, user=given, permission="view_lead", author=cast.owner)
    TeamFactory(branch=cast.branch, members=[answering, mate])
    parent = ParentMembershipFactory(account=cast.account, user=UserFactory(name="Pia"), role="viewer").user
    lead = LeadFactory(branch=cast.branch, responsible=answering, created_by=creator)
    share(lead, guest)
    found = seen(browser(boss), lead)
    assert found["Rae"] == (("change",), ("owns it",))
    assert found["Cleo"] == ((), ("created it",))
    assert found["Tess"] == ((), ("is in a team with Rae, who owns it",))
    assert found["Gil"] == ((), ("it is shared with them",))
    assert found["Olga"] == ((), (f"an override by {cast.owner}",))
    assert found["Pia"][1] == (f"the parent role {published('atlas', 'viewer').name}",)
    assert str(blind) not in found
    assert sorted(found) == sorted(str(user) for user in who_may("view_lead", lead))
    assert parent.name in found


def test_a_record_out_of_sight_is_as_none(cast: Cast) -> None:
    client = browser(staff(cast.branch, all_but("view_lead"), is_staff=False))
    lead = LeadFactory(branch=cast.branch)
    nothing = client.get(address(lead).replace(lead.reference, "L-999"))
    hidden = client.get(address(lead))
    assert hidden.status_code == nothing.status_code == 404
    assert hidden.content == nothing.content


def test_somebody_elses_private_contact_is_as_none(cast: Cast, boss: User) -> None:
    contact = ContactFactory(branch=cast.branch, responsible=cast.member, private=True)
    assert browser(boss).get(address(contact)).status_code == 404
    assert browser(boss).get(address(contact, "?do=grant")).status_code == 404


def test_it_is_for_those_who_may_see_the_history_of_this_record(cast: Cast) -> None:
    some = {**everything(), "view_access_history": IF_RESPONSIBLE}
    reader = staff(cast.branch, some, is_staff=False)
    mine, others = LeadFactory(branch=cast.branch, responsible=reader), LeadFactory(branch=cast.branch)
    assert browser(reader).get(address(mine)).status_code == 200
    refused = browser(reader).get(address(others))
    assert (refused.status_code, "view_access_history" in refused.content.decode()) == (403, True)


def test_a_share_is_given_changed_and_taken_away(cast: Cast, boss: User) -> None:
    lead, client = LeadFactory(branch=cast.branch), browser(boss)
    page = address(lead, "?do=grant")
    form = client.get(page).context["form"]
    preview = client.post(page, {"who": cast.member.pk, "verbs": "view", "reason": WHY, "seen": form["seen"].value()})
    assert "What will change" in preview.content.decode()
    answer = send(client, page, who=cast.member.pk, verbs=["view"])
    assert (answer.status_code, answer["Location"]) == (302, address(lead))
    assert str(cast.member) in seen(client, lead)
    named = f"user={cast.member.pk}"
    assert send(client, address(lead, f"?do=change&{named}"), verbs=["view", "change"]).status_code == 302
    assert shares.shared_codenames(lead, cast.member.pk, []) == {"view_lead", "change_lead"}
    assert send(client, address(lead, f"?do=revoke&{named}")).status_code == 302
    assert shares.shared_codenames(lead, cast.member.pk, []) == frozenset()
    history = [event["words"] for event in client.get(address(lead)).context["events"]]
    assert history == ["Share revoked", "Share changed", "Record shared"]


def test_who_may_not_share_reads_why_and_can_ask(cast: Cast) -> None:
    reader = staff(cast.branch, all_but("grant_record_access"), is_staff=False)
    lead = LeadFactory(branch=cast.branch)
    page = browser(reader).get(address(lead)).content.decode()
    assert "You need “Grant" in page
    assert "requests/new/?permission=grant_record_access" in page
    assert browser(reader).get(address(lead, "?do=grant")).status_code == 403


def test_its_history_tells_nothing_of_other_records(cast: Cast, boss: User) -> None:
    lead, other = LeadFactory(branch=cast.branch), LeadFactory(branch=cast.branch)
    for record, reason in ((lead, "Needs this one"), (other, "Needs that one")):
        GrantShare(
            account_id=cast.account.pk,
            record_type="lead",
            record_id=record.pk,
            user_id=cast.member.pk,
            verbs=frozenset({"view"}),
        ).apply(actor=boss, reason=reason)
    page = browser(boss).get(address(lead)).content.decode()
    assert "Needs this one" in page
    assert "Needs that one" not in page


def test_an_activity_has_no_shares_of_its_own(cast: Cast, boss: User) -> None:
    note = ActivityFactory(branch=cast.branch)
    page = browser(boss).get(address(note))
    assert "Share the record they are about" in page.content.decode()
    assert browser(boss).get(address(note, "?do=grant")).status_code == 404


def test_of_very_many_the_first_are_shown_and_others_found_by_name(
    cast: Cast, boss: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(60):
        MembershipFactory(branch=cast.branch, role="owner", user__name=f"Seer No{number:02}")
    lead, client = LeadFactory(branch=cast.branch), browser(boss)
    client.get(address(lead))
    with django_assert_max_num_queries(15):
        page = client.get(address(lead))
    assert len(page.context["seers"]) == 50
    assert page.context["many"] == len(who_may("view_lead", lead))
    assert list(seen(client, lead, "?q=seer+no59")) == ["Seer No59"]


def test_a_reference_may_hold_slashes(cast: Cast, boss: User) -> None:
    lead = LeadFactory(branch=cast.branch)
    type(lead).objects.filter(pk=lead.pk).update(reference="2024/A 7")
    lead.refresh_from_db()
    assert browser(boss).get(address(lead)).status_code == 200
