"""The settings of an account: what one may not is there and says why; each change with its preview and reason."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import zeal
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Account, Branch, User
from apps.audit.models import Operation
from apps.changes import accounts
from apps.changes.refusals import NoSuchTarget
from apps.crm.models import Company, Contact, LeadStatus, Source
from apps.orgfiles import organisation
from apps.teams.models import Membership
from tests.admin.people import all_but, browser, everything, make, staff
from tests.factories import BranchFactory, Cast, MembershipFactory, UserFactory, make_cast, share

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def client(cast: Cast) -> Client:
    """A member with every permission on the only branch, in a custom role."""
    return browser(staff(cast.branch, everything(), name="Eve Everything"))


def page_of(cast: Cast, page: str = "") -> str:
    return f"/a/{cast.account.slug}/settings/{page}"


def send(client: Client, address: str, *, sure: bool = True, **fields: Any) -> Any:
    """Fill in the form of the page, look at the preview, and confirm."""
    with zeal.zeal_ignore():
        form = client.get(address).context["form"]
        data = {name: form[name].value() or "" for name in form.fields}
        data |= {"reason": "It is time", **fields}
        return client.post(address, {**data, "confirmed": "yes"} if sure else data)


# The overview


def test_it_offers_what_one_may_and_says_what_is_missing_of_the_rest(cast: Cast) -> None:
    page = browser(staff(cast.branch, ["manage_statuses"])).get(page_of(cast)).content.decode()
    assert f'href="{page_of(cast, "lead-statuses/")}"' in page
    assert f'href="{page_of(cast, "closing/")}"' not in page
    assert "You need “Delete account”." in page


def test_it_says_where_the_scheme_has_nothing_to_transfer(cast: Cast, client: Client) -> None:
    assert "Atlas has no role with a single holder." in client.get(page_of(cast)).content.decode()
    assert "Atlas has no role with a single holder." in client.get(page_of(cast, "ownership/")).content.decode()


# The account


def test_the_account_gets_another_name_and_the_log_says_why(cast: Cast, client: Client) -> None:
    assert send(client, page_of(cast, "account/"), name="Acme & Sons").status_code == 302
    cast.account.refresh_from_db()
    assert cast.account.name == "Acme & Sons"
    assert (logged := Operation.objects.latest("pk")).reason == "It is time"
    assert logged.verb == "access.account.changed"


def test_the_currency_is_three_letters(cast: Cast, client: Client) -> None:
    answer = send(client, page_of(cast, "account/"), currency="E1")
    assert "three-letter currency code" in answer.content.decode().replace("&#x27;", "’")
    assert send(client, page_of(cast, "account/"), currency="chf").status_code == 302
    cast.account.refresh_from_db()
    assert cast.account.currency == "CHF"


def test_the_currency_stays_once_there_are_invoices(
    cast: Cast, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_currency_rules", [lambda account: "It has been invoiced."])
    page = client.get(page_of(cast, "account/")).content.decode()
    assert "It has been invoiced." in page
    assert send(client, page_of(cast, "account/"), currency="USD", name="Another").status_code == 302
    cast.account.refresh_from_db()
    assert (cast.account.currency, cast.account.name) == ("EUR", "Another")
    change = accounts.ChangeAccount(account_id=cast.account.pk, currency="USD")
    with pytest.raises(NoSuchTarget, match="It has been invoiced"):
        change.apply(actor=None, reason="At the console")


# The system of roles


def test_the_system_is_switched_with_a_role_for_everybody() -> None:
    cast = make_cast("amocrm")
    owner = browser(cast.owner)
    page = owner.get(page_of(cast, "system/")).content.decode()
    assert "Staff ladder" in page
    assert f"{page_of(cast, 'system/')}?to=amocrm" not in page
    address = f"{page_of(cast, 'system/')}?to=atmos"
    roles = {"becomes_administrator": "admin", "becomes_employee": "user"}
    keys = [name for name in owner.get(address).context["form"].fields if name.startswith("becomes_")]
    chosen: dict[str, Any] = {key: roles.get(key, "") for key in keys}
    assert "Ben Baker" in send(owner, address, sure=False, **chosen).content.decode()
    assert Account.objects.get(pk=cast.account.pk).scheme == "amocrm"
    assert send(owner, address, **chosen).status_code == 302
    assert Account.objects.get(pk=cast.account.pk).scheme == "atmos"
    assert Membership.objects.get(account=cast.account, user=cast.member).role.key == "user"
    assert owner.get(f"{page_of(cast, 'system/')}?to=nothing").status_code == 404


def test_a_role_that_becomes_nothing_is_asked_for_again() -> None:
    cast = make_cast("amocrm")
    owner = browser(cast.owner)
    answer = send(owner, f"{page_of(cast, 'system/')}?to=atmos")
    assert answer.status_code == 200
    assert "This field is required." in answer.content.decode()


# Branches


def test_a_branch_is_opened_renamed_closed_and_opened_again(cast: Cast) -> None:
    owner = browser(cast.owner)
    assert send(owner, page_of(cast, "branches/new/"), name="South Sea").status_code == 302
    branch = Branch.objects.get(account=cast.account, slug="south-sea")
    assert "South Sea" in owner.get(page_of(cast, "branches/")).content.decode()
    of = page_of(cast, "branches/south-sea/")
    assert send(owner, f"{of}rename/", name="Pacific").status_code == 302
    assert owner.get(f"{of}reopen/").status_code == 404
    lead = make("lead", branch)
    moved = send(owner, f"{of}close/", records_to=str(cast.branch.pk))
    assert moved.status_code == 302
    lead.refresh_from_db()
    branch.refresh_from_db()
    assert (branch.status, branch.name, lead.branch_id) == ("closed", "Pacific", cast.branch.pk)
    assert send(owner, f"{of}reopen/").status_code == 302
    branch.refresh_from_db()
    assert branch.status == "active"


def test_a_branch_out_of_sight_is_none(cast: Cast) -> None:
    BranchFactory(account=cast.account, slug="south", name="The South")
    client = browser(staff(cast.branch, everything()))
    assert "The South" not in client.get(page_of(cast, "branches/")).content.decode()
    assert client.get(page_of(cast, "branches/south/rename/")).status_code == 404


def test_what_one_may_not_do_with_a_branch_is_there_and_says_why(cast: Cast) -> None:
    client = browser(staff(cast.branch, ["view_branch"]))
    page = client.get(page_of(cast, "branches/")).content.decode()
    assert "You need “Delete branch”." in page
    assert "You need “Create branches”." in page
    assert client.get(page_of(cast, "branches/north/close/")).status_code == 403


# Ownership


def test_the_ownership_goes_to_somebody_else_in_one_step() -> None:
    cast = make_cast("onepagecrm")
    owner = browser(cast.owner)
    address = page_of(cast, "ownership/")
    previous = owner.get(address).context["form"].fields["previous"].choices[1][0]
    assert send(owner, address, to=str(cast.member.pk), previous=previous).status_code == 302
    assert Membership.objects.get(account=cast.account, user=cast.member).role.single
    assert not Membership.objects.get(account=cast.account, user=cast.owner).role.single


# Closing


def test_closing_says_what_will_be_gone_waits_and_is_taken_back(cast: Cast, client: Client) -> None:
    make("lead", cast.branch)
    page = client.get(page_of(cast, "closing/"))
    assert ("Leads", "1") in page.context["gone"]
    assert ("People", "3") in page.context["gone"]
    wrong = send(client, page_of(cast, "closing/"), name="Another")
    assert "This doesn’t match the account’s name." in wrong.content.decode()
    assert send(client, page_of(cast, "closing/"), name="Acme").status_code == 302
    cast.account.refresh_from_db()
    assert cast.account.status == "closing"
    assert cast.account.closes_at is not None
    assert timedelta(days=29) < cast.account.closes_at - timezone.now() < timedelta(days=31)
    assert "Acme closes on" in client.get(page_of(cast, "closing/")).content.decode()
    assert send(client, page_of(cast, "closing/")).status_code == 302
    cast.account.refresh_from_db()
    assert cast.account.status == "active"


def test_what_others_keep_private_is_not_counted(cast: Cast, client: Client) -> None:
    before = dict(client.get(page_of(cast, "closing/")).context["gone"])["Contacts"]
    make("contact", cast.branch, private=True, responsible=cast.member)
    assert dict(client.get(page_of(cast, "closing/")).context["gone"])["Contacts"] == before


def taken(client: Client, cast: Cast) -> str:
    """The file of the account."""
    with zeal.zeal_ignore():
        response = client.post(page_of(cast, "closing/export/"))
        return b"".join(response).decode()


def test_the_account_is_taken_along_whole_and_the_log_says_so(cast: Cast, client: Client) -> None:
    lead = make("lead", cast.branch, responsible=cast.member)
    share(lead, cast.owner)
    file = taken(client, cast)
    with zeal.zeal_ignore():
        assert file.splitlines() == list(organisation.export(cast.account, print))
    assert Operation.objects.latest("pk").verb == "access.account.exported"


def test_what_one_may_not_export_leaves_no_trace_in_the_file(cast: Cast) -> None:
    user: User = staff(cast.branch, all_but("export_company"))
    company: Company = make("company", cast.branch, name="Hidden Holding")  # type: ignore[assignment]
    hermit = UserFactory(email="hermit@acme.example")
    MembershipFactory(branch=cast.branch, user=hermit, role="member")
    contact: Contact = make("contact", cast.branch, name="Known Contact", company=company)  # type: ignore[assignment]
    private = make("contact", cast.branch, name="Secret Friend", private=True, responsible=hermit)
    make("task", cast.branch, name="Call the friend", about=private, responsible=hermit)
    file = taken(browser(user), cast)
    assert contact.reference in file
    for trace in ("Hidden Holding", company.reference, "Secret Friend", private.reference, "Call the friend"):
        assert not re.search(rf"\b{re.escape(trace)}\b", file), trace


# Lists


@pytest.fixture
def sources(cast: Cast) -> list[Source]:
    Source.objects.filter(account=cast.account).delete()
    return [Source.objects.create(account=cast.account, name=name, position=7) for name in ("Web", "Fair", "Friend")]


def names(cast: Cast) -> list[str]:
    return list(Source.objects.filter(account=cast.account).values_list("name", flat=True))


def test_an_entry_is_added_at_the_end_and_renamed(cast: Cast, client: Client, sources: list[Source]) -> None:
    of = page_of(cast, "sources/")
    assert client.post(of, {"name": "Partner"}).status_code == 302
    assert names(cast) == ["Web", "Fair", "Friend", "Partner"]
    assert client.post(f"{of}{sources[0].pk}/", {"name": "Website"}).status_code == 302
    assert names(cast)[0] == "Website"
    for address in (of, f"{of}{sources[1].pk}/"):
        assert "“Friend” is already in the list." in client.post(address, {"name": "Friend"}).content.decode()
    assert client.post(of, {"name": " "}).status_code == 200


def test_entries_are_put_in_order(cast: Cast, client: Client, sources: list[Source]) -> None:
    of = page_of(cast, f"sources/{sources[2].pk}/arrange/")
    client.post(of, {"act": "up"})
    assert names(cast) == ["Web", "Friend", "Fair"]
    client.post(of, {"act": "up"})
    client.post(of, {"act": "up"})
    assert names(cast) == ["Friend", "Web", "Fair"]
    client.post(of, {"act": "down"})
    assert names(cast) == ["Web", "Friend", "Fair"]
    assert client.post(of, {"act": "sideways"}).status_code == 404


def test_what_is_in_use_is_not_deleted_but_offered_no_longer(cast: Cast, client: Client) -> None:
    status = LeadStatus.objects.create(account=cast.account, name="Fresh")
    make("lead", cast.branch, status=status)
    of = page_of(cast, f"lead-statuses/{status.pk}/")
    refused = client.post(f"{of}delete/").content.decode()
    assert "“Fresh” is in use." in refused
    client.post(f"{of}arrange/", {"act": "retire"})
    status.refresh_from_db()
    assert not status.offered
    assert "no longer offered" in client.get(page_of(cast, "lead-statuses/")).content.decode()


def test_what_nothing_has_is_deleted(cast: Cast, client: Client, sources: list[Source]) -> None:
    assert client.post(page_of(cast, f"sources/{sources[1].pk}/delete/")).status_code == 302
    assert names(cast) == ["Web", "Friend"]
