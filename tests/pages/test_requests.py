"""Requests for access: asked from what is disabled, decided with an end, told by mail, and warned of before the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import zeal
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.access.models import AccessRequest, EndingWarning, Override
from apps.accounts.models import User
from apps.changes import request_emails
from apps.changes.expiry_emails import warn_of_ends
from apps.changes.overrides import SetOverride
from apps.changes.preview import preview
from apps.changes.requests import ApproveRequest, DeclineRequest, RequestAccess
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.admin.people import all_but, browser, everything, staff
from tests.factories import Cast, ContactFactory, LeadFactory, MembershipFactory, UserFactory, make_cast, share
from tests.mailing import link_in, post

pytestmark = pytest.mark.django_db
WHY = "I work with them"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def boss(cast: Cast) -> User:
    return staff(cast.branch, all_but("view_audit_log"), name="Bea Boss", email="boss@example.com", is_staff=False)


@pytest.fixture
def asker(cast: Cast) -> User:
    return staff(
        cast.branch,
        all_but("export_lead", "manage_member_permissions", "view_audit_log"),
        name="Asa Asker",
        is_staff=False,
    )


def address(cast: Cast, rest: str = "") -> str:
    return f"/a/{cast.account.slug}/requests/{rest}"


def ask(cast: Cast, asker: User, permission: str = "export_lead", **about: Any) -> AccessRequest:
    change = RequestAccess(account_id=cast.account.pk, branch_id=cast.branch.pk, permission=permission, **about)
    change.apply(actor=asker, reason=WHY)
    return AccessRequest.objects.latest("pk")


def told() -> list[EmailMultiAlternatives]:
    """The mails of all that waits in the queue."""
    for task in (request_emails.request_made, request_emails.request_decided):
        for job in ProcrastinateJob.objects.filter(task_name=task.name, status="todo").order_by("id"):
            task.func(**job.args)
    ProcrastinateJob.objects.exclude(task_name="apps.accounts.mail.deliver")._raw_delete("default")
    return post()


def send(client: Client, page: str, **data: Any) -> Any:
    with zeal.zeal_ignore():
        return client.post(page, {"reason": WHY, **data})


def test_who_is_no_staff_asks_from_the_page_that_refuses(cast: Cast) -> None:
    asker = staff(cast.branch, all_but("view_billing", "view_audit_log"), is_staff=False)
    client = browser(asker)
    refused = client.get(f"/a/{cast.account.slug}/billing/")
    assert refused.status_code == 403
    asking = refused.context["asking"]
    assert asking == address(cast, f"new/?permission=view_billing&branch={cast.branch.pk}")
    page = client.get(asking)
    form = page.context["form"]
    assert (form["permission"].value(), form["branch"].value()) == ("view_billing", str(cast.branch.pk))
    answer = send(client, asking, permission="view_billing", branch=cast.branch.pk, scope="all")
    assert (answer.status_code, answer["Location"]) == (302, address(cast, "?tab=mine"))
    asked = AccessRequest.objects.get()
    assert (asked.user, asked.permission, asked.message) == (asker, "view_billing", WHY)
    assert "Pending" in client.get(address(cast, "?tab=mine")).content.decode()


def test_a_disabled_button_has_the_way_to_ask_beside_it(cast: Cast) -> None:
    person, lead = staff(cast.branch, all_but("delete_lead")), LeadFactory(branch=cast.branch)
    page = browser(person).get(f"/admin/crm/lead/{lead.pk}/change/").content.decode()
    about = f"permission=delete_lead&amp;record_type=lead&amp;record_id={lead.pk}&amp;branch={cast.branch.pk}"
    asking = f'href="{address(cast, "new/?")}{about}"'
    assert asking in page
    assert page.index('aria-disabled="true"') < page.index(asking)


def test_a_link_cannot_state_the_reason_for_somebody(cast: Cast, asker: User) -> None:
    page = browser(asker).get(address(cast, "new/?permission=export_lead&reason=Because"))
    assert page.context["form"]["reason"].value() is None


def test_the_one_who_may_decides_with_an_end(cast: Cast, boss: User, asker: User) -> None:
    asked = ask(cast, asker)
    client = browser(boss)
    listed = client.get(address(cast)).content.decode()
    assert "Asa Asker" in listed
    assert '<span class="m-badge m-badge-amber">1</span>' in listed
    page = address(cast, f"{asked.pk}/approve/")
    end = timezone.localtime(timezone.now() + timedelta(days=4)).replace(second=0, microsecond=0)
    data = {"scope": "responsible+shared", "expires_at": end.strftime("%Y-%m-%dT%H:%M"), "seen": ""}
    data["seen"] = client.get(page).context["form"]["seen"].value()
    assert "What will change" in send(client, page, **data).content.decode()
    assert not Override.objects.exists()
    assert send(client, page, **data, confirmed="yes").status_code == 302
    override = Override.objects.get()
    assert (override.user, override.scope, override.expires_at) == (asker, Scope.RESPONSIBLE | Scope.SHARED, end)
    asked.refresh_from_db()
    assert (asked.status, asked.decided_by, asked.reason) == ("approved", boss, WHY)
    assert "Bea Boss" in browser(asker).get(address(cast, f"{asked.pk}/")).content.decode()


def test_a_colleague_without_the_right_sees_no_request_of_others(cast: Cast, asker: User) -> None:
    asked = ask(cast, asker)
    client = browser(staff(cast.branch, all_but("manage_member_permissions"), is_staff=False))
    nothing = client.get(address(cast, f"{10**9}/"))
    assert client.get(address(cast, f"{asked.pk}/")).status_code == nothing.status_code == 404
    assert "Asa Asker" not in client.get(address(cast, "?tab=decide")).content.decode()
    assert client.post(address(cast, f"{asked.pk}/decline/"), {"reason": "No"}).status_code == 404


def test_who_manages_another_branch_does_not_see_it(cast: Cast, asker: User) -> None:
    asked = ask(cast, asker)
    client = browser(staff(cast.branch_beside(), everything(), is_staff=False))
    assert client.get(address(cast, f"{asked.pk}/")).status_code == 404
    assert client.get(address(cast, f"{asked.pk}/approve/")).status_code == 404


def test_nobody_decides_their_own(cast: Cast, boss: User) -> None:
    asked = ask(cast, boss)
    assert browser(boss).get(address(cast, f"{asked.pk}/approve/")).status_code == 404
    assert send(browser(boss), address(cast, f"{asked.pk}/withdraw/")).status_code == 302
    asked.refresh_from_db()
    assert asked.status == "withdrawn"


def test_what_was_decided_is_not_decided_again(cast: Cast, boss: User, asker: User) -> None:
    asked = ask(cast, asker)
    assert send(browser(boss), address(cast, f"{asked.pk}/decline/")).status_code == 302
    assert browser(boss).get(address(cast, f"{asked.pk}/approve/")).status_code == 404


def test_the_list_is_filtered_by_state_and_by_words(cast: Cast, boss: User, asker: User) -> None:
    first = ask(cast, asker)
    DeclineRequest(account_id=cast.account.pk, request_id=first.pk).apply(actor=boss, reason="Not now")
    second = ask(cast, asker, "view_billing")
    client = browser(boss)
    for query, found in (("state=declined", [first]), ("state=open", [second]), ("q=billing", [second]), ("q=zz", [])):
        assert client.get(address(cast, f"?tab=decide&{query}")).context["rows"] == found, query


def test_it_pages_without_losing_or_doubling_one(cast: Cast, boss: User) -> None:
    made = [ask(cast, MembershipFactory(branch=cast.branch).user).pk for _ in range(35)]
    client, seen, page = browser(boss), [], address(cast, "?tab=decide")
    while page:
        shown = client.get(page).context
        seen += [row.pk for row in shown["rows"]]
        page = address(cast, f"?tab=decide&before={shown['older']}") if shown["older"] else ""
    assert seen == made[::-1]


# Mail


def test_those_who_may_decide_are_told_and_nobody_else(cast: Cast, boss: User, asker: User) -> None:
    asked = ask(cast, asker)
    mails = told()
    assert {mail.to[0] for mail in mails} == {boss.email, cast.owner.email}
    assert "Asa Asker asks for “Export leads”" in mails[0].subject
    assert WHY in mails[0].body
    assert link_in(mails[0]).endswith(address(cast, f"{asked.pk}/"))


def test_a_preview_of_asking_tells_nobody(cast: Cast, boss: User, asker: User) -> None:
    change = RequestAccess(account_id=cast.account.pk, branch_id=cast.branch.pk, permission="export_lead")
    preview(change, actor=asker)
    assert told() == []


def test_a_record_is_named_by_reference_to_those_who_see_it_and_never_by_name(cast: Cast, asker: User) -> None:
    blind = staff(cast.branch, all_but("view_lead"), email="blind@example.com", is_staff=False)
    lead = LeadFactory(branch=cast.branch, name="Secret merger")
    ask(cast, asker, "assign_record", record_type="lead", record_id=lead.pk)
    by_address = {mail.to[0]: f"{mail.subject} {mail.body} {mail.alternatives}" for mail in told()}
    assert lead.reference in by_address[cast.owner.email]
    assert lead.reference not in by_address[blind.email]
    assert not any("Secret merger" in text for text in by_address.values())


def test_only_who_may_share_it_hears_of_a_request_for_a_record(cast: Cast, boss: User, asker: User) -> None:
    blind = staff(cast.branch, all_but("view_lead"), email="blind@example.com", is_staff=False)
    member = cast.member
    lead = LeadFactory(branch=cast.branch)
    share(lead, member)
    ask(cast, member, "change_lead", record_type="lead", record_id=lead.pk)
    addresses = {mail.to[0] for mail in told()}
    assert boss.email in addresses
    assert blind.email not in addresses


def test_what_became_private_meanwhile_is_told_to_nobody(cast: Cast, boss: User, asker: User) -> None:
    contact = ContactFactory(branch=cast.branch, responsible=asker)
    ask(cast, asker, "delete_contact", record_type="contact", record_id=contact.pk)
    type(contact).objects.filter(pk=contact.pk).update(private=True)
    assert told() == []


def test_the_one_who_asked_is_told_what_was_decided(cast: Cast, boss: User, asker: User) -> None:
    first, second = ask(cast, asker), ask(cast, asker, "manage_member_permissions")
    told()
    end = timezone.now() + timedelta(days=4)
    ApproveRequest(account_id=cast.account.pk, request_id=first.pk, expires_at=end).apply(
        actor=boss, reason="Till Friday"
    )
    DeclineRequest(account_id=cast.account.pk, request_id=second.pk).apply(actor=boss, reason="Not yours")
    given, declined = told()
    assert given.to == declined.to == [asker.email]
    assert "Your request for “Export leads” was approved" in given.subject
    assert "Till Friday" in given.body
    assert f"{timezone.localtime(end):%A, %-d %B %Y, %H:%M}" in given.body
    assert "declined" in declined.subject
    assert "Not yours" in declined.body


# Ends


def given_until(cast: Cast, by: User, end: Any, set_at: Any = None) -> Override:
    membership = Membership.objects.get(user=cast.member, branch=cast.branch)
    change = SetOverride(
        account_id=cast.account.pk,
        membership_id=membership.pk,
        permission="export_lead",
        scope=Scope.ALL,
        expires_at=end,
    )
    change.apply(actor=by, reason="For the fair")
    override = Override.objects.get()
    if set_at is not None:
        override.created_at = set_at
        override.save()
    return override


def test_holder_and_author_are_warned_three_days_and_one_day_before_and_each_once(cast: Cast, boss: User) -> None:
    now = timezone.now()
    given_until(cast, boss, now + timedelta(days=10))
    assert warn_of_ends(now + timedelta(days=6)) == 0
    assert warn_of_ends(now + timedelta(days=7, minutes=5)) == 1
    assert warn_of_ends(now + timedelta(days=7, hours=5)) == 0
    mails = post()
    assert {mail.to[0] for mail in mails} == {cast.member.email, boss.email}
    assert all("“Export leads” ends on" in mail.subject for mail in mails)
    assert warn_of_ends(now + timedelta(days=9, minutes=5)) == 1
    assert warn_of_ends(now + timedelta(days=9, hours=5)) == 0
    assert len(post()) == 2
    assert warn_of_ends(now + timedelta(days=10, minutes=1)) == 0


def test_after_a_pause_of_the_queue_one_warning_is_enough(cast: Cast, boss: User) -> None:
    now = timezone.now()
    given_until(cast, boss, now + timedelta(days=10))
    assert warn_of_ends(now + timedelta(days=9, hours=12)) == 1
    assert [warning.days for warning in EndingWarning.objects.all()] == [1]


def test_nobody_is_warned_of_what_is_given_for_less(cast: Cast, boss: User) -> None:
    now = timezone.now()
    given_until(cast, boss, now + timedelta(days=2))
    assert warn_of_ends(now + timedelta(hours=1)) == 0
    assert warn_of_ends(now + timedelta(days=1, hours=1)) == 1


def test_who_has_left_or_may_not_any_more_is_not_told(cast: Cast) -> None:
    author = staff(cast.branch, everything(), is_staff=False)
    now = timezone.now()
    given_until(cast, author, now + timedelta(days=10))
    cast.remove(author)
    assert warn_of_ends(now + timedelta(days=8)) == 1
    assert [mail.to[0] for mail in post()] == [cast.member.email]
    cast.remove(cast.member)
    assert warn_of_ends(now + timedelta(days=9, hours=1)) == 0


def test_another_end_is_warned_of_anew(cast: Cast, boss: User) -> None:
    now = timezone.now()
    given_until(cast, boss, now + timedelta(days=10))
    assert warn_of_ends(now + timedelta(days=8)) == 1
    given_until(cast, boss, now + timedelta(days=20))
    assert warn_of_ends(now + timedelta(days=8)) == 0
    assert warn_of_ends(now + timedelta(days=18)) == 1


def test_times_in_mails_are_the_readers(cast: Cast, boss: User) -> None:
    now = timezone.now().replace(hour=12, minute=0)
    User.objects.filter(pk=cast.member.pk).update(time_zone="Asia/Tokyo")
    given_until(cast, boss, now + timedelta(days=10))
    warn_of_ends(now + timedelta(days=8))
    (mine,) = [mail for mail in post() if mail.to == [cast.member.email]]
    assert "21:00" in mine.body


def test_a_stranger_has_no_such_pages(cast: Cast, asker: User) -> None:
    asked = ask(cast, asker)
    for rest in ("", "new/", f"{asked.pk}/", f"{asked.pk}/approve/"):
        assert browser(UserFactory()).get(address(cast, rest)).status_code == 404
