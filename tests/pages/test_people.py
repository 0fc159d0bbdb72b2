"""Members, invitations, parent roles and teams on their pages: who is found, what is shown, and what can be done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import timezone

from apps.access.models import QueuedPreview
from apps.accounts.models import User
from apps.changes.previews import queued
from apps.roles.scopes import Scope
from apps.teams.models import Invitation, Membership, ParentMembership, Team, TeamMember
from tests.admin.people import all_but, browser, everything, staff
from tests.factories import (
    Cast,
    ContactFactory,
    LeadFactory,
    MembershipFactory,
    ParentMembershipFactory,
    TeamFactory,
    UserFactory,
    make_cast,
    published,
    share,
)
from tests.pages.table import ROWS
from tests.pages.test_permissions import send, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def owner(cast: Cast) -> Client:
    return browser(cast.owner)


def names(client: Client, query: str = "", tab: str = "") -> list[str]:
    """Who stands on the page of the list."""
    lines = client.get(f"/a/acme/members/{tab}{query}").context["lines"]
    return [str(line.membership.user) for line in lines]


def confirm(client: Client, page: str, **data: Any) -> Any:
    """Fill the form in, see what it changes, and confirm."""
    found = {name: value for name, value in client.get(page).context["form"].initial.items() if name == "members"}
    seen = client.get(page).context["form"]["seen"].value()
    sent = {"seen": seen, "reason": "Asked for it", **found, **data}
    shown = send(client, page, sent)
    assert "What will change" in text(shown), text(shown)
    return send(client, page, {**sent, "confirmed": "yes"})


# The list


def test_members_are_found_by_words_branch_role_and_team(cast: Cast, owner: Client) -> None:
    south = cast.branch_beside()
    dora = cast.join("admin", branch=south)
    cast.team(cast.member)
    assert names(owner) == ["Ann Archer", "Ben Baker", "Dora Dyer"]
    assert names(owner, "?q=ben") == ["Ben Baker"]
    assert names(owner, "?q=ben@acme") == ["Ben Baker"]
    assert names(owner, "?branch=south") == [str(dora)]
    assert names(owner, "?role=admin") == [str(dora)]
    assert names(owner, f"?team={Team.objects.get().pk}") == ["Ben Baker"]


def test_members_are_found_by_overrides_and_by_when_they_signed_in(cast: Cast, owner: Client) -> None:
    cast.let(cast.member, "export_lead")
    now = timezone.now()
    User.objects.filter(pk=cast.member.pk).update(last_login=now - timedelta(days=40))
    dora, eve = cast.join(), cast.join()
    User.objects.filter(pk=dora.pk).update(last_login=now - timedelta(days=400))
    assert names(owner, "?overrides=yes") == ["Ben Baker"]
    assert names(owner, "?overrides=no") == ["Ann Archer", str(dora), str(eve)]
    assert names(owner, "?seen=quarter") == ["Ben Baker"]
    assert names(owner, "?seen=longer") == [str(dora)]
    assert names(owner, "?seen=never") == [str(eve)]
    assert names(owner, "?sort=unseen")[0] == str(eve)


def test_a_question_that_is_none_finds_nobody_and_says_so(owner: Client) -> None:
    page = owner.get("/a/acme/members/?role=emperor")
    assert page.context["lines"] == []
    assert "Select a valid choice" in text(page)
    assert "Clear a filter" in text(page)


def test_the_list_pages_on_and_back_whatever_goes_between(cast: Cast, owner: Client) -> None:
    for number in range(103):
        MembershipFactory(branch=cast.branch, user=UserFactory(name=f"Zoe {number:03}"))
    first = owner.get("/a/acme/members/")
    assert [str(line.membership.user) for line in first.context["lines"]][:3] == ["Ann Archer", "Ben Baker", "Zoe 000"]
    assert first.context["part"].many == 105
    after = first.context["part"].after
    cast.remove(first.context["lines"][-1].membership.user)
    second = owner.get(f"/a/acme/members/{after}")
    assert str(second.context["lines"][0].membership.user) == "Zoe 048"
    third = owner.get(f"/a/acme/members/{second.context['part'].after}")
    assert str(third.context["lines"][-1].membership.user) == "Zoe 102"
    assert third.context["part"].after == ""
    back = owner.get(f"/a/acme/members/{third.context['part'].before}")
    assert [line.membership.pk for line in back.context["lines"]] == [
        line.membership.pk for line in second.context["lines"]
    ]


def test_a_page_that_goes_on_from_another_tenants_row_is_the_first_one(cast: Cast, owner: Client) -> None:
    foreign = Membership.objects.get(user=cast.outsider)
    first = names(owner)
    assert names(owner, f"?after={foreign.pk}") == names(owner, "?after=999999999") == first


def test_the_list_shows_no_members_of_a_branch_out_of_sight(cast: Cast) -> None:
    south = cast.branch_beside()
    cast.join("admin", branch=south)
    viewer = browser(staff(cast.branch, everything(), is_staff=False, name="Vera Viewer"))
    assert names(viewer) == ["Ann Archer", "Ben Baker", "Vera Viewer"]


def test_overrides_and_parent_roles_are_told_only_to_who_may_see_them(cast: Cast, owner: Client) -> None:
    cast.let(cast.member, "export_lead")
    ParentMembershipFactory(account=cast.account, user=cast.member)
    page = text(owner.get("/a/acme/members/?q=ben"))
    assert "1 override" in page
    assert "Viewer" in page
    grants = all_but("view_member_permissions", "manage_member_permissions", "view_parent_roles")
    blind = browser(staff(cast.branch, grants, is_staff=False))
    page = text(blind.get("/a/acme/members/?q=ben"))
    assert "1 override" not in page
    assert "Viewer" not in page


def test_of_the_shielded_only_name_and_role_are_shown() -> None:
    cast = make_cast("staff-ladder")
    User.objects.filter(pk=cast.owner.pk).update(last_login=timezone.now())
    team = TeamFactory(branch=cast.branch, members=[cast.owner])
    client = browser(cast.join("admin"))
    for address in ("/a/acme/members/", f"/a/acme/members/{cast.owner.pk}/"):
        page = text(client.get(address))
        assert "Ann Archer" in page
        assert cast.owner.email not in page
    assert "Only this member can" in text(client.get(f"/a/acme/members/{cast.owner.pk}/"))
    for query in (f"?q={cast.owner.email}", "?seen=week", "?overrides=no", f"?team={team.pk}"):
        assert "Ann Archer" not in names(client, query), query
    assert names(client, "?q=Ann") == ["Ann Archer"]


# Several at once


def test_several_members_get_another_role_in_one_operation(cast: Cast, owner: Client) -> None:
    dora = cast.join()
    rows = Membership.objects.filter(user__in=[cast.member, dora])
    page = "/a/acme/members/role/?" + "&".join(f"member={row.pk}" for row in rows)
    assert "Ben Baker" in text(owner.get(page))
    assert confirm(owner, page, role="admin").status_code == 302
    assert {row.role.key for row in rows.all()} == {"admin"}


def test_nobody_selected_is_told_so(owner: Client) -> None:
    assert "No members selected." in text(owner.get("/a/acme/members/role/"))


def test_one_who_is_in_the_way_is_named_and_nobody_gets_the_role(cast: Cast) -> None:
    dora = cast.join("owner")
    mover = staff(cast.branch, all_but("delete_branch"), is_staff=False)
    rows = Membership.objects.filter(user__in=[cast.member, dora]).order_by("user__name")
    page = "/a/acme/members/role/?" + "&".join(f"member={row.pk}" for row in rows)
    client = browser(mover)
    sent = {"members": ",".join(str(row.pk) for row in rows), "role": "member", "reason": "Tidy up", "seen": ""}
    shown = text(send(client, page, sent))
    assert f"{dora} (North):" in shown
    assert "line " not in shown
    assert {row.user: row.role.key for row in rows.all()} == {cast.member: "member", dora: "owner"}


def test_all_that_the_filters_find_are_previewed_in_sums_by_the_queue(cast: Cast, owner: Client) -> None:
    for _ in range(60):
        MembershipFactory(branch=cast.branch)
    page = "/a/acme/members/role/?all=yes&role=member"
    form = owner.get(page).context["form"]
    sent = {"members": form.initial["members"], "role": "admin", "reason": "All of them", "seen": ""}
    waiting = send(owner, page, sent)
    assert waiting.status_code == 302
    asked = QueuedPreview.objects.latest("pk")
    queued.compute(asked.pk, account_id=asked.account_id, user_id=asked.user_id)
    told = text(owner.get(waiting.url))
    assert "61 members are affected" in told
    assert Membership.objects.filter(role__key="admin").count() == 0
    send(owner, page, {**sent, "confirmed": "yes"})
    assert Membership.objects.filter(role__key="admin").count() == 61


def test_nobody_of_another_tenant_or_branch_is_given_a_role(cast: Cast) -> None:
    far = MembershipFactory(branch=cast.branch_beside())
    foreign = Membership.objects.get(user=cast.outsider)
    client = browser(staff(cast.branch, everything(), is_staff=False))
    for row in (far, foreign):
        page = f"/a/acme/members/role/?member={row.pk}"
        assert str(row.user) not in text(client.get(page)).replace(str(cast.owner), "")
        shown = text(send(client, page, {"members": str(row.pk), "role": "admin", "reason": "Try", "seen": ""}))
        assert "is no longer a member" in shown
    assert set(Membership.objects.filter(pk__in=[far.pk, foreign.pk]).values_list("role__key", flat=True)) == {
        "member",
        foreign.role.key,
    }


# One member


def test_the_page_of_a_member_tells_what_they_have(cast: Cast, owner: Client) -> None:
    cast.let(cast.member, "export_lead", Scope.NONE)
    TeamFactory(branch=cast.branch, name="Hunters", members=[cast.member])
    mine = LeadFactory(branch=cast.branch, responsible=cast.member)
    share(LeadFactory(branch=cast.branch, reference="L-77"), cast.member, "view", "change")
    shown = owner.get(f"/a/acme/members/{cast.member.pk}/")
    assert 'href="/a/acme/access/lead/L-77/"' in shown.content.decode()
    page = text(shown)
    for told in ("Hunters", "Export leads", "Prohibited", "For now", "1 lead", "L-77", "change, view"):
        assert told in page, told
    assert mine.responsible == cast.member


def test_a_private_contact_is_in_no_count_of_others(cast: Cast, owner: Client) -> None:
    ContactFactory(branch=cast.branch, responsible=cast.member, private=True)
    assert "1 contact" not in text(owner.get(f"/a/acme/members/{cast.member.pk}/"))
    assert "1 that you can see" not in text(owner.get(f"/a/acme/members/{cast.member.pk}/remove/"))


def test_somebody_of_whom_nothing_is_in_sight_is_not_there(cast: Cast) -> None:
    far = cast.join(branch=cast.branch_beside())
    client = browser(staff(cast.branch, all_but("view_parent_roles"), is_staff=False))
    ParentMembershipFactory(account=cast.account, user=far)
    for user in (far, cast.outsider):
        assert client.get(f"/a/acme/members/{user.pk}/").status_code == 404
    seeing = browser(staff(cast.branch, everything(), is_staff=False))
    assert seeing.get(f"/a/acme/members/{far.pk}/").status_code == 200, "the parent role is in sight"
    assert seeing.get(f"/a/acme/members/{far.pk}/role/south/").status_code == 404


def test_a_button_that_may_not_be_used_says_what_is_missing(cast: Cast) -> None:
    client = browser(staff(cast.branch, all_but("change_roles", "remove_members"), is_staff=False))
    page = text(client.get(f"/a/acme/members/{cast.member.pk}/"))
    assert "You need “Change roles”." in page
    assert "You need “Remove and restore team members”." in page


def test_nobody_changes_their_own_role_there(cast: Cast, owner: Client) -> None:
    page = owner.get(f"/a/acme/members/{cast.owner.pk}/role/north/")
    assert "You can’t change your own role" in text(page)


# Roles, removal, and the way back


def test_each_role_says_what_it_is_beside_the_choice(cast: Cast, owner: Client) -> None:
    page = text(owner.get(f"/a/acme/members/{cast.member.pk}/role/north/"))
    for key in ("owner", "admin", "member"):
        assert published("atlas", key).description in page


def test_a_role_that_somebody_else_changed_meanwhile_is_refused_with_the_difference(cast: Cast, owner: Client) -> None:
    page = f"/a/acme/members/{cast.member.pk}/role/north/"
    seen = owner.get(page).context["form"]["seen"].value()
    Membership.objects.filter(user=cast.member).update(role=published("atlas", "admin"))
    sent = {"role": published("atlas", "owner").pk, "reason": "Leads it", "seen": seen, "confirmed": "yes"}
    shown = text(send(owner, page, sent))
    assert "When you opened the page" in shown
    assert Membership.objects.get(user=cast.member).role.key == "admin"


def test_the_ladder_refuses_a_demotion_and_offers_the_plan() -> None:
    cast = make_cast("staff-ladder")
    manager = cast.join("project_manager")
    client = browser(cast.owner)
    page = f"/a/acme/members/{manager.pk}/role/north/"
    form = client.get(page).context["form"]
    sent = {
        "role": published("staff-ladder", "teammate").pk,
        "reason": "Does something else now",
        "seen": form["seen"].value(),
    }
    shown = send(client, page, sent)
    assert "To lower it" in text(shown)
    assert f"/a/acme/members/{manager.pk}/remove/?from=north" in shown.content.decode()
    assert Membership.objects.get(user=manager).role.key == "project_manager"


def test_somebody_is_removed_with_a_plan_and_comes_back_as_they_were(cast: Cast, owner: Client) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    cast.let(cast.member, "export_lead")
    page = f"/a/acme/members/{cast.member.pk}/remove/"
    assert "1 that you can see" in text(owner.get(page))
    plan = {f"to_{name}": "left" for name in owner.get(page).context["form"].types}
    plan |= {"to_lead": str(cast.owner.pk), "private": "delete"}
    assert confirm(owner, page, **plan).status_code == 302
    lead.refresh_from_db()
    assert lead.responsible == cast.owner
    assert names(owner) == ["Ann Archer"]
    assert names(owner, tab="restore/") == ["Ben Baker"]
    confirm(owner, f"/a/acme/members/{cast.member.pk}/restore/north/")
    assert "1 override" in text(owner.get("/a/acme/members/?q=ben"))


def test_somebody_is_removed_from_all_branches_at_once(cast: Cast, owner: Client) -> None:
    south = cast.branch_beside()
    cast.join(branch=south, user=cast.member)
    page = f"/a/acme/members/{cast.member.pk}/remove/?from=all"
    plan = {f"to_{name}": "left" for name in owner.get(page).context["form"].types} | {"private": "delete"}
    assert confirm(owner, page, **plan).status_code == 302
    assert not Membership.objects.active().filter(user=cast.member).exists()


def test_all_branches_are_offered_to_nobody_who_does_not_see_all(cast: Cast) -> None:
    south = cast.branch_beside()
    cast.join(branch=south, user=cast.member)
    client = browser(staff(cast.branch, everything(), is_staff=False))
    page = f"/a/acme/members/{cast.member.pk}/remove/"
    assert "All branches" not in text(client.get(page))
    for place in ("all", "south"):
        assert client.get(f"{page}?from={place}").status_code == 404


def test_somebody_is_deleted_from_the_restore_list_for_good(cast: Cast, owner: Client) -> None:
    cast.remove(cast.member)
    page = f"/a/acme/members/{cast.member.pk}/delete/north/"
    assert "Delete permanently" in text(owner.get(page))
    confirm(owner, page)
    assert not Membership.objects.filter(user=cast.member).exists()
    assert owner.get(page).status_code == 404


def test_somebody_leaves_by_themselves_without_any_right(cast: Cast) -> None:
    client = browser(cast.member)
    plan = {f"to_{name}": "left" for name in client.get("/a/acme/leave/north/").context["form"].types}
    confirm(client, "/a/acme/leave/north/", **plan, private="delete")
    assert Membership.objects.get(user=cast.member).status == Membership.Status.REMOVED


def test_somebody_of_the_account_is_added_to_a_further_branch(cast: Cast, owner: Client) -> None:
    south = cast.branch_beside()
    page = f"/a/acme/members/add/?user={cast.member.pk}"
    confirm(owner, page, user=cast.member.pk, branch=south.pk, role=published("atlas", "member").pk)
    assert Membership.objects.active().filter(user=cast.member, branch=south).exists()


# Invitations, parent roles, teams


def test_an_invitation_shows_its_link_once_and_keeps_its_history(cast: Cast, owner: Client) -> None:
    sent = {
        "email": "new@example.com",
        "branch": str(cast.branch.pk),
        "role": published("atlas", "member").pk,
        "reason": "Joins us",
        "seen": owner.get("/a/acme/invitations/new/").context["form"]["seen"].value(),
        "confirmed": "yes",
    }
    made = send(owner, "/a/acme/invitations/new/", sent)
    assert "/invitations/" in made.content.decode()
    listed = owner.get("/a/acme/members/invited/")
    assert "Pending" in text(listed)
    assert "/invitations/" + "x" not in listed.content.decode()
    row = Invitation.objects.get()
    confirm(owner, f"/a/acme/invitations/{row.pk}/cancel/")
    assert owner.get("/a/acme/members/invited/?state=pending").context["lines"] == []
    (line,) = owner.get("/a/acme/members/invited/?state=cancelled").context["lines"]
    assert line[0].email == "new@example.com"
    assert line[1] == []


def test_an_invitation_that_ran_out_is_told_from_one_that_waits(cast: Cast, owner: Client) -> None:
    over = ROWS["invitation"](cast.branch, cast.owner)["invitation"]
    Invitation.objects.filter(pk=over).update(expires_at=timezone.now() - timedelta(days=1))
    assert "Expired" in text(owner.get("/a/acme/members/invited/?state=ended"))
    assert owner.get("/a/acme/members/invited/?state=pending").context["lines"] == []


def test_a_parent_role_is_granted_changed_and_revoked(cast: Cast, owner: Client) -> None:
    confirm(
        owner, "/a/acme/parent-roles/grant/", user=cast.member.pk, role=published("atlas", "viewer").pk
    )  # fmt: skip
    assert "Ben Baker" in text(owner.get("/a/acme/parent-roles/"))
    held = f"/a/acme/parent-roles/{cast.member.pk}"
    confirm(owner, f"{held}/change/", role=published("atlas", "billing_admin").pk)
    assert ParentMembership.objects.get(user=cast.member).role.key == "billing_admin"
    confirm(owner, f"{held}/revoke/")
    assert not ParentMembership.objects.filter(user=cast.member).exists()


def test_a_scheme_without_parent_roles_says_so_and_leads_nowhere() -> None:
    cast = make_cast("atmos")
    client = browser(cast.owner)
    assert "has no parent roles" in text(client.get("/a/acme/parent-roles/"))
    assert "/a/acme/parent-roles/" not in client.get("/a/acme/").content.decode()


def test_a_team_is_made_changed_and_deleted(cast: Cast, owner: Client) -> None:
    confirm(
        owner, "/a/acme/teams/new/", name="Hunters", branch=str(cast.branch.pk), members=[str(cast.member.pk)]
    )  # fmt: skip
    team = Team.objects.get()
    assert "1 member" in text(owner.get("/a/acme/teams/"))
    assert "Ben Baker" in text(owner.get(f"/a/acme/teams/{team.pk}/"))
    confirm(owner, f"/a/acme/teams/{team.pk}/change/", name="Gatherers", members=[])
    assert "No members yet" in text(owner.get(f"/a/acme/teams/{team.pk}/"))
    confirm(owner, f"/a/acme/teams/{team.pk}/delete/")
    assert not TeamMember.objects.exists()
    assert "No teams yet" in text(owner.get("/a/acme/teams/"))


def test_a_team_of_a_branch_out_of_sight_is_not_there(cast: Cast) -> None:
    team = TeamFactory(branch=cast.branch_beside())
    client = browser(staff(cast.branch, everything(), is_staff=False))
    for page in ("", "change/", "delete/"):
        assert client.get(f"/a/acme/teams/{team.pk}/{page}").status_code == 404


def test_the_home_leads_to_the_people_of_each_branch(cast: Cast, owner: Client) -> None:
    cast.branch_beside()
    home = owner.get("/a/acme/").content.decode()
    for address in ("members/?branch=south", "teams/", "invitations/new/"):
        assert f'href="/a/acme/{address}"' in home


def test_a_second_factor_is_reset_from_the_page_of_its_holder(cast: Cast, owner: Client) -> None:
    assert "second-factor/" not in owner.get(f"/a/acme/members/{cast.member.pk}/").content.decode()
    Authenticator.objects.create(user=cast.member, type=Authenticator.Type.TOTP, data={"secret": "x"})
    reset = f"/a/acme/members/{cast.member.pk}/second-factor/"
    assert reset in owner.get(f"/a/acme/members/{cast.member.pk}/").content.decode()
    confirm(owner, reset)
    assert not Authenticator.objects.exists()
