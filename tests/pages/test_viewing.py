"""View as: what the viewer sees, what is refused, and what the audit log records."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import zeal
from django.test import Client
from django.utils import timezone

from apps.access.mandate_cache import bind_account
from apps.access.querysets import visible_to
from apps.access.shield import why_shielded
from apps.accounts.models import User
from apps.audit.models import Entry, Operation
from apps.audit.services import EntryValues, operation, origin
from apps.changes import view_as
from apps.changes.members import ChangeRole
from apps.changes.refusals import NoSuchTarget
from apps.crm.models import Lead
from apps.roles.models import RoleGrant
from apps.roles.scopes import IF_RESPONSIBLE, Scope
from apps.teams.models import Membership
from tests.admin.people import all_but, browser, everything, staff
from tests.factories import (
    FACTORIES,
    Cast,
    ContactFactory,
    LeadFactory,
    MembershipFactory,
    OperatorFactory,
    OverrideFactory,
    make_cast,
)

pytestmark = pytest.mark.django_db
WHY = "She says that she sees no leads"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def boss(cast: Cast) -> User:
    return staff(cast.branch, everything(), name="Bea Boss")


@pytest.fixture
def viewed(cast: Cast) -> User:
    scopes = dict.fromkeys((f"view_{name}" for name in FACTORIES), IF_RESPONSIBLE)
    return staff(cast.branch, scopes, name="Vic Viewed")


def starting(cast: Cast, person: User) -> str:
    return f"/a/{cast.account.slug}/members/{person.pk}/view-as/"


def home(cast: Cast) -> str:
    return f"/a/{cast.account.slug}/"


def looking(cast: Cast, real: User, person: User) -> Client:
    """A browser in which one looks as the other."""
    client = browser(real)
    answer = client.post(starting(cast, person), {"reason": WHY})
    assert (answer.status_code, answer["Location"]) == (302, home(cast)), answer.content.decode()[-2000:]
    return client


def refusal(cast: Cast, real: User, person: User) -> str:
    """The sentence that says why not; neither page nor sending the form begins anything."""
    client = browser(real)
    page = client.get(starting(cast, person))
    assert page.status_code == 200
    assert client.post(starting(cast, person), {"reason": WHY}).status_code == 200
    assert view_as.KEY not in client.session
    sentence: str = page.context["barred"]
    return sentence


def leads_of(client: Client) -> set[str]:
    page = client.get("/admin/crm/lead/")
    assert page.status_code == 200
    return set(re.findall(r"New printers \d+", page.content.decode()))


def test_pages_and_admin_are_those_of_the_other_one(cast: Cast, boss: User, viewed: User) -> None:
    mine, theirs = (
        LeadFactory(branch=cast.branch, responsible=boss),
        LeadFactory(branch=cast.branch, responsible=viewed),
    )
    assert leads_of(browser(boss)) == {mine.name, theirs.name}
    client = looking(cast, boss, viewed)
    assert leads_of(client) == {theirs.name}
    assert client.get(f"/admin/crm/lead/{mine.pk}/change/").status_code == 404
    assert client.get(f"/a/{cast.account.slug}/billing/").status_code == 403


def test_a_banner_stands_on_every_page_and_stops_it(cast: Cast, boss: User, viewed: User) -> None:
    client = looking(cast, boss, viewed)
    for page in (home(cast), "/admin/", "/admin/crm/lead/", "/", "/me/", f"/a/{cast.account.slug}/billing/"):
        text = client.get(page).content.decode()
        assert "You are viewing as Vic Viewed" in text, page
        assert 'action="/viewing/stop/"' in text, page
        assert WHY in text, page
    assert client.post("/viewing/stop/")["Location"] == home(cast)
    page = client.get(home(cast)).content.decode()
    assert "You are viewing as" not in page
    assert "Bea" in page


def test_nothing_can_be_sent_meanwhile_wherever(cast: Cast, boss: User, viewed: User) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=viewed)
    asked = OverrideFactory(branch=cast.branch, user=cast.member)
    before = Operation.objects.count()
    client = looking(cast, boss, viewed)
    sent = (
        f"/admin/crm/lead/{lead.pk}/change/",
        f"/admin/crm/lead/{lead.pk}/delete/",
        "/admin/crm/lead/add/",
        f"/a/{cast.account.slug}/requests/new/",
        starting(cast, cast.member),
        f"/admin/access/override/{asked.pk}/delete/",
        "/me/",
        "/admin/operator/",
        f"/account/{cast.account.slug}/",
    )
    for address in sent:
        answer = client.generic("POST", address, "reason=x&confirmed=yes&name=Changed")
        assert answer.status_code == 403, address
        assert "You can’t change anything" in answer.content.decode(), address
        for method in ("PUT", "PATCH", "DELETE"):
            answer = client.generic(method, address, "reason=x&confirmed=yes&name=Changed")
            assert answer.status_code == 405, (method, address)
    assert Lead.objects.get().name == lead.name
    assert Operation.objects.count() == before + 1


def test_even_code_that_forgets_it_changes_nothing_in_their_name(cast: Cast, boss: User, viewed: User) -> None:
    viewed.viewed_by = boss
    membership = Membership.objects.get(user=cast.member)
    with pytest.raises(NoSuchTarget, match="while you view as a colleague"):
        ChangeRole(account_id=cast.account.pk, membership_id=membership.pk, role_id=membership.role_id).apply(
            actor=viewed, reason=WHY
        )


def test_private_contacts_of_both_stay_hidden(cast: Cast, boss: User) -> None:
    viewed = staff(cast.branch, all_but("delete_account"), name="Vic Viewed")
    theirs = ContactFactory(branch=cast.branch, responsible=viewed, private=True, name="Their secret")
    mine = ContactFactory(branch=cast.branch, responsible=boss, private=True, name="My secret")
    shown = ContactFactory(branch=cast.branch, responsible=viewed, name="In the open")
    client = looking(cast, boss, viewed)
    text = client.get("/admin/crm/contact/").content.decode()
    assert "In the open" in text
    assert "secret" not in text
    for hidden in (theirs, mine):
        assert client.get(f"/admin/crm/contact/{hidden.pk}/change/").status_code == 404
        assert client.get(f"/a/{cast.account.slug}/access/contact/{hidden.reference}/").status_code == 404
    assert client.get(f"/admin/crm/contact/{shown.pk}/change/").status_code == 200
    client.post("/viewing/stop/")
    assert client.get(f"/admin/crm/contact/{mine.pk}/change/").status_code == 200
    assert client.get(f"/admin/crm/contact/{theirs.pk}/change/").status_code == 404


@pytest.mark.parametrize("scope", [IF_RESPONSIBLE, Scope.ALL, Scope.CREATED, Scope.TEAM | IF_RESPONSIBLE])
def test_nothing_is_shown_that_one_could_not_open_oneself(cast: Cast, boss: User, scope: Scope) -> None:
    viewed = staff(cast.branch, dict.fromkeys((f"view_{name}" for name in FACTORIES), scope))
    for factory in FACTORIES.values():
        for responsible in (boss, viewed, cast.member, None):
            factory(branch=cast.branch, responsible=responsible, created_by=viewed)
    ContactFactory(branch=cast.branch, responsible=viewed, private=True)
    ContactFactory(branch=cast.branch, responsible=boss, private=True)
    assert view_as.why_not(_bound(boss, cast), cast.account, viewed) == ""
    viewed.viewed_by = boss
    for name in FACTORIES:
        shown = visible_to(viewed, f"view_{name}", account=cast.account)
        own = visible_to(boss, f"view_{name}", account=cast.account)
        assert set(shown.values_list("pk")) <= set(own.values_list("pk")), name
    viewed.viewed_by = None


def _bound(user: User, cast: Cast) -> User:
    found = User.objects.get(pk=user.pk)
    cast.account.refresh_from_db()
    bind_account(found, cast.account)
    return found


# Who may


def test_it_takes_the_right_to_decide_what_they_may(cast: Cast, viewed: User) -> None:
    reader = staff(cast.branch, all_but("manage_member_permissions"))
    assert browser(reader).get(starting(cast, viewed)).status_code == 403
    assert browser(reader).post(starting(cast, viewed), {"reason": WHY}).status_code == 403


def test_nobody_looks_as_somebody_who_may_more(cast: Cast) -> None:
    boss = staff(cast.branch, all_but("export_lead", "view_audit_log"))
    above = staff(cast.branch, ["export_lead"], name="Abe Above")
    assert (
        refusal(cast, boss, above)
        == "Abe Above has broader access than you: their “Export leads” is broader than yours."
    )


def test_another_branch_counts_too(cast: Cast, boss: User, viewed: User) -> None:
    MembershipFactory(branch=cast.branch_beside(), user=viewed)
    assert "“Manage team permissions” on every branch" in refusal(cast, boss, viewed)


def test_who_views_some_records_does_not_look_as_somebody_who_views_others(cast: Cast, viewed: User) -> None:
    boss = staff(cast.branch, everything())
    own = RoleGrant.objects.filter(role=Membership.objects.get(user=boss).role, permission="view_lead")
    own.update(scope=IF_RESPONSIBLE)
    assert refusal(cast, boss, viewed) == "Vic Viewed can view records that you can't view."


def test_nobody_looks_as_themselves_an_operator_or_somebody_deactivated(cast: Cast, boss: User, viewed: User) -> None:
    assert refusal(cast, boss, boss) == "You already see the pages as yourself."
    operator = OperatorFactory(name="Opal")
    MembershipFactory(branch=cast.branch, user=operator)
    assert refusal(cast, boss, operator) == "You can't view as a platform operator."
    User.objects.filter(pk=viewed.pk).update(is_active=False)
    assert "is deactivated" in refusal(cast, boss, viewed)


def test_the_shielded_are_not_looked_through() -> None:
    cast = make_cast("staff-ladder")
    assert refusal(cast, staff(cast.branch, everything()), cast.owner) == why_shielded()


def test_a_reason_is_needed(cast: Cast, boss: User, viewed: User) -> None:
    client = browser(boss)
    page = client.post(starting(cast, viewed), {"reason": "  "})
    assert "Enter a reason for viewing as this member." in page.content.decode()
    assert view_as.KEY not in client.session


def test_an_operator_looks_only_while_their_session_is_open(cast: Cast, viewed: User) -> None:
    operator = OperatorFactory(name="Opal")
    theirs = LeadFactory(branch=cast.branch, responsible=viewed)
    LeadFactory(branch=cast.branch)
    client = looking(cast, operator, viewed)
    assert leads_of(client) == {theirs.name}
    with operation(verb="access.operator_session.ended", actor=None, reason="Enough"):
        operator.operator_sessions.update(ended_at=timezone.now())
    assert client.get(home(cast)).status_code == 404
    assert "Vic" not in client.get("/").content.decode().partition("</header>")[0].partition("m-top")[2]


# How it ends


def test_it_ends_by_itself_after_half_an_hour(cast: Cast, boss: User, viewed: User) -> None:
    client = looking(cast, boss, viewed)
    _let_pass(client, view_as.LONGEST)
    page = client.get(home(cast)).content.decode()
    assert "You are viewing as" not in page
    assert "Viewing ended. The 30 minutes are over." in page
    assert view_as.KEY not in client.session
    assert Entry.objects.latest("pk").after == {"how": "The 30 minutes are over."}


@pytest.mark.parametrize("event", ["promoted", "right lost", "deactivated"])
def test_it_ends_with_what_it_stands_on(cast: Cast, boss: User, viewed: User, event: str) -> None:
    client = looking(cast, boss, viewed)
    if event == "promoted":
        role = Membership.objects.get(user=viewed).role
        boss_role = Membership.objects.get(user=boss).role
        RoleGrant.objects.create(role=role, permission="export_lead", scope=Scope.ALL)
        RoleGrant.objects.filter(role=boss_role, permission="export_lead").delete()
    elif event == "right lost":
        role = Membership.objects.get(user=boss).role
        RoleGrant.objects.filter(role=role, permission="manage_member_permissions").delete()
    else:
        User.objects.filter(pk=viewed.pk).update(is_active=False)
    page = client.get(home(cast)).content.decode()
    assert "Viewing ended." in page
    assert view_as.KEY not in client.session


def test_an_override_that_ends_is_judged_again_at_its_end(cast: Cast, viewed: User) -> None:
    boss = staff(cast.branch, all_but("manage_member_permissions"))
    end = timezone.now() + timedelta(minutes=5)
    OverrideFactory(branch=cast.branch, user=boss, permission="manage_member_permissions", expires_at=end)
    client = looking(cast, boss, viewed)
    assert client.session[view_as.KEY]["holds_until"] == end.isoformat()


def test_signing_out_ends_it(cast: Cast, boss: User, viewed: User) -> None:
    client = looking(cast, boss, viewed)
    assert client.post("/logout/").status_code == 302
    assert Entry.objects.latest("pk").after == {"how": "Signed out."}
    assert client.get(home(cast)).status_code == 302


def _let_pass(client: Client, time: timedelta) -> None:
    session = client.session
    kept = session[view_as.KEY]
    session[view_as.KEY] = {**kept, "until": (timezone.now() - timedelta(seconds=1)).isoformat()}
    session.save()


# The log, and what else is one's own


def test_begin_and_end_stand_in_the_log_with_the_reason(cast: Cast, boss: User, viewed: User) -> None:
    client = looking(cast, boss, viewed)
    client.post("/viewing/stop/")
    began, ended = Operation.objects.order_by("-pk")[:2][::-1]
    assert [each.verb for each in (began, ended)] == ["access.viewing.started", "access.viewing.ended"]
    assert {(each.actor_id, each.reason, each.acting_as_name) for each in (began, ended)} == {(boss.pk, WHY, "")}
    entry = Entry.objects.get(operation=began)
    assert (entry.account_id, entry.branch_id, entry.user_id) == (cast.account.pk, cast.branch.pk, viewed.pk)
    assert "View as a colleague started" in browser(boss).get(f"/a/{cast.account.slug}/audit/").content.decode()


def test_what_is_logged_meanwhile_is_by_the_one_who_looks(cast: Cast, boss: User, viewed: User) -> None:
    change = EntryValues(target_type="x", target_id=1, target_text="x")
    with (
        origin(acting=boss, acting_as=viewed),
        operation(verb="access.records.exported", actor=viewed, reason="x") as it,
    ):
        it.add(cast.account.pk, [change])
    logged = Operation.objects.latest("pk")
    assert (logged.actor_name, logged.acting_as_name) == ("Bea Boss", "Vic Viewed")


def test_what_concerns_oneself_and_other_accounts_stay_ones_own(cast: Cast, boss: User, viewed: User) -> None:
    MembershipFactory(branch=cast.elsewhere, user=viewed)
    client = looking(cast, boss, viewed)
    me = client.get("/me/").content.decode()
    assert boss.email in me
    assert viewed.email not in me
    assert client.get(f"/a/{cast.elsewhere.account.slug}/").status_code == 404
    for page in (home(cast), "/admin/", "/"):
        assert cast.elsewhere.account.name not in client.get(page).content.decode(), page


def test_another_account_of_ones_own_is_seen_with_ones_own_eyes(cast: Cast, boss: User, viewed: User) -> None:
    MembershipFactory(branch=cast.elsewhere, user=boss, role="owner")
    client = looking(cast, boss, viewed)
    page = client.get(f"/a/{cast.elsewhere.account.slug}/").content.decode()
    assert "You are viewing as Vic Viewed" in page
    assert "Bea" in page
    assert leads_of(client) == set()
    assert "Vic" in client.get("/admin/").content.decode()


def test_who_may_not_open_the_admin_is_not_led_in_a_circle(cast: Cast, boss: User) -> None:
    client = looking(cast, boss, MembershipFactory(branch=cast.branch, user__name="Nora Nostaff").user)
    with zeal.zeal_ignore():
        answer: Any = client.get("/admin/", follow=True)
    assert len(answer.redirect_chain) <= 2
    assert answer.status_code in (200, 403)


def test_the_second_factor_is_asked_of_who_signed_in(cast: Cast, boss: User, viewed: User) -> None:
    client = looking(cast, boss, viewed)
    assert client.get(home(cast)).status_code == 200
