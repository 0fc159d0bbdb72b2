"""The log of an account: who reads what of it, how it is narrowed down, taken along, and undone from."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from apps.accounts.chains import verify_due_chains
from apps.accounts.models import Branch, User
from apps.audit.models import Link, Operation, Verification
from apps.billing.changes import Entitle
from apps.billing.subscription_state import Entitlements
from apps.changes.members import ChangeRole
from apps.changes.overrides import SetOverride
from apps.roles.models import Role
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.admin.people import all_but, browser, everything, staff
from tests.audit.chains import sql, unguarded
from tests.factories import BranchFactory, Cast, MembershipFactory, OperatorFactory, UserFactory, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def reader(cast: Cast) -> Client:
    return browser(cast.owner)


def banned(cast: Cast, reason: str = "Not his leads", branch: Branch | None = None, user: User | None = None) -> int:
    """Prohibit a member from viewing leads; returns the operation's number."""
    membership = Membership.objects.get(branch=branch or cast.branch, user=user or cast.member)
    change = SetOverride(
        account_id=cast.account.pk, membership_id=membership.pk, permission="view_lead", scope=Scope.NONE
    )
    done = change.apply(actor=cast.owner, reason=reason)
    assert done.operation_id is not None
    return done.operation_id


def numbers(client: Client, cast: Cast, asked: str = "") -> list[int]:
    """The operations that the list shows."""
    response = client.get(f"/a/{cast.account.slug}/audit/{asked}")
    assert response.status_code == 200
    return [row["operation"].pk for row in response.context["rows"]]


def address(cast: Cast, number: int, page: str = "") -> str:
    return f"/a/{cast.account.slug}/audit/{number}/{page}"


def test_it_shows_what_was_done_to_whom_by_whom_and_why(cast: Cast, reader: Client) -> None:
    number = banned(cast)
    page = reader.get(f"/a/{cast.account.slug}/audit/").content.decode()
    for text in ("Override set", "Ben Baker", "Ann Archer", "Not his leads", address(cast, number)):
        assert text in page
    for read in (page, reader.get(address(cast, number)).content.decode()):
        assert "View leads of Ben Baker on North" in read
        assert "view_lead of" not in read


def test_it_is_narrowed_by_person_by_whom_it_concerns_verb_day_number_and_words(cast: Cast, reader: Client) -> None:
    carl = MembershipFactory(branch=cast.branch, user=UserFactory(name="Carl"), role="member").user
    one, other = banned(cast, "For the audit of May"), banned(cast, "Once more", user=carl)
    assert numbers(reader, cast, "?q=audit+of+may") == [one]
    assert numbers(reader, cast, "?about=baker&verb=access.override.set") == [one]
    assert numbers(reader, cast, f"?about={carl.email}&verb=access.override.set") == [other]
    assert numbers(reader, cast, "?by=archer")[:2] == [other, one]
    assert numbers(reader, cast, "?by=nobody") == []
    assert one not in numbers(reader, cast, "?verb=access.role.changed")
    assert numbers(reader, cast, f"?number={one}") == [one]
    tomorrow = timezone.localdate() + timedelta(days=1)
    assert numbers(reader, cast, f"?since={tomorrow}") == []
    assert numbers(reader, cast, f"?since={timezone.localdate()}&until={tomorrow}")[:2] == [other, one]


def test_a_question_that_is_none_is_answered_with_what_is_wrong_with_it(cast: Cast, reader: Client) -> None:
    banned(cast)
    for asked, said in {
        "?since=2026-05-02&until=2026-05-01": "Enter an end date after the start date.",
        "?since=yesterday": "Enter a valid date.",
        "?number=many": "Enter a whole number.",
        "?verb=access.nothing": "Select a valid choice",
    }.items():
        page = reader.get(f"/a/{cast.account.slug}/audit/{asked}")
        assert said in page.content.decode()
        assert page.context["rows"] == []


def test_it_turns_its_pages_both_ways_and_leaves_nothing_out(cast: Cast, reader: Client) -> None:
    members = [MembershipFactory(branch=cast.branch, user=UserFactory(), role="member").user for _ in range(130)]
    made = [banned(cast, user=user) for user in members][::-1]
    slug, asked = cast.account.slug, "?verb=access.override.set"
    pages, at = [], asked
    while at:
        response = reader.get(f"/a/{slug}/audit/{at}")
        pages.append([row["operation"].pk for row in response.context["rows"]])
        newer, at = response.context["newer"], response.context["older"]
    assert [len(page) for page in pages] == [50, 50, 30]
    assert [number for page in pages for number in page] == made
    assert numbers(reader, cast, newer) == pages[1]
    assert reader.get(f"/a/{slug}/audit/?before=x&after=99999999999999999999").status_code == 200


def test_who_reads_one_branch_reads_that_one_alone(cast: Cast) -> None:
    south = BranchFactory(account=cast.account)
    MembershipFactory(branch=south, user=cast.member, role="member")
    here, there = banned(cast), banned(cast, branch=south)
    client = browser(staff(cast.branch, ["view_audit_log"]))
    assert here in numbers(client, cast)
    assert there not in numbers(client, cast)
    assert client.get(address(cast, there)).status_code == 404
    assert client.get(address(cast, there)).content == client.get(address(cast, 10**9)).content
    taken = b"".join(client.post(f"/a/{cast.account.slug}/audit/export/", {"file": "json"}))
    assert {row["branch_id"] for row in json.loads(taken)} == {cast.branch.pk}


def test_one_operation_shows_before_and_after_side_by_side(cast: Cast, reader: Client) -> None:
    membership = Membership.objects.get(branch=cast.branch, user=cast.member)
    admin = Role.objects.published("atlas").get(key="admin")
    change = ChangeRole(account_id=cast.account.pk, membership_id=membership.pk, role_id=admin.pk)
    done = change.apply(actor=cast.owner, reason="Leads the team")
    assert done.operation_id is not None
    page = reader.get(address(cast, done.operation_id)).content.decode()
    assert re.search(r"<del>Member</del></td>\s*<td><ins>Admin</ins>", page)
    assert "Leads the team" in page
    assert "Entries" in page


def test_an_operation_with_very_many_changes_is_shown_in_parts(cast: Cast, reader: Client) -> None:
    operation = Operation.objects.of_account(cast.account.pk).latest("pk")
    assert reader.get(address(cast, operation.pk)).context["behind"] is None
    assert reader.get(f"{address(cast, operation.pk)}?behind=999999999").context["images"] == []


def test_it_is_undone_from_its_page_and_both_operations_say_so(cast: Cast, reader: Client) -> None:
    number = banned(cast)
    undo = address(cast, number, "undo/")
    seen = reader.get(undo).context["form"]["seen"].value()
    sent = {"reason": "It was a mistake", "seen": seen}
    preview = reader.post(undo, sent).content.decode()
    assert "Nothing has changed yet." in preview
    assert "Ben Baker" in preview
    assert Operation.objects.latest("pk").pk == number
    assert reader.post(undo, {**sent, "confirmed": "yes"}).headers["Location"] == address(cast, number)
    undoing = Operation.objects.latest("pk")
    page = reader.get(address(cast, number)).content.decode()
    assert "Undone by Ann Archer" in page
    assert address(cast, undoing.pk) in page
    assert "Undo this" not in page
    assert "This change undid:" in reader.get(address(cast, undoing.pk)).content.decode()


def test_undoing_needs_what_the_change_back_needs(cast: Cast) -> None:
    number = banned(cast)
    client = browser(staff(cast.branch, all_but("manage_member_permissions")))
    undo = address(cast, number, "undo/")
    refused = client.post(undo, {"reason": "No", "seen": client.get(undo).context["form"]["seen"].value()})
    assert refused.status_code == 403
    assert b"manage_member_permissions" in refused.content


def test_what_is_shown_is_taken_along_and_that_stands_in_the_log(cast: Cast, reader: Client) -> None:
    number = banned(cast, "=HYPERLINK(1)")
    banned(cast, "Another", user=MembershipFactory(branch=cast.branch, user=UserFactory(), role="member").user)
    response = reader.post(f"/a/{cast.account.slug}/audit/export/?number={number}", {"file": "csv"})
    lines = b"".join(response).decode().splitlines()
    assert len(lines) == 2
    assert "'=HYPERLINK(1)" in lines[1]
    logged = Operation.objects.latest("pk")
    assert (logged.verb, logged.actor_id) == ("access.log.exported", cast.owner.pk)
    assert reader.post(f"/a/{cast.account.slug}/audit/export/", {"file": "pdf"}).status_code == 404
    wrong = reader.post(f"/a/{cast.account.slug}/audit/export/?since=x", {"file": "csv"})
    assert wrong.headers["Location"].endswith("/audit/?since=x")


def test_the_page_says_up_to_where_the_chain_was_verified_and_what_came_since(cast: Cast, reader: Client) -> None:
    page = f"/a/{cast.account.slug}/audit/"
    assert "has not been verified yet" in reader.get(page).content.decode()
    assert verify_due_chains() == 2
    assert verify_due_chains() == 0
    head = Link.objects.filter(account_id=cast.account.pk).latest("seq")
    told = reader.get(page).content.decode()
    assert f"through entry {head.seq}" in told
    assert bytes(head.hash).hex() in told
    assert "No entries were added since." in told
    banned(cast)
    assert "One entry was added since" in reader.get(page).content.decode()


def test_a_chain_that_does_not_fit_is_told_on_the_page(cast: Cast, reader: Client) -> None:
    number = banned(cast)
    with unguarded():
        sql("UPDATE audit_operation SET reason = 'another' WHERE id = %s", number)
    Verification.objects.all().delete()
    verify_due_chains()
    told = reader.get(f"/a/{cast.account.slug}/audit/").content.decode()
    assert "Audit log verification failed" in told
    assert "its operation was changed" in told


def test_a_head_that_is_not_there_any_more_is_told_before_the_next_verification(cast: Cast, reader: Client) -> None:
    banned(cast)
    call_command("verify_audit", cast.account.slug, stdout=StringIO())
    with unguarded():
        sql("DELETE FROM audit_link WHERE account_id = %s AND seq > 1", cast.account.pk)
    assert "changed after it was verified" in reader.get(f"/a/{cast.account.slug}/audit/").content.decode()


def test_home_leads_to_what_changed(cast: Cast, reader: Client) -> None:
    number = banned(cast)
    assert address(cast, number) in reader.get(f"/a/{cast.account.slug}/").content.decode()


def test_whoever_holds_everything_on_a_branch_reads_no_shielded_rights() -> None:
    cast = make_cast("staff-ladder")
    membership = Membership.objects.get(branch=cast.branch, user=cast.owner)
    user = staff(cast.branch, everything())
    assert membership.role.single
    client = browser(user)
    assert client.get(f"/a/{cast.account.slug}/audit/?about={cast.owner.email}").context["rows"] == []


def test_the_plan_says_how_far_back_the_log_is_shown(cast: Cast) -> None:
    number = banned(cast)
    User.objects.filter(pk=cast.owner.pk).update(is_staff=True)
    given = Entitlements(log_days=90)
    Entitle(account_id=cast.account.pk, given=given).apply(actor=None, reason="Starter")
    assert number in numbers(browser(cast.owner), cast)
    with time_machine.travel(timezone.now() + timedelta(days=91), tick=False):
        client = browser(cast.owner)
        assert numbers(client, cast) == []
        day = f"{timezone.localdate() - timedelta(days=90):%-d %b %Y}"
        for path in ("/a/acme/audit/", "/admin/audit/operation/"):
            shown = client.get(path).content.decode()
            assert f"Your plan shows the audit log of the last 90 days, since {day}. Older entries are kept" in shown
            assert "/a/acme/billing/plan/" in shown
        refused = client.get(address(cast, number))
        assert refused.status_code == 403
        assert "A larger plan shows them" in refused.content.decode()
        assert client.post(address(cast, number, "undo/")).status_code == 403
        assert client.get(address(cast, 2**40)).status_code == 404
        error = client.get("/a/acme/audit/?since=2020-01-01").content.decode()
        assert "A larger plan shows more" in error
        taken = client.post("/a/acme/audit/export/", {"file": "json"})
        assert json.loads(b"".join(taken.streaming_content)) == []  # type: ignore[attr-defined] # a stream
        assert Operation.objects.filter(pk=number).exists()
    Entitle(account_id=cast.account.pk, given=Entitlements()).apply(actor=None, reason="Business")
    with time_machine.travel(timezone.now() + timedelta(days=91), tick=False):
        assert number in numbers(browser(cast.owner), cast)


def test_an_operator_reads_the_whole_log_whatever_the_plan_shows(cast: Cast) -> None:
    number = banned(cast)
    Entitle(account_id=cast.account.pk, given=Entitlements(log_days=90)).apply(actor=None, reason="Starter")
    with time_machine.travel(timezone.now() + timedelta(days=91), tick=False):
        assert number in numbers(browser(OperatorFactory()), cast)
