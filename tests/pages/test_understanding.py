"""The matrix at a glance, and the page that says why."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

import pytest
import zeal
from django.test import Client
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import User
from apps.audit.models import Operation
from apps.roles.scopes import IF_RESPONSIBLE, Scope
from apps.teams.models import Membership
from tests.admin.people import all_but, browser, everything, make, staff
from tests.factories import Cast, MembershipFactory, OverrideFactory, ParentMembershipFactory, make_cast, published

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def boss(cast: Cast) -> Client:
    return browser(staff(cast.branch, everything(), name="Bea Boss"))


def asked(client: Client, cast: Cast, **values: Any) -> Any:
    with zeal.zeal_ignore():
        response = client.get(f"/a/{cast.account.slug}/why/", {"branch": cast.branch.slug, **values})
    assert response.status_code == 200
    return response


def cells(response: Any, name: str) -> dict[str, Any]:
    (line,) = [line for line in response.context["lines"] if str(line.user) == name]
    return {permission.codename: cell for permission, cell in line.cells}


def test_the_matrix_shows_what_holds_and_marks_overrides(cast: Cast, boss: Client) -> None:
    OverrideFactory(branch=cast.branch, user=cast.member, permission="view_billing", scope=Scope.ALL)
    response = boss.get(f"/a/{cast.account.slug}/matrix/?tab=billing")
    found = cells(response, str(cast.member))
    assert found["view_billing"].scope == Scope.ALL
    assert found["view_billing"].overridden
    assert found["manage_billing"].scope == Scope.NONE
    assert "by an override" in response.content.decode()


def test_the_matrix_goes_on_page_by_page_in_few_queries(
    cast: Cast, boss: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    role = published("atlas", "member")
    for number in range(60):
        MembershipFactory(branch=cast.branch, role=role, user__name=f"Member {number:02}")
    address = f"/a/{cast.account.slug}/matrix/"
    boss.get(address)
    with django_assert_max_num_queries(15):
        first = boss.get(address)
    second = boss.get(address + first.context["part"].after)
    shown = [line.user.pk for page in (first, second) for line in page.context["lines"]]
    assert sorted(shown) == sorted(
        Membership.objects.active().filter(branch=cast.branch).values_list("user", flat=True)
    )


def test_the_matrix_shows_every_category_at_once_under_its_heading(
    cast: Cast, boss: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    address = f"/a/{cast.account.slug}/matrix/"
    tabs = boss.get(address).context["tabs"]
    with django_assert_max_num_queries(15):
        response = boss.get(f"{address}?tab=everything")
    assert list(cells(response, str(cast.member))) == [
        permission.codename for tab in tabs for permission in tab.permissions
    ]
    shown = response.content.decode()
    assert all(f'scope="colgroup">{escape(tab.title)}</th>' in shown for tab in tabs)


def test_the_matrix_is_searched_by_name_branch_and_role(cast: Cast, boss: Client) -> None:
    address = f"/a/{cast.account.slug}/matrix/"
    named = [line.user for line in boss.get(f"{address}?q={cast.member.name}").context["lines"]]
    assert named == [cast.member]
    assert b"No matching members" in boss.get(f"{address}?q=nobody-like-this").content
    assert b"No matching members" in boss.get(f"{address}?branch=nowhere").content
    assert boss.get(f"{address}?q=%00&role=%00&tab=%00").status_code == 200


def test_why_answers_as_the_engine_decides_and_says_what_would_help(cast: Cast, boss: Client) -> None:
    lead = make("lead", cast.branch)
    response = asked(boss, cast, user=cast.member.email, permission="view_lead", record=lead.reference)
    told = response.context["answer"]["explanation"]
    assert not told.allowed
    assert told.fixes
    assert f"{cast.member} doesn’t have access" in response.content.decode()
    lead.responsible = cast.member
    lead.save()
    assert (
        asked(boss, cast, user=cast.member.email, permission="view_lead", record=lead.reference)
        .context["answer"]["explanation"]
        .allowed
    )


def way(response: Any, title: str) -> Any:
    return next(each.act for each in response.context["answer"]["ways"] if each.act and each.act.title == title)


def test_beside_each_way_to_a_yes_a_button_leads_to_it_filled_in(cast: Cast, boss: Client) -> None:
    lead = make("lead", cast.branch, responsible=cast.owner)
    cast.team(cast.owner)
    OverrideFactory(branch=cast.branch, user=cast.member, permission="view_lead", scope=Scope.TEAM | IF_RESPONSIBLE)
    response = asked(boss, cast, user=cast.member.email, permission="view_lead", record=lead.reference)
    with zeal.zeal_ignore():
        sharing = boss.get(way(response, "Share").address).context["form"]
        assert (sharing["who"].value(), sharing["verbs"].value()) == (str(cast.member.pk), ["view"])
        own = boss.get(way(response, "Update permissions").address).context["form"]
        assert own["choice_view_lead"].value() == "all"
        assert not own.is_bound
        joining = boss.get(way(response, "Add to team").address).context["form"]
        assert set(joining["members"].value()) == {cast.owner.pk, cast.member.pk}
        OverrideFactory._meta.model._default_manager.all().delete()
        plain = asked(boss, cast, user=cast.member.email, permission="view_lead", record=lead.reference)
        rising = way(plain, "Change role").address
        assert boss.get(rising).context["form"]["role"].value() == rising.partition("?role=")[2]
    assert way(response, "Set the owner").address.endswith(f"/{lead.pk}/change/#id_responsible")


def test_a_way_that_the_reader_cannot_take_says_what_is_missing(cast: Cast) -> None:
    reader = browser(staff(cast.branch, {"view_member_permissions": Scope.ALL, "view_lead": Scope.ALL}))
    lead = make("lead", cast.branch, responsible=cast.owner)
    response = asked(reader, cast, user=cast.member.email, permission="view_lead", record=lead.reference)
    assert "“Manage team permissions”" in way(response, "Update permissions").missing
    assert "Ann Archer" in way(response, "Update permissions").missing
    assert all(each.act is None or each.act.missing for each in response.context["answer"]["ways"])


def test_who_asks_about_themselves_can_request_it(cast: Cast) -> None:
    asker = staff(cast.branch, {"view_member_permissions": Scope.ALL})
    response = asked(browser(asker), cast, user=asker.email, permission="view_billing")
    asking = way(response, "Request access")
    assert "permission=view_billing" in asking.address
    assert not any(each.act for each in response.context["answer"]["ways"][1:])


def test_why_without_a_record_tells_the_reach(cast: Cast, boss: Client) -> None:
    answer = asked(boss, cast, user=cast.member.email, permission="view_lead").context["answer"]
    assert "explanation" not in answer
    assert answer["cell"].scope == IF_RESPONSIBLE


def test_what_the_asker_cannot_see_is_named_as_nothing(cast: Cast) -> None:
    hidden, foreign = make("lead", cast.branch), make("lead", cast.elsewhere)
    blind = browser(staff(cast.branch, everything() | {"view_lead": Scope.CREATED}))
    answers = {
        str(asked(blind, cast, user=cast.member.email, permission="view_lead", record=reference).context["form"].errors)
        for reference in (hidden.reference, foreign.reference, "L-99999")
    }
    assert len(answers) == 1
    assert "No record with this reference" in answers.pop()
    people = {
        str(asked(blind, cast, user=address, permission="view_lead").context["form"].errors).replace(address, "…")
        for address in (cast.outsider.email, "nobody@example.com")
    }
    assert len(people) == 1


def test_one_asks_about_a_person_by_what_the_field_sends_and_by_their_address(cast: Cast, boss: Client) -> None:
    by_id = asked(boss, cast, user=str(cast.member.pk), permission="view_lead")
    by_address = asked(boss, cast, user=f" {cast.member.email.upper()} ", permission="view_lead")
    typed = asked(boss, cast, user="", user_words=cast.member.email, permission="view_lead")
    assert {response.context["answer"]["person"].pk for response in (by_id, by_address, typed)} == {cast.member.pk}
    offered = by_address.content.decode()
    assert f'<option value="{cast.member.pk}" selected>' in offered
    assert str(cast.outsider) not in offered


def test_a_question_that_makes_no_sense_is_told_so(cast: Cast, boss: Client) -> None:
    response = asked(boss, cast, user=cast.member.email, permission="view_billing", record="L-1")
    assert "doesn’t apply to records" in response.content.decode()
    assert asked(boss, cast, user="nonsense", permission="nothing").context["answer"] is None


# What prerequisites cut off, parent roles, the file, and other branches


def test_the_matrix_counts_in_what_prerequisites_cut_off(cast: Cast, boss: Client) -> None:
    OverrideFactory(branch=cast.branch, user=cast.member, permission="delete_lead", scope=Scope.ALL)
    OverrideFactory(branch=cast.branch, user=cast.member, permission="view_lead", scope=Scope.NONE)
    response = boss.get(f"/a/{cast.account.slug}/matrix/?tab=records")
    cell = cells(response, str(cast.member))["delete_lead"]
    assert (cell.scope, cell.overridden) == (Scope.NONE, True)
    assert "limited by “View leads”" in response.content.decode()


def test_who_holds_a_parent_role_alone_stands_in_the_matrix_and_is_asked_about(cast: Cast, boss: Client) -> None:
    holder = ParentMembershipFactory(account=cast.account, user__name="Pia Parent").user
    assert cells(boss.get(f"/a/{cast.account.slug}/matrix/?tab=records"), "Pia Parent")["view_lead"].scope == Scope.ALL
    assert asked(boss, cast, user=holder.email, permission="view_lead").context["answer"]["cell"].scope == Scope.ALL
    blind = browser(staff(cast.branch, all_but("view_parent_roles")))
    assert "Pia Parent" not in blind.get(f"/a/{cast.account.slug}/matrix/").content.decode()
    refused = asked(blind, cast, user=holder.email, permission="view_lead")
    assert "can be chosen here" in refused.content.decode()


def test_the_file_has_what_the_person_may_see_and_stands_in_the_log(cast: Cast) -> None:
    south = cast.branch_beside()
    MembershipFactory(branch=south, user__name="Sam South")
    ParentMembershipFactory(account=cast.account, user__name="Pia Parent")
    User.objects.filter(pk=cast.member.pk).update(name="=1+1")
    person = staff(cast.branch, all_but("view_parent_roles"), name="Rae Reader")
    address = f"/a/{cast.account.slug}/matrix/export/"
    with zeal.zeal_ignore():
        table = browser(person).post(address, {"file": "csv"})
        told = browser(person).post(address, {"file": "json"}).json()
    lines = list(csv.DictReader(StringIO(table.content.decode())))
    assert {line["name"] for line in lines} == {str(cast.owner), "'=1+1", "Rae Reader"}
    assert {member["name"] for member in told["members"]} == {str(cast.owner), "=1+1", "Rae Reader"}
    assert Operation.objects.filter(verb="access.matrix.exported", actor_id=person.pk).count() == 2
    assert browser(person).post(address, {"file": "exe"}).status_code == 404


def test_a_branch_out_of_sight_is_not_named_by_what_is_asked_of_the_account(cast: Cast) -> None:
    south = cast.branch_beside("Southern Secrets")
    MembershipFactory(branch=south, user=cast.member, role="owner")
    person = browser(staff(cast.branch, everything()))
    page = asked(person, cast, user=cast.member.email, permission="add_branch").content.decode()
    owner = asked(person, cast, user=cast.member.email, permission="manage_subscription")
    assert "Southern Secrets" not in page
    assert "Southern Secrets" not in owner.content.decode()
    told = owner.context["answer"]["explanation"]
    assert told.allowed
    assert told.reasons[-1] == "Something you can’t see grants it."


def test_why_leads_to_the_page_of_the_record(cast: Cast, boss: Client) -> None:
    lead = make("lead", cast.branch)
    page = asked(boss, cast, user=cast.member.email, permission="view_lead", record=lead.reference)
    assert f"/a/{cast.account.slug}/access/lead/{lead.reference}/" in page.content.decode()
