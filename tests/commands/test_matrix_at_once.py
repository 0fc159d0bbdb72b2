"""The access matrix is worked out once for all who hold the same, and says of each what their own Mandate says."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.access.facts import account_facts, load_people
from apps.access.mandate import Mandate
from apps.access.matrix import access_matrix, cell_of
from apps.access.models import Override
from apps.accounts.models import Account, Branch, User
from apps.orgfiles.demo.loading import load_demo
from apps.roles import catalogue
from apps.roles.scopes import Scope

pytestmark = pytest.mark.django_db


def one_by_one(account: Account) -> list[object]:
    """The rows as each member's Mandate has them, without anything that members share."""
    now = timezone.now()
    mandates = {facts.user_id: Mandate(facts, now) for facts in load_people(account_facts(account.pk))}
    users = sorted(User.objects.filter(pk__in=mandates), key=lambda user: user.email)
    rows: list[object] = []
    for branch in [*Branch.objects.filter(account=account).order_by("slug"), None]:
        for user in users:
            facts = mandates[user.pk].facts
            active = {branch_id: each for branch_id, each in facts.memberships.items() if each.active}
            if (branch.pk in active) if branch is not None else (facts.parent is not None and not active):
                cells = {each.codename: cell_of(mandates[user.pk], each, branch) for each in catalogue.permissions()}
                role = active[branch.pk].role.key if branch is not None else ""
                rows.append(
                    (user.email, user.name, user.is_active, branch, role, facts.parent and facts.parent.key, cells)
                )
    return rows


def test_every_row_of_the_demo_is_what_the_members_own_mandate_says() -> None:
    load_demo()
    for account in Account.objects.all():
        for user in User.objects.filter(memberships__account=account)[:2]:
            for branch in Branch.objects.filter(account=account):
                ends = timezone.now() + timedelta(days=1 if user.pk % 2 else -1)
                Override.objects.get_or_create(
                    account=account, branch=branch, user=user, permission="view_lead",
                    defaults={"scope": Scope.CREATED, "reason": "Tried", "expires_at": ends},
                )  # fmt: skip
        rows = [
            (
                row.user.email,
                row.user.name,
                row.user.is_active,
                row.branch,
                row.role,
                row.parent_role or None,
                row.cells,
            )
            for row in access_matrix(account)
        ]
        assert rows == one_by_one(account)
        assert len({id(row[-1]) for row in rows}) < len(rows) or len(rows) < 10


def test_queries_do_not_grow_with_the_members(acme: Account, django_assert_max_num_queries: object) -> None:
    with django_assert_max_num_queries(20):  # type: ignore[operator] # pytest-django's fixture has no type to name
        assert len(list(access_matrix(acme))) == 4
