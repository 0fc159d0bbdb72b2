"""Choosing a person among very many: matches, what is shown of them, and that the form accepts only them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.pages.forms import pool
from apps.roles.models import Role
from apps.teams.models import Membership, ParentMembership, Team, TeamMember
from tests.admin.people import all_but, browser, everything, staff
from tests.factories import Cast, LeadFactory, MembershipFactory, UserFactory, make_cast, published
from tests.pages.test_people import confirm
from tests.pages.test_permissions import send, text

pytestmark = pytest.mark.django_db
GRANT, ADD = "/a/acme/parent-roles/grant/", "/a/acme/members/add/"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def owner(cast: Cast) -> Client:
    return browser(staff(cast.branch, everything(), name="Vera Viewer"))


@pytest.fixture
def crowd(cast: Cast) -> list[User]:
    """A hundred more on the branch than are offered in a list."""
    people: list[User] = [
        UserFactory(name=f"Zoe {number:03}", email=f"zoe{number}@acme.example") for number in range(pool.FEW)
    ]
    for person in people:
        MembershipFactory(branch=cast.branch, user=person)
    return people


def found(client: Client, words: str, query: str = "") -> str:
    """What is found as one types."""
    return text(client.get(f"/a/acme/people/?user_words={words}&{query}"))


def parent_role() -> int:
    return published("atlas", "super_admin").pk


def asked(client: Client, page: str, **data: Any) -> Any:
    seen = client.get(page).context["form"]["seen"].value()
    return send(client, page, {"reason": "Asked for it", "seen": seen, **data})


def test_few_are_a_plain_list_and_many_are_searched_for(cast: Cast, owner: Client) -> None:
    few = owner.get(GRANT)
    assert f'<option value="{cast.member.pk}">Ben Baker</option>' in few.content.decode()
    assert "user_words" not in few.content.decode()
    for number in range(pool.FEW):
        MembershipFactory(branch=cast.branch, user=UserFactory(name=f"Zoe {number:03}"))
    many = owner.get(GRANT).content.decode()
    assert "Ben Baker" not in many
    assert 'name="user_words"' in many


def test_they_are_found_by_all_words_of_a_name_and_by_an_address(owner: Client, crowd: list[User]) -> None:
    assert "Ben Baker" in found(owner, "ba+BEN")
    assert "Ben Baker" not in found(owner, "ben+zoe")
    assert "Zoe 042" in found(owner, "zoe42@acme")
    shown = found(owner, "zoe")
    assert f"{pool.SHOWN} people found" in owner.get("/a/acme/people/?user_words=zoe").content.decode()
    assert "There are more" in shown
    assert "No matching person" in found(owner, "xanthippe")


def test_a_choice_narrows_down_and_never_widens_what_is_in_sight(cast: Cast, owner: Client, crowd: list[User]) -> None:
    south = cast.branch_beside()
    dora = cast.join("member", branch=south)
    here = browser(cast.member)
    assert dora.name not in found(here, "", f"on={south.pk}")
    assert "Ben Baker" in found(owner, "ben", f"on={cast.branch.pk}")
    assert "Ben Baker" not in found(owner, "ben", f"on={cast.branch.pk}&but={cast.member.pk}")
    assert "Ben Baker" not in found(owner, "ben", f"on={cast.branch.pk},{south.pk}&every=yes")
    assert found(owner, "", f"on={cast.elsewhere.pk}") == found(owner, "", "on=8888888") == found(owner, "", "on=x")
    assert cast.outsider.name not in found(owner, "olga")
    gone = Membership.objects.filter(user=cast.member)
    gone.update(status=Membership.Status.REMOVED, removed_at="2026-01-01T00:00Z")
    assert "Ben Baker" not in found(owner, "ben")


def test_an_address_is_shown_to_and_found_by_those_who_see_the_members(cast: Cast, crowd: list[User]) -> None:
    with_addresses = browser(staff(cast.branch, all_but()))
    without = browser(staff(cast.branch, all_but("view_members")))
    assert cast.member.email in found(with_addresses, "ben")
    assert "Ben Baker" in found(without, "ben")
    assert cast.member.email not in found(without, "ben")
    assert "Ben Baker" not in found(without, "ben@acme")


def test_without_a_script_the_words_are_searched_for_and_nobody_is_taken_unseen(
    cast: Cast, owner: Client, crowd: list[User]
) -> None:
    one = asked(owner, GRANT, user_words="ben", role=parent_role())
    assert "Do you mean Ben Baker?" in text(one)
    assert f'<option value="{cast.member.pk}" data-name="Ben Baker" selected>' in one.content.decode()
    several = asked(owner, GRANT, user_words="zoe 01", role=parent_role())
    assert "Several people match “zoe 01”. Choose one." in text(several)
    assert several.content.decode().count("<option value") - several.content.decode().count("data-fixed") >= 10
    assert "can be chosen here" in text(asked(owner, GRANT, user_words="olga", role=parent_role()))
    assert not ParentMembership.objects.filter(user__in=[cast.member, *crowd]).exists()
    # Other words than the name of the one who was chosen before are another search.
    other = asked(owner, GRANT, user=cast.member.pk, user_words="zoe 01", role=parent_role())
    assert "Several people match" in text(other)


def test_a_choice_and_a_whole_address_are_taken(cast: Cast, crowd: list[User]) -> None:
    owner = browser(cast.owner)
    confirm(owner, GRANT, user=cast.member.pk, user_words="Ben Baker", role=parent_role())
    assert ParentMembership.objects.filter(user=cast.member).exists()
    confirm(owner, GRANT, user="", user_words=crowd[7].email.upper(), role=parent_role())
    assert ParentMembership.objects.filter(user=crowd[7]).exists()


@pytest.mark.parametrize("value", ["0", "x", "9" * 30, "²", "\0", "-1"])
def test_nobody_out_of_the_choice_is_taken(cast: Cast, owner: Client, crowd: list[User], value: str) -> None:
    before = ParentMembership.objects.count()
    for wrong in (value, str(cast.outsider.pk)):
        answer = asked(owner, GRANT, user=wrong, role=parent_role())
        assert "Choose an option from the list." in text(answer) or "This field is required." in text(answer)
    assert ParentMembership.objects.count() == before


def test_a_plan_of_a_removal_names_receivers_or_an_answer(cast: Cast, owner: Client, crowd: list[User]) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.member, created_by=cast.member)
    page = f"/a/acme/members/{cast.member.pk}/remove/"
    fields = {name: "left" for name in owner.get(page).context["form"].fields if name.startswith("to_")}
    searched = asked(owner, page, **{**fields, "to_lead_words": "zoe 050"}, private="delete")
    assert "Do you mean Zoe 050?" in text(searched)
    confirm(owner, page, **{**fields, "to_lead": crowd[50].pk, "to_lead_words": "Zoe 050"}, private="delete")
    lead.refresh_from_db()
    assert lead.responsible == crowd[50]


def test_a_team_gets_members_by_their_ids_and_by_an_address(cast: Cast, owner: Client, crowd: list[User]) -> None:
    gone = MembershipFactory(branch=cast.branch, status=Membership.Status.REMOVED).user
    team = cast.team(cast.member, gone)
    page = f"/a/acme/teams/{team.pk}/change/"
    shown = owner.get(page).content.decode()
    assert f'value="{cast.member.pk}" checked' in shown
    assert "Zoe 001" not in shown
    searched = asked(owner, page, name=team.name, members=[cast.member.pk], members_words="zoe 00")
    assert "Several people match" in text(searched)
    assert "Zoe 003" in text(searched)
    ids = [cast.member.pk, crowd[3].pk]
    confirm(owner, page, name=team.name, members=ids, members_words=crowd[4].email)
    held = set(TeamMember.objects.filter(team=Team.objects.get()).values_list("user", flat=True))
    assert held == {*ids, crowd[4].pk, gone.pk}
    outside = asked(owner, page, name=team.name, members=[cast.outsider.pk])
    assert "Choose an option from the list." in text(outside)


def test_the_responsible_of_a_record_is_searched_for_in_the_admin(cast: Cast, owner: Client, crowd: list[User]) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.member, created_by=cast.member)
    form = owner.get(f"/admin/crm/lead/{lead.pk}/change/").content.decode()
    assert f'<option value="{cast.member.pk}" data-name="Ben Baker" selected>Ben Baker' in form
    assert "Zoe 001" not in form
    assert "mandate/picker.js" in form
    listed = owner.get("/admin/crm/lead/?responsible_words=zoe+00").content.decode()
    assert f"responsible={crowd[3].pk}" in listed
    assert f"responsible={crowd[50].pk}" not in listed
    assert f"lead/{lead.pk}/change" in owner.get(f"/admin/crm/lead/?responsible={cast.member.pk}").content.decode()
    assert f"lead/{lead.pk}/change" not in owner.get(f"/admin/crm/lead/?responsible={crowd[3].pk}").content.decode()
    nobody = owner.get("/admin/crm/lead/?responsible_words=olga").content.decode()
    assert "No matching person." in nobody
    log = owner.get("/admin/audit/operation/?by_words=zoe+00").content.decode()
    assert f'<option value="{crowd[3].pk}">Zoe 003</option>' in log
    assert "about_words" in log


def test_an_override_goes_to_a_member_of_the_branch_that_is_chosen(cast: Cast, owner: Client) -> None:
    south = cast.branch_beside()
    MembershipFactory(branch=south, user=User.objects.get(name="Vera Viewer"), role=_all_of(cast))
    page = "/admin/access/override/add/"
    client = owner
    seen = client.get(page).context["form"]["seen"].value()
    sent = {"user": cast.member.pk, "branch": south.pk, "permission": "view_lead", "scope": "all"}
    answer = client.post(page, {**sent, "reason": "For the fair", "seen": seen})
    assert "This person isn’t a member of this branch." in answer.content.decode()


def _all_of(cast: Cast) -> Role:
    return Membership.objects.get(user__name="Vera Viewer", branch=cast.branch).role
