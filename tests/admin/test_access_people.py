"""Members, invitations, parent roles and overrides in the admin: each change by form, preview and confirmation."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.access.models import Override
from apps.accounts.models import User
from apps.audit.models import Operation
from apps.changes.invitations import digest_of
from apps.roles.scopes import Scope
from apps.teams.models import Invitation, Membership, ParentMembership
from tests.admin.flows import REASON, made, posted, previewed, refused, sent, told
from tests.admin.people import all_but, browser, everything, make, staff
from tests.factories import Cast, MembershipFactory, OverrideFactory, ParentMembershipFactory, make_cast, published

pytestmark = pytest.mark.django_db
MEMBERS, INVITATIONS = "/admin/teams/membership/", "/admin/teams/invitation/"
PARENTS, OVERRIDES = "/admin/teams/parentmembership/", "/admin/access/override/"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def boss(cast: Cast) -> Client:
    return browser(staff(cast.branch, everything()))


def of(user: User) -> Membership:
    return Membership.objects.get(user=user)


def page(user: User, do: str) -> str:
    return f"{MEMBERS}{of(user).pk}/change/?do={do}"


def latest() -> Operation:
    return Operation.objects.latest("pk")


# The way of a change


def test_a_role_is_changed_by_form_preview_and_confirmation_and_nothing_before(cast: Cast, boss: Client) -> None:
    address, admin = page(cast.member, "role"), published("atlas", "admin")
    lines, kept = previewed(boss, address, role=admin.pk)
    assert lines
    shown = posted(boss, address, sent(boss, address, role=admin.pk))
    assert shown.context["form"].asked() == [("Role", "Admin")]
    assert of(cast.member).role.key == "member"
    response = posted(boss, address, kept)
    assert (response.status_code, response.headers["Location"]) == (302, f"{MEMBERS}{of(cast.member).pk}/change/")
    assert of(cast.member).role == admin
    assert (latest().verb, latest().reason) == ("access.role.changed", REASON)
    assert f"/admin/audit/operation/{latest().pk}/change/" in boss.get(response.headers["Location"]).content.decode()


def test_without_a_reason_nothing_is_even_tried(cast: Cast, boss: Client) -> None:
    address = page(cast.member, "role")
    data = sent(boss, address, role=published("atlas", "admin").pk, reason="  ")
    for confirmed in ({}, {"confirmed": "yes"}):
        assert "Enter a reason" in told(posted(boss, address, {**data, **confirmed}))
    assert of(cast.member).role.key == "member"


def test_what_somebody_else_has_changed_meanwhile_is_shown_and_decided_again(cast: Cast, boss: Client) -> None:
    address, admin = page(cast.member, "role"), published("atlas", "admin")
    data = sent(boss, address, role=admin.pk, confirmed="yes")
    other = published("atlas", "owner")
    Membership.objects.filter(user=cast.member).update(role=other)
    response = posted(boss, address, data)
    assert response.context["form"].differences == [("Role", "Member", "Owner")]
    assert of(cast.member).role == other


def test_what_the_page_showed_cannot_be_made_up_or_taken_from_another_row(cast: Cast, boss: Client) -> None:
    address, admin = page(cast.member, "role"), published("atlas", "admin")
    data = sent(boss, address, role=admin.pk, confirmed="yes")
    other = sent(boss, page(cast.owner, "role"))["seen"]
    for seen in ("", "made:up", other):
        assert "Reload the page" in told(posted(boss, address, {**data, "seen": seen}))
    assert of(cast.member).role.key == "member"


def test_a_refusal_is_told_in_its_own_words(cast: Cast) -> None:
    weak = browser(staff(cast.branch, ["view_members", "change_roles"]))
    words = refused(weak, page(cast.member, "role"), role=published("atlas", "owner").pk)
    assert len(words) > 20
    assert of(cast.member).role.key == "member"


def test_the_missing_permission_is_named_on_the_form_and_on_the_button(cast: Cast) -> None:
    client = browser(staff(cast.branch, all_but("change_roles")))
    response = client.get(page(cast.member, "role"))
    assert (response.status_code, "change_roles" in response.content.decode()) == (403, True)
    row = client.get(f"{MEMBERS}{of(cast.member).pk}/change/").content.decode()
    assert re.search(r'aria-disabled="true"[^>]*title="You need “Change roles”', row)


def test_a_right_that_goes_before_the_confirmation_is_missed_at_the_confirmation(cast: Cast) -> None:
    person = staff(cast.branch, everything())
    client, address = browser(person), page(cast.member, "role")
    _, kept = previewed(client, address, role=published("atlas", "admin").pk)
    role = of(person).role
    role.grants.filter(permission="change_roles").update(scope=Scope.NONE)
    assert posted(client, address, kept).status_code == 403
    assert of(cast.member).role.key == "member"


# Members


def test_a_list_shows_active_members_and_filters_lead_to_the_restore_list(cast: Cast, boss: Client) -> None:
    gone = cast.join()
    cast.remove(gone)

    def names(query: str) -> set[int]:
        return {row.user_id for row in boss.get(f"{MEMBERS}{query}").context["cl"].result_list}

    assert cast.member.pk in names("")
    assert gone.pk not in names("")
    assert names("?state=removed") == {gone.pk}
    assert {gone.pk, cast.member.pk} <= names("?state=all")
    assert names("?q=ben@acme") == {cast.member.pk}
    assert cast.member.pk in names("?q=baker")
    assert cast.owner.pk not in names("?q=baker")
    assert names(f"?role={published('atlas', 'owner').pk}") == {cast.owner.pk}
    assert names("?role=99999999") == set()


def test_only_members_of_branches_that_one_may_look_at_are_there(cast: Cast) -> None:
    south = cast.branch_beside()
    there = cast.join(branch=south)
    client = browser(staff(cast.branch, everything()))
    shown = {row.user_id for row in client.get(MEMBERS).context["cl"].result_list}
    assert there.pk not in shown
    assert cast.outsider.pk not in shown
    nothing = client.get(f"{MEMBERS}{10**9}/change/")
    for row in (of(there), of(cast.outsider)):
        hidden = client.get(f"{MEMBERS}{row.pk}/change/")
        assert (hidden.status_code, hidden.content) == (404, nothing.content)
        assert client.post(f"{MEMBERS}{row.pk}/change/?do=role", {"reason": "x"}).status_code == 404


def test_a_removal_asks_for_its_plan_and_hands_over(cast: Cast, boss: Client) -> None:
    lead = make("lead", cast.branch, responsible=cast.member)
    task = make("task", cast.branch, responsible=cast.member)
    address = page(cast.member, "remove")
    assert "private" in told(posted(boss, address, sent(boss, address)))
    response = made(boss, address, private="delete", to_lead=str(cast.owner.pk), to_task="left")
    assert response.status_code == 302
    lead.refresh_from_db()
    task.refresh_from_db()
    assert (lead.responsible, task.responsible) == (cast.owner, cast.member)
    assert of(cast.member).status == Membership.Status.REMOVED
    made(boss, page(cast.member, "restore"))
    assert of(cast.member).status == Membership.Status.ACTIVE


def test_somebody_removed_can_be_deleted_for_good_and_nobody_else(cast: Cast, boss: Client) -> None:
    address = f"{MEMBERS}{of(cast.member).pk}/delete/"
    assert boss.get(address).status_code == 404
    cast.remove(cast.member)
    assert made(boss, address).headers["Location"] == MEMBERS
    assert not Membership.objects.filter(user=cast.member).exists()


def test_somebody_is_added_to_a_further_branch(cast: Cast) -> None:
    south = cast.branch_beside()
    person = staff(cast.branch, everything())
    MembershipFactory(branch=south, user=person, role=of(person).role)
    made(
        browser(person),
        f"{MEMBERS}add/",
        user=cast.member.pk,
        branch=south.pk,
        role=published("atlas", "member").pk,
    )
    assert Membership.objects.filter(user=cast.member, branch=south).exists()


def test_one_changes_ones_own_name_and_nothing_else_of_oneself(cast: Cast) -> None:
    person = staff(cast.branch, everything())
    client = browser(person)
    made(client, page(person, "name"), name="Nora New")
    person.refresh_from_db()
    assert person.name == "Nora New"
    row = client.get(f"{MEMBERS}{of(person).pk}/change/").content.decode()
    assert "You can’t change your own role" in row
    assert "?do=remove" not in row
    assert "?do=leave" in row


def test_the_shielded_show_name_and_role_and_nothing_else() -> None:
    cast = make_cast("staff-ladder")
    client = browser(staff(cast.branch, everything(), name="Zoe Zephyr"))
    row = client.get(f"{MEMBERS}{of(cast.owner).pk}/change/").content.decode()
    assert cast.owner.name in row
    assert cast.owner.email not in row + client.get(MEMBERS).content.decode()
    assert client.get(f"{MEMBERS}?q={cast.owner.email}").context["cl"].result_list.count() == 0
    assert client.get(f"{MEMBERS}?q={cast.owner.name.split()[0]}").context["cl"].result_list.count() == 1
    assert "protects" in row
    override = OverrideFactory(branch=cast.branch, user=cast.owner)
    assert client.get(f"{OVERRIDES}{override.pk}/change/").status_code == 404


# Invitations


def test_the_link_of_an_invitation_is_shown_once(cast: Cast, boss: Client) -> None:
    response = made(
        boss,
        f"{INVITATIONS}add/",
        email="new@example.com",
        branch=str(cast.branch.pk),
        role=published("atlas", "member").pk,
    )
    link = response.context["once"]["link"]
    token = link.rstrip("/").rpartition("/")[2]
    invitation = Invitation.objects.get()
    assert invitation.token_digest == digest_of(token)
    assert token not in boss.get(f"{INVITATIONS}{invitation.pk}/change/").content.decode()
    again = made(boss, f"{INVITATIONS}{invitation.pk}/change/?do=resend").context["once"]["link"]
    assert again != link
    made(boss, f"{INVITATIONS}{invitation.pk}/change/?do=cancel")
    invitation.refresh_from_db()
    assert invitation.status == Invitation.Status.CANCELLED
    assert boss.get(f"{INVITATIONS}{invitation.pk}/change/?do=resend").status_code == 404


# Parent roles


def test_a_parent_role_is_granted_changed_and_revoked(cast: Cast) -> None:
    person = staff(cast.branch, everything())
    ParentMembershipFactory(account=cast.account, user=person, role="super_admin")
    client = browser(person)
    made(client, f"{PARENTS}add/", user=cast.member.pk, role=published("atlas", "viewer").pk)
    held = ParentMembership.objects.get(user=cast.member)
    made(client, f"{PARENTS}{held.pk}/change/?do=role", role=published("atlas", "billing_admin").pk)
    held.refresh_from_db()
    assert held.role.key == "billing_admin"
    made(client, f"{PARENTS}{held.pk}/delete/")
    assert not ParentMembership.objects.filter(user=cast.member).exists()
    own = ParentMembership.objects.get(user=person)
    assert "You can’t change your own" in client.get(f"{PARENTS}{own.pk}/change/").content.decode()


# Overrides


def test_an_override_is_set_changed_and_cleared(cast: Cast, boss: Client) -> None:
    end = timezone.localtime(timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    made(boss, page(cast.member, "override"), permission="delete_lead", scope="responsible+shared", expires_at=end)
    override = Override.objects.get(user=cast.member)
    assert (override.permission, override.scope) == ("delete_lead", Scope.RESPONSIBLE | Scope.SHARED)
    assert override.expires_at is not None
    assert override.reason == REASON
    made(boss, f"{OVERRIDES}{override.pk}/change/?do=change", scope="none")
    override.refresh_from_db()
    assert override.scope == Scope.NONE
    assert override.expires_at is not None
    made(boss, f"{OVERRIDES}{override.pk}/delete/")
    assert not Override.objects.filter(user=cast.member).exists()


def test_a_scope_that_the_permission_cannot_have_is_refused(cast: Cast, boss: Client) -> None:
    address = f"{OVERRIDES}add/"
    words = refused(
        boss, address, user=cast.member.pk, branch=cast.branch.pk, permission="manage_teams", scope="created"
    )
    assert "either off or on" in words


# Budgets


@pytest.mark.parametrize("address", [MEMBERS, INVITATIONS, OVERRIDES])
def test_a_page_of_fifty_stays_within_its_queries(cast: Cast, address: str) -> None:
    south = cast.branch_beside()
    person = staff(cast.branch, everything())
    MembershipFactory(branch=south, user=person, role=of(person).role)
    for number in range(55):
        user = cast.join()
        if address == OVERRIDES:
            OverrideFactory(branch=cast.branch, user=user, author=cast.owner)
        if address == INVITATIONS:
            invite(cast, number)
    client = browser(person)
    client.get("/admin/")
    with CaptureQueriesContext(connection) as queries:
        response = client.get(address)
    assert len(response.context["cl"].result_list) == 50
    assert len(queries) <= 15, "\n".join(query["sql"] for query in queries)


def invite(cast: Cast, number: int) -> Any:
    return Invitation.objects.create(
        account=cast.account,
        branch=cast.branch,
        role=published("atlas", "member"),
        email=f"new{number}@example.com",
        token_digest=f"{number:064}",
        invited_by=cast.owner,
        expires_at=timezone.now() + timedelta(days=1),
    )
