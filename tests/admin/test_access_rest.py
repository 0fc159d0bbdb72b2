"""Teams, branches, roles, requests, shares and undoing in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.access import shares
from apps.access.models import AccessRequest, Override
from apps.accounts.models import Branch
from apps.audit.models import Operation
from apps.changes.members import ChangeRole
from apps.roles.models import Role, RoleGrant
from apps.roles.scopes import Scope
from apps.teams.models import Membership, Team, TeamMember
from tests.admin.flows import REASON, made, posted, previewed, refused, sent, told
from tests.admin.people import all_but, browser, everything, make, staff
from tests.factories import Cast, MembershipFactory, make_cast, published, share

pytestmark = pytest.mark.django_db
TEAMS, BRANCHES, ROLES = "/admin/teams/team/", "/admin/accounts/branch/", "/admin/roles/role/"
REQUESTS, LOG = "/admin/access/accessrequest/", "/admin/audit/operation/"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def boss(cast: Cast) -> Client:
    return browser(staff(cast.branch, everything()))


# Teams and branches


def test_a_team_is_made_changed_and_deleted(cast: Cast, boss: Client) -> None:
    made(boss, f"{TEAMS}add/", name="Trade fair", branch=cast.branch.pk, members=[cast.member.pk])
    team = Team.objects.get()
    assert (team.slug, [place.user for place in team.members.all()]) == ("trade-fair", [cast.member])
    cast.remove(cast.member)
    made(boss, f"{TEAMS}{team.pk}/change/?do=change", name="Fairs", members=[cast.owner.pk])
    team.refresh_from_db()
    assert team.name == "Fairs"
    # Whoever cannot be chosen at the moment keeps their place.
    assert set(TeamMember.objects.values_list("user", flat=True)) == {cast.member.pk, cast.owner.pk}
    made(boss, f"{TEAMS}{team.pk}/delete/")
    assert not Team.objects.exists()


def test_a_team_that_somebody_else_changed_meanwhile_is_decided_again(cast: Cast, boss: Client) -> None:
    team = cast.team(cast.member)
    address = f"{TEAMS}{team.pk}/change/?do=change"
    data = sent(boss, address, members=[], confirmed="yes")
    TeamMember.objects.create(account=cast.account, team=team, user=cast.owner)
    response = posted(boss, address, data)
    assert response.context["form"].differences[0][0] == "Members"
    assert team.members.count() == 2


def test_a_branch_is_opened_renamed_closed_and_opened_again(cast: Cast) -> None:
    person = staff(cast.branch, everything())
    client = browser(person)
    made(client, f"{BRANCHES}add/", name="Far East")
    east = Branch.objects.get(slug="far-east")
    nothing = client.get(f"{BRANCHES}{10**9}/change/")
    assert client.get(f"{BRANCHES}{east.pk}/change/").content == nothing.content
    MembershipFactory(branch=east, user=person, role=Membership.objects.get(user=person).role)
    made(client, f"{BRANCHES}{east.pk}/change/?do=name", name="East")
    lead = make("lead", east)
    made(client, f"{BRANCHES}{east.pk}/change/?do=close", records_to=cast.branch.pk)
    east.refresh_from_db()
    lead.refresh_from_db()
    assert (east.name, east.status, lead.branch) == ("East", "closed", cast.branch)


# Roles


def test_a_published_role_is_read_only_and_is_copied() -> None:
    boss = browser(staff(make_cast("amocrm").branch, everything()))
    member = published("amocrm", "employee")
    for page in (f"{ROLES}{member.pk}/change/?do=edit", f"{ROLES}{member.pk}/delete/"):
        assert boss.get(page).status_code == 404
        assert boss.post(page, {"reason": "x", "confirmed": "yes"}).status_code == 404
    made(boss, f"{ROLES}{member.pk}/change/?do=copy", name="Fair staff")
    own = Role.objects.get(name="Fair staff")
    assert own.based_on == member
    address = f"{ROLES}{own.pk}/change/?do=edit"
    made(boss, address, grant_export_lead="none")
    assert own.grants.get(permission="export_lead").scope == Scope.NONE
    assert "grant_transfer_account" not in boss.get(address).context["form"].fields
    made(boss, f"{ROLES}{own.pk}/delete/")
    assert not Role.objects.filter(pk=own.pk).exists()


def test_another_accounts_role_is_not_there(cast: Cast, boss: Client) -> None:
    from_elsewhere = Membership.objects.get(user=staff(cast.elsewhere, everything())).role
    assert boss.get(f"{ROLES}{from_elsewhere.pk}/change/").status_code == 404


# Requests


def test_who_is_refused_can_ask_and_who_may_decides(cast: Cast, boss: Client) -> None:
    asker = staff(cast.branch, all_but("view_audit_log"))
    client = browser(asker)
    page = client.get(LOG).content.decode()
    chosen = f"?permission=view_audit_log&branch={cast.branch.pk}"
    asking = f"/a/{cast.account.slug}/requests/new/{chosen}"
    assert asking.replace("&", "&amp;") in page
    made(client, f"{REQUESTS}add/{chosen}")
    asked = AccessRequest.objects.get()
    assert (asked.user, asked.permission, asked.branch, asked.message) == (asker, "view_audit_log", cast.branch, REASON)
    own = client.get(f"{REQUESTS}{asked.pk}/change/").content.decode()
    assert "?do=withdraw" in own
    assert "?do=approve" not in own
    made(boss, f"{REQUESTS}{asked.pk}/change/?do=approve")
    asked.refresh_from_db()
    assert asked.status == "approved"
    assert Override.objects.get().permission == "view_audit_log"
    assert client.get(LOG).status_code == 200


def test_nobody_is_told_to_ask_for_what_their_role_never_grants(cast: Cast) -> None:
    asker = staff(cast.branch, all_but("view_audit_log"))
    role = Membership.objects.get(user=asker).role
    RoleGrant.objects.create(role=role, permission="view_audit_log", scope=Scope.NONE, grantable=False)
    page = browser(asker).get(LOG)
    assert (page.status_code, page.context["asking"]) == (403, "")


def test_a_request_is_declined_or_withdrawn(cast: Cast, boss: Client) -> None:
    asker = staff(cast.branch, all_but("view_audit_log"))
    client = browser(asker)
    for do, who, became in (("decline", boss, "declined"), ("withdraw", client, "withdrawn")):
        made(client, f"{REQUESTS}add/?permission=view_audit_log&branch={cast.branch.pk}")
        asked = AccessRequest.objects.latest("pk")
        made(who, f"{REQUESTS}{asked.pk}/change/?do={do}")
        asked.refresh_from_db()
        assert asked.status == became


def test_nobody_sees_requests_that_they_could_not_decide(cast: Cast) -> None:
    asker = staff(cast.branch, all_but("view_audit_log"))
    hidden = make("lead", cast.branch)
    request = AccessRequest.objects.create(
        account=cast.account,
        branch=cast.branch,
        user=asker,
        permission="delete_lead",
        record_type="lead",
        record_id=hidden.pk,
        message="Double",
    )
    blind = browser(staff(cast.branch, everything() | {"view_lead": Scope.CREATED}))
    nothing = blind.get(f"{REQUESTS}{10**9}/change/")
    for client in (blind, browser(staff(cast.branch, all_but("grant_record_access")))):
        assert client.get(f"{REQUESTS}{request.pk}/change/").content == nothing.content
    assert browser(staff(cast.branch, everything())).get(f"{REQUESTS}{request.pk}/change/").status_code == 200


def test_a_record_that_one_may_not_change_can_be_asked_for(cast: Cast, boss: Client) -> None:
    asker = staff(cast.branch, all_but("delete_lead") | {"delete_lead": Scope.RESPONSIBLE | Scope.SHARED})
    lead = make("lead", cast.branch)
    client = browser(asker)
    page = client.get(f"/admin/crm/lead/{lead.pk}/delete/")
    assert page.status_code == 403
    made(client, f"{REQUESTS}add/?{page.context['asking'].partition('?')[2]}")
    asked = AccessRequest.objects.get()
    assert (asked.record_type, asked.record_id) == ("lead", lead.pk)
    made(boss, f"{REQUESTS}{asked.pk}/change/?do=approve")
    assert "delete_lead" in shares.shared_codenames(lead, asker.pk, [])


# Shares


def test_a_record_is_shared_the_share_changed_and_revoked(cast: Cast, boss: Client) -> None:
    lead = make("lead", cast.branch)
    address = f"/admin/crm/lead/{lead.pk}/share/"
    made(boss, f"{address}?do=grant", who=cast.member.pk, verbs=["view", "change"])
    assert shares.shared_codenames(lead, cast.member.pk, []) == {"view_lead", "change_lead"}
    one = f"{address}?do=change&user={cast.member.pk}"
    made(boss, one, verbs=["view"])
    assert shares.shared_codenames(lead, cast.member.pk, []) == {"view_lead"}
    made(boss, f"{address}?do=revoke&user={cast.member.pk}")
    assert shares.shared_codenames(lead, cast.member.pk, []) == frozenset()
    assert boss.get(one).status_code == 404


def test_a_team_gets_a_share_and_what_somebody_else_did_meanwhile_is_shown(cast: Cast, boss: Client) -> None:
    lead, team = make("lead", cast.branch), cast.team(cast.member)
    address = f"/admin/crm/lead/{lead.pk}/share/"
    made(boss, f"{address}?do=grant", who=f"team:{team.pk}", verbs=["view"])
    one = f"{address}?do=revoke&team={team.pk}"
    data = sent(boss, one, confirmed="yes")
    share(lead, team, "change")
    assert "changed while you were editing" in told(posted(boss, one, data))
    assert [holder.verbs for holder in boss.get(address).context["holders"]] == [("view", "change")]


def test_buttons_of_shares_are_disabled_with_the_missing_right(cast: Cast) -> None:
    lead = make("lead", cast.branch)
    share(lead, cast.member)
    client = browser(staff(cast.branch, all_but("revoke_record_access")))
    page = client.get(f"/admin/crm/lead/{lead.pk}/share/").content.decode()
    assert "You need “Revoke client access”" in page
    assert client.get(f"/admin/crm/lead/{lead.pk}/share/?do=revoke&user={cast.member.pk}").status_code == 403
    looks = ("grant_record_access", "change_record_access", "revoke_record_access", "view_access_history")
    none = browser(staff(cast.branch, all_but(*looks)))
    assert none.get(f"/admin/crm/lead/{lead.pk}/share/").status_code == 403
    assert "/share/" not in none.get(f"/admin/crm/lead/{lead.pk}/rights/").content.decode()


# Undoing


def role_changed(cast: Cast) -> Any:
    membership = Membership.objects.get(user=cast.member)
    change = ChangeRole(account_id=cast.account.pk, membership_id=membership.pk, role_id=published("atlas", "admin").pk)
    return change.apply(actor=None, reason="By mistake").operation_id


def test_an_operation_is_undone_from_its_page(cast: Cast, boss: Client) -> None:
    operation = role_changed(cast)
    page = f"{LOG}{operation}/change/"
    assert f"{LOG}{operation}/undo/" in boss.get(page).content.decode()
    lines, kept = previewed(boss, f"{LOG}{operation}/undo/")
    assert lines
    assert Membership.objects.get(user=cast.member).role.key == "admin"
    assert posted(boss, f"{LOG}{operation}/undo/", kept).status_code == 302
    assert Membership.objects.get(user=cast.member).role.key == "member"
    undone = Operation.objects.get(verb="access.undone")
    assert f"{LOG}{undone.pk}/change/" in boss.get(page).content.decode()


def test_an_undoing_needs_what_the_change_back_needs(cast: Cast) -> None:
    operation = role_changed(cast)
    client = browser(staff(cast.branch, all_but("change_roles")))
    response = posted(client, f"{LOG}{operation}/undo/", sent(client, f"{LOG}{operation}/undo/"))
    assert (response.status_code, "change_roles" in response.content.decode()) == (403, True)


def test_what_has_changed_since_is_not_undone(cast: Cast, boss: Client) -> None:
    operation = role_changed(cast)
    Membership.objects.filter(user=cast.member).update(role=published("atlas", "owner"))
    assert "changed since" in refused(boss, f"{LOG}{operation}/undo/")


# Budgets


@pytest.mark.parametrize("address", [TEAMS, REQUESTS])
def test_a_page_of_fifty_stays_within_its_queries(cast: Cast, address: str) -> None:
    person = staff(cast.branch, everything())
    for _ in range(55):
        user = cast.join()
        if address == TEAMS:
            cast.team(user)
        else:
            AccessRequest.objects.create(
                account=cast.account, branch=cast.branch, user=user, permission="manage_teams", message="Please"
            )
    client = browser(person)
    client.get("/admin/")
    with CaptureQueriesContext(connection) as queries:
        response = client.get(address)
    assert len(response.context["cl"].result_list) == 50
    assert len(queries) <= 15, "\n".join(query["sql"] for query in queries)
