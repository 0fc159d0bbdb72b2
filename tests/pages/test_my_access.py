"""My access: what one may in each account, by what and until when, and who can change it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.html import strip_tags

from apps.accounts.models import User
from apps.roles.scopes import Scope
from tests.admin.people import browser
from tests.factories import Cast, MembershipFactory, OverrideFactory, ParentMembershipFactory, UserFactory, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def shown(user: User, query: str = "") -> Any:
    page = browser(user).get(f"/me/access/{query}")
    assert page.status_code == 200
    return page


def lines(page: Any, kind: str = "held") -> dict[str, Any]:
    return {line.permission.codename: line for _title, found in page.context[kind] for line in found}


def text(page: Any) -> str:
    return re.sub(r"\s+", " ", strip_tags(page.content.decode()))


def test_it_says_how_far_by_what_and_until_when(cast: Cast) -> None:
    end = timezone.now() + timedelta(days=3)
    OverrideFactory(
        branch=cast.branch,
        user=cast.member,
        permission="view_billing",
        author=cast.owner,
        reason="For the audit",
        expires_at=end,
    )
    page = shown(cast.member)
    given, by_role = lines(page)["view_billing"], lines(page)["view_lead"]
    assert (given.holding.scope, given.source, given.reason, given.until) == (
        Scope.ALL,
        f"an override by {cast.owner}",
        "For the audit",
        end,
    )
    assert (by_role.source, by_role.until) == ("the role Member", None)
    assert f"{timezone.localtime(end):%-d %b %Y, %H:%M}" in text(page)


def test_it_says_who_can_change_it_and_where_to_ask_for_the_rest(cast: Cast) -> None:
    page = shown(cast.member)
    assert str(cast.owner) in text(page)
    missing = lines(page, "without")["view_billing"]
    assert missing.asking == (f"/a/{cast.account.slug}/requests/new/?permission=view_billing&branch={cast.branch.pk}")
    assert not lines(page).keys() & lines(page, "without").keys()


def test_each_account_and_branch_is_shown_by_itself(cast: Cast) -> None:
    MembershipFactory(branch=cast.branch_beside(), user=cast.member, role="owner")
    MembershipFactory(branch=cast.elsewhere, user=cast.member, role="admin")
    here = f"?account={cast.account.slug}"
    assert shown(cast.member, f"{here}&branch=south").context["role"].key == "owner"
    assert shown(cast.member, f"{here}&branch={cast.branch.slug}").context["role"].key == "member"
    there = shown(cast.member, f"?account={cast.elsewhere.account.slug}")
    assert (there.context["chosen"], there.context["role"].key) == (cast.elsewhere.account, "admin")
    assert str(cast.outsider) in text(there)


def test_another_tenants_account_is_not_shown(cast: Cast) -> None:
    page = shown(cast.member, f"?account={cast.elsewhere.account.slug}")
    assert page.context["chosen"] == cast.account
    assert cast.elsewhere.account.name not in text(page)


def test_a_parent_role_alone_counts_on_every_branch(cast: Cast) -> None:
    holder = ParentMembershipFactory(account=cast.account).user
    assert lines(shown(holder))["view_lead"].source == "the parent role Viewer"


def test_who_belongs_nowhere_reads_that(cast: Cast) -> None:
    assert "You aren’t a member of an account yet" in text(shown(UserFactory()))
