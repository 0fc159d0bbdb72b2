"""“Update permissions”: what is shown beside what the role gives, and how it is saved: at once, or not at all."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import zeal
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from apps.access.models import Override
from apps.access.policy import may
from apps.accounts.models import User
from apps.audit.models import Operation
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.admin.people import all_but, browser, everything, staff
from tests.factories import (
    BranchFactory,
    Cast,
    LeadFactory,
    MembershipFactory,
    OverrideFactory,
    ParentMembershipFactory,
    make_cast,
    published,
)

pytestmark = pytest.mark.django_db


def manager(cast: Cast) -> User:
    """A member with every permission except reading the audit log."""
    return staff(cast.branch, all_but("view_audit_log"), is_staff=False)


def address(cast: Cast, user: User | None = None) -> str:
    member = user or cast.member
    return f"/a/{cast.account.slug}/members/{member.pk}/permissions/{cast.branch.slug}/"


def sent(client: Client, page: str, **choices: str) -> dict[str, Any]:
    """What a browser would send from the page, with some fields filled in otherwise."""
    form = client.get(page).context["form"]
    data = {name: form[name].value() for name in form.fields}
    for name, value in data.items():
        if name.startswith("end_") and value is not None:
            data[name] = value.strftime("%Y-%m-%dT%H:%M")
    return {
        name: "" if value is None else value for name, value in (data | {"reason": "Asked for it"} | choices).items()
    }


def send(client: Client, page: str, data: dict[str, Any], **headers: str) -> Any:
    """Send the form. A change reads the account before and after it, which is no N+1."""
    with zeal.zeal_ignore():
        return client.post(page, data, headers=headers)


def part(client: Client, page: str, data: dict[str, Any]) -> str:
    """What the page tells while one chooses."""
    found = send(client, page, data, **{"HX-Request": "true"})
    assert "<html" not in found.content.decode()
    return text(found)


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", strip_tags(response.content.decode()))


def standing(cast: Cast) -> dict[str, tuple[Scope, Any]]:
    rows = Override.objects.filter(user=cast.member, branch=cast.branch)
    return {override.permission: (override.scope, override.expires_at) for override in rows}


def test_it_shows_eight_tabs_in_atlas_by_their_published_names() -> None:
    cast = make_cast("atlas")
    page = browser(manager(cast)).get(address(cast))
    titles = [tab.title for tab, *_rest in page.context["tabs"]]
    assert titles == [
        "Organisation", "Billing", "Team", "Parent roles", "Clients", "Access control", "Audit & Reports", "Security",
    ]  # fmt: skip


def test_it_shows_a_hidden_tab_where_an_override_stands_in_it() -> None:
    cast = make_cast("atlas")
    OverrideFactory(branch=cast.branch, user=cast.member, permission="bulk_edit")
    page = browser(manager(cast)).get(address(cast))
    shown = {tab.title: [line.permission.codename for line in lines] for tab, lines, _ in page.context["tabs"]}
    assert shown["Data tools"] == ["bulk_edit"]


def test_it_tells_what_is_capped_and_by_what() -> None:
    cast = make_cast("atlas")
    OverrideFactory(branch=cast.branch, user=cast.member, permission="change_lead", scope=Scope.ALL)
    page = browser(manager(cast)).get(address(cast))
    assert "Permitted, limited to If responsible by “View leads”" in text(page)


def test_it_tells_reason_author_and_end_of_an_override() -> None:
    cast = make_cast("atlas")
    end = timezone.now() + timedelta(days=3)
    OverrideFactory(
        branch=cast.branch, user=cast.member, permission="view_lead", author=cast.owner, reason="Covers", expires_at=end
    )
    page = text(browser(manager(cast)).get(address(cast)))
    assert "“Covers”" in page
    assert str(cast.owner) in page
    assert f"until {timezone.localtime(end):%-d %b %Y, %H:%M}" in page


def test_it_saves_several_overrides_in_one_operation() -> None:
    cast = make_cast("atlas")
    OverrideFactory(branch=cast.branch, user=cast.member, permission="view_company")
    client = browser(manager(cast))
    data = sent(client, address(cast), choice_view_billing="all", choice_delete_lead="created", choice_view_company="")
    shown = send(client, address(cast), data)
    assert "View billing on" in text(shown)
    assert set(standing(cast)) == {"view_company"}
    send(client, address(cast), data | {"confirmed": "yes"})
    assert standing(cast) == {"view_billing": (Scope.ALL, None), "delete_lead": (Scope.CREATED, None)}
    operation = Operation.objects.get(verb="access.permissions.updated")
    assert operation.reason == "Asked for it"
    assert operation.entries.count() == 3
    assert Override.objects.get(permission="view_billing").reason == "Asked for it"
    assert may(cast.member, "view_billing", cast.branch)


def test_it_saves_nothing_if_one_of_them_is_refused() -> None:
    cast = make_cast("atlas")
    actor = staff(cast.branch, all_but("view_audit_log", "delete_lead"), is_staff=False)
    client = browser(actor)
    data = sent(client, address(cast), choice_view_billing="all", choice_delete_lead="all", confirmed="yes")
    refused = send(client, address(cast), data)
    assert "Delete leads" in text(refused)
    assert standing(cast) == {}


def test_it_leaves_what_was_not_touched_as_it_stands_to_the_second() -> None:
    cast = make_cast("atlas")
    end = timezone.now() + timedelta(days=3)
    OverrideFactory(branch=cast.branch, user=cast.member, permission="view_company", expires_at=end)
    OverrideFactory(
        branch=cast.branch, user=cast.member, permission="view_contact", expires_at=timezone.now() - timedelta(days=1)
    )
    client = browser(manager(cast))
    send(client, address(cast), sent(client, address(cast), choice_view_billing="all", confirmed="yes"))
    assert standing(cast)["view_company"] == (Scope.ALL, end)
    assert Operation.objects.get(verb="access.permissions.updated").entries.count() == 1


def test_it_takes_an_end_and_refuses_one_that_has_passed() -> None:
    cast = make_cast("atlas")
    client = browser(manager(cast))
    past = send(
        client,
        address(cast),
        sent(client, address(cast), choice_view_billing="all", end_view_billing="2020-01-01T10:00", confirmed="yes"),
    )
    assert "Enter an end date in the future" in text(past)
    assert past.context["open"] == "billing"
    assert standing(cast) == {}
    send(
        client,
        address(cast),
        sent(client, address(cast), choice_view_billing="all", end_view_billing="2090-01-01T10:00", confirmed="yes"),
    )
    assert standing(cast)["view_billing"][1].year == 2090


def test_it_refuses_a_stale_form_with_the_difference_and_loses_nobodys_update() -> None:
    cast = make_cast("atlas")
    client = browser(manager(cast))
    data = sent(client, address(cast), choice_view_billing="all", confirmed="yes")
    OverrideFactory(branch=cast.branch, user=cast.member, permission="view_billing", scope=Scope.NONE)
    OverrideFactory(branch=cast.branch, user=cast.member, permission="view_reports", scope=Scope.ALL)
    refused = send(client, address(cast), data)
    assert ("View billing", "Same as role", "Prohibited") in refused.context["form"].differences
    assert "changed while you were editing" in text(refused)
    assert standing(cast)["view_billing"] == (Scope.NONE, None)
    again = {name: refused.context["form"][name].value() or "" for name in refused.context["form"].fields}
    send(client, address(cast), again | {"confirmed": "yes"})
    assert standing(cast) == {"view_billing": (Scope.ALL, None), "view_reports": (Scope.ALL, None)}


def test_it_refuses_a_form_that_a_change_of_role_has_overtaken() -> None:
    cast = make_cast("atlas")
    client = browser(staff(cast.branch, everything(), is_staff=False))
    data = sent(client, address(cast), choice_delete_branch="all", confirmed="yes")
    Membership.objects.filter(user=cast.member).update(role=published("atlas", "admin"))
    refused = send(client, address(cast), data)
    assert ("Role", "Member", "Admin") in refused.context["form"].differences
    assert standing(cast) == {}


def test_it_says_that_nothing_is_chosen() -> None:
    cast = make_cast("atlas")
    client = browser(manager(cast))
    assert "no permission was changed" in text(send(client, address(cast), sent(client, address(cast))))


def test_it_asks_for_a_reason() -> None:
    cast = make_cast("atlas")
    client = browser(manager(cast))
    data = sent(client, address(cast), choice_view_billing="all", reason=" ", confirmed="yes")
    assert "Enter a reason for this change" in text(send(client, address(cast), data))
    assert standing(cast) == {}


def test_it_previews_while_one_chooses_and_writes_nothing() -> None:
    cast = make_cast("atlas")
    LeadFactory(branch=cast.branch, responsible=cast.member)
    LeadFactory(branch=cast.branch, responsible=cast.owner)
    client = browser(manager(cast))
    data = sent(client, address(cast), choice_view_lead="none", reason="")
    told = part(client, address(cast), data)
    assert "Loses access to 1 lead" in told
    assert "“View leads” would limit “Edit leads” to Prohibited." in told
    assert "Save changes" in told
    assert standing(cast) == {}


def test_the_preview_tells_of_a_responsible_who_would_not_see_a_record() -> None:
    cast = make_cast("atlas")
    LeadFactory(branch=cast.branch, responsible=cast.member)
    client = browser(manager(cast))
    told = part(client, address(cast), sent(client, address(cast), choice_view_lead="none", reason=""))
    assert "Still owns 1 lead, but can’t see" in told


def test_the_preview_says_what_is_in_the_way() -> None:
    cast = make_cast("atlas")
    client = browser(staff(cast.branch, all_but("view_audit_log", "delete_lead"), is_staff=False))
    data = sent(client, address(cast), choice_delete_lead="all", reason="")
    told = part(client, address(cast), data)
    assert "Delete leads" in told
    assert "Save changes" not in told


def test_nobody_gets_a_form_for_themselves() -> None:
    cast = make_cast("atlas")
    actor = manager(cast)
    page = browser(actor).get(address(cast, actor))
    assert "You can’t change your own" in text(page)
    assert "<select" not in page.content.decode()


def test_the_shield_keeps_the_single_top_member_to_themselves() -> None:
    cast = make_cast("staff-ladder")
    admin = cast.join("admin")
    page = browser(admin).get(address(cast, cast.owner))
    assert "Only this member can view or change this" in text(page)
    assert "Effective now" not in text(page)


def test_a_locked_role_takes_no_overrides_and_says_so() -> None:
    cast = make_cast("amocrm")
    other = cast.join("administrator")
    page = browser(cast.owner).get(address(cast, other))
    assert "locked and takes no overrides" in text(page)
    assert not [name for name in page.context["form"].fields if name.startswith("choice_")]


def test_what_is_never_grantable_says_so() -> None:
    cast = make_cast("amocrm")
    page = browser(cast.owner).get(address(cast))
    assert "choice_manage_billing" not in page.context["form"].fields
    assert "Can’t be granted to the role Employee." in text(page)
    assert "Parent roles" not in [tab.title for tab, *_rest in page.context["tabs"]]


def test_an_override_without_effect_can_be_cleared() -> None:
    cast = make_cast("amocrm")
    OverrideFactory(branch=cast.branch, user=cast.member, permission="manage_billing")
    client = browser(manager(cast))
    assert "No effect" in text(client.get(address(cast)))
    send(client, address(cast), sent(client, address(cast), choice_manage_billing="", confirmed="yes"))
    assert standing(cast) == {}


def test_a_supreme_parent_role_is_told_of() -> None:
    cast = make_cast("atlas")
    ParentMembershipFactory(account=cast.account, user=cast.member, role="super_admin")
    assert "Your choices here can’t limit that" in text(browser(cast.owner).get(address(cast)))


def test_another_branch_and_a_removed_member_are_not_there() -> None:
    cast = make_cast("atlas")
    client = browser(manager(cast))
    elsewhere = BranchFactory(account=cast.account)
    other = MembershipFactory(branch=elsewhere).user
    there = f"/a/{cast.account.slug}/members/{other.pk}/permissions/{elsewhere.slug}/"
    assert client.get(there).status_code == 404
    assert client.get(f"/a/{cast.account.slug}/members/{other.pk}/permissions/{cast.branch.slug}/").status_code == 404
    gone = MembershipFactory(branch=cast.branch, status="removed").user
    assert client.get(address(cast, gone)).status_code == 404


def test_a_tampered_form_is_refused() -> None:
    cast = make_cast("atlas")
    client = browser(manager(cast))
    data = sent(client, address(cast), choice_view_billing="all", confirmed="yes", seen="forged")
    assert "This form is out of date" in text(send(client, address(cast), data))
    assert standing(cast) == {}
