"""An account asks for a second factor: of everyone or of some roles, everywhere in it, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
import zeal
from allauth.mfa.models import Authenticator
from django.test import Client

from apps.accounts.models import EVERYONE, Account, Branch, User
from apps.audit.models import Entry
from apps.changes.accounts import ChangeAccount
from apps.changes.preview import preview
from apps.changes.refusals import Guard, Refusal
from apps.changes.switching import SwitchScheme
from apps.roles.scopes import Scope
from tests.admin.people import staff
from tests.factories import (
    Cast,
    MembershipFactory,
    OperatorFactory,
    OverrideFactory,
    ParentMembershipFactory,
    TaskFactory,
    TeamFactory,
    make_cast,
)
from tests.pages.table import OPEN
from tests.signin.people import browser_of, with_app

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    User.objects.update(is_staff=True)
    return cast


def ask(account: Account, *roles: str, actor: User | None = None) -> None:
    ChangeAccount(account_id=account.pk, second_factor=roles).apply(actor=actor, reason="Our insurer wants it")


def led(client: Client, address: str) -> bool:
    """Whether the address leads to setting up a second factor, in place of its page."""
    with zeal.zeal_ignore():
        answer = client.get(address)
    return answer.status_code == 302 and answer.headers["Location"] == "/mfa/"


def inside(cast: Cast) -> list[str]:
    return [
        f"/a/{cast.account.slug}/",
        "/admin/",
        "/admin/crm/lead/",
        f"/a/{cast.account.slug}/settings/second-factor/",
    ]


def test_everyone_is_led_to_set_one_up_wherever_they_go_in_the_account(cast: Cast) -> None:
    ask(cast.account, EVERYONE, actor=cast.owner)
    for user in (cast.owner, cast.member):
        client = browser_of(user)
        assert all(led(client, address) for address in inside(cast))
        page = client.get("/mfa/").content.decode()
        assert f"{cast.account} requires two-factor authentication" in page


def test_what_is_outside_of_the_account_stays_open(cast: Cast) -> None:
    ask(cast.account, EVERYONE)
    client = browser_of(cast.member)
    for address in ("/mfa/", "/me/", "/me/sessions/", "/password/change/", "/logout/", "/"):
        assert client.get(address).status_code == 200, address


def test_who_has_one_notices_nothing(cast: Cast) -> None:
    ask(cast.account, EVERYONE)
    with_app(cast.member)
    client = browser_of(cast.member)
    assert client.get(f"/a/{cast.account.slug}/").status_code == 200
    assert client.get("/admin/").status_code == 200
    assert "requires two-factor authentication" not in client.get("/mfa/").content.decode()


def test_recovery_codes_are_no_second_factor(cast: Cast) -> None:
    ask(cast.account, EVERYONE)
    Authenticator.objects.create(user=cast.member, type=Authenticator.Type.RECOVERY_CODES, data={})
    assert led(browser_of(cast.member), "/admin/")


def test_it_is_asked_of_some_roles_alone(cast: Cast) -> None:
    ask(cast.account, "owner")
    assert led(browser_of(cast.owner), "/admin/")
    assert not led(browser_of(cast.member), "/admin/")


def test_it_is_asked_of_the_holders_of_a_parent_role(cast: Cast) -> None:
    ask(cast.account, "viewer")
    assert not led(browser_of(cast.member), "/admin/")
    ParentMembershipFactory(account=cast.account, user=cast.member, role="viewer")
    assert led(browser_of(cast.member), "/admin/")


def test_who_was_removed_from_the_role_is_asked_no_more(cast: Cast) -> None:
    ask(cast.account, "owner")
    south = cast.branch_beside()
    MembershipFactory(branch=south, user=cast.member, role="owner")
    client = browser_of(cast.member)
    assert led(client, "/admin/")
    cast.remove(cast.member, south)
    assert not led(client, "/admin/")


def test_a_platform_operator_is_asked_like_everyone(cast: Cast) -> None:
    operator = OperatorFactory()
    client = browser_of(operator)
    client.post(f"/account/{cast.account.slug}/")
    assert not led(client, "/admin/")
    ask(cast.account, EVERYONE)
    assert led(client, "/admin/")


def test_another_account_of_the_same_person_is_not_closed(cast: Cast) -> None:
    MembershipFactory(branch=cast.elsewhere, user=cast.member)
    TaskFactory(branch=cast.branch, responsible=cast.member, name="Call Quagmire back")
    TaskFactory(branch=cast.elsewhere, responsible=cast.member, name="Call Gibbons back")
    ask(cast.account, EVERYONE)
    client = browser_of(cast.member)
    assert led(client, f"/a/{cast.account.slug}/")
    assert not led(client, f"/a/{cast.elsewhere.account.slug}/")
    with zeal.zeal_ignore():
        work = client.get("/").content.decode()
    assert "Gibbons" in work
    assert "Quagmire" not in work
    assert "requires two-factor authentication" in work


@pytest.mark.parametrize("chosen", ["here", "elsewhere"])
def test_no_page_shows_what_is_in_an_account_that_asks_for_one(cast: Cast, chosen: str) -> None:
    """Every address is asked, in the account that asks and from another one that does not."""
    planted = "Quagmire"
    Branch.objects.filter(pk=cast.branch.pk).update(name=planted)
    User.objects.filter(pk=cast.owner.pk).update(name=f"{planted} Owner")
    TeamFactory(branch=cast.branch, name=f"{planted} team", members=[cast.member, cast.owner])
    OverrideFactory(branch=cast.branch, user=cast.member, permission="export_lead", reason=f"{planted} asked for it")
    TaskFactory(branch=cast.branch, responsible=cast.member, name=f"Call {planted} back")
    MembershipFactory(branch=cast.elsewhere, user=cast.member)
    slugs = {"here": cast.account.slug, "elsewhere": cast.elsewhere.account.slug}
    addresses = [f"/{route.path or route.pattern}" for route in OPEN if route.method == "GET" and "<" not in route.path]
    addresses += [f"/me/access/?account={slug}" for slug in slugs.values()]
    addresses += [f"/a/{cast.account.slug}/{rest}" for rest in ("", "matrix/", "people/?q=Q", "why/", "audit/")]
    client = browser_of(cast.member)

    def where_planted() -> list[str]:
        with zeal.zeal_ignore():
            client.post(f"/account/{slugs[chosen]}/")
            return [address for address in addresses if planted in client.get(address).content.decode()]

    assert "/me/access/?account=" + cast.account.slug in where_planted(), "The words are seen where nothing is asked."
    ask(cast.account, EVERYONE)
    assert where_planted() == []


def test_my_access_says_what_is_missing_and_still_shows_the_other_accounts(cast: Cast) -> None:
    MembershipFactory(branch=cast.elsewhere, user=cast.member)
    ask(cast.account, EVERYONE)
    client = browser_of(cast.member)
    closed = client.get(f"/me/access/?account={cast.account.slug}").content.decode()
    assert "This account requires two-factor authentication" in closed
    assert cast.elsewhere.name in client.get(f"/me/access/?account={cast.elsewhere.account.slug}").content.decode()


def test_what_is_sent_is_not_done(cast: Cast) -> None:
    ask(cast.account, EVERYONE)
    client = browser_of(cast.owner)
    data = {"who": "nobody", "reason": "x", "confirmed": "1"}
    assert client.post(f"/a/{cast.account.slug}/settings/second-factor/", data).headers["Location"] == "/mfa/"
    cast.account.refresh_from_db()
    assert cast.account.second_factor == [EVERYONE]


def test_a_part_of_a_page_leads_the_whole_page_there(cast: Cast) -> None:
    ask(cast.account, EVERYONE)
    answer = browser_of(cast.member).get("/admin/", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "/mfa/"


def test_who_needs_one_is_changed_on_a_page_with_a_reason_and_logged(cast: Cast) -> None:
    with_app(cast.owner)
    client = browser_of(staff(cast.branch, {"change_account": Scope.ALL}))
    address = f"/a/{cast.account.slug}/settings/second-factor/"
    page: Any = client.get(address)
    seen = page.context["form"]["seen"].value()
    data = {"who": "some", "roles": ["admin", "owner"], "reason": "Our insurer wants it", "seen": seen}
    with zeal.zeal_ignore():
        shown = client.post(address, data).content.decode()
        assert "no two-factor authentication yet" not in shown, "The only owner has one."
        assert client.post(address, {**data, "confirmed": "1"}).status_code == 302
    cast.account.refresh_from_db()
    assert cast.account.second_factor == ["admin", "owner"]
    entry: Any = Entry.objects.filter(target_type="accounts.account", account_id=cast.account.pk).latest("pk")
    assert (entry.before["second_factor"], entry.after["second_factor"]) == ([], ["admin", "owner"])
    assert entry.operation.reason == "Our insurer wants it"


def test_the_form_wants_roles_where_they_are_to_say_it(cast: Cast) -> None:
    client = browser_of(cast.owner)
    answer = client.post(f"/a/{cast.account.slug}/settings/second-factor/", {"who": "some", "reason": "x"})
    assert b"Choose at least one role." in answer.content


def test_the_preview_counts_who_has_none(cast: Cast) -> None:
    with_app(cast.member)
    lines = " ".join(preview(ChangeAccount(account_id=cast.account.pk, second_factor=[EVERYONE]), actor=None).lines())
    assert "1 person has no two-factor authentication yet" in lines


def test_a_role_that_is_not_there_is_refused(cast: Cast) -> None:
    with pytest.raises(Refusal, match="has no role “king”") as caught:
        ask(cast.account, "king")
    assert caught.value.guard is Guard.TARGET
    with pytest.raises(Refusal):
        ask(cast.account, EVERYONE, actor=cast.member)


def test_when_the_roles_change_their_names_it_is_asked_of_what_they_become() -> None:
    cast = make_cast("amocrm")
    ask(cast.account, "administrator")
    roles = {"administrator": "admin", "employee": "user"}
    SwitchScheme(account_id=cast.account.pk, scheme="atmos", roles=roles).apply(actor=None, reason="We grow")
    cast.account.refresh_from_db()
    assert cast.account.second_factor == ["admin"]
