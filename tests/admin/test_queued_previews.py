"""A change of very many in the admin: its page waits for the preview, looks again by itself, and leads on."""

from typing import Any

import pytest
from django.test import Client

from apps.access.models import QueuedPreview
from apps.changes.previews import queued
from apps.roles.models import Role, RoleGrant
from apps.roles.scopes import Scope
from tests.admin.flows import REASON, posted, sent
from tests.admin.people import browser, everything, staff
from tests.changes.test_preview import crowded
from tests.factories import Cast, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast("amocrm")


@pytest.fixture
def role(cast: Cast) -> Role:
    return crowded(cast, 60)


@pytest.fixture
def boss(cast: Cast) -> Client:
    return browser(staff(cast.branch, everything()))


def address_of(role: Role) -> str:
    return f"/admin/roles/role/{role.pk}/change/?do=edit"


def asked(client: Client, role: Role, **values: Any) -> str:
    """Ask for wider leads; returns where the page of its preview is."""
    response = posted(client, address_of(role), sent(client, address_of(role), grant_view_lead="all", **values))
    assert response.status_code == 302
    return str(response.url)


def compute() -> None:
    """Do what the worker does with what was asked last."""
    row = QueuedPreview.objects.latest("pk")
    queued.compute(row.pk, account_id=row.account_id, user_id=row.user_id)


def test_the_page_waits_looks_again_and_then_shows_what_it_would_change(role: Role, boss: Client) -> None:
    page = asked(boss, role)
    assert page.startswith(address_of(role))
    waiting = boss.get(page)
    assert f'<meta http-equiv="refresh" content="2;url={page.replace("&", "&amp;")}">' in waiting.content.decode()
    assert "Calculating the preview" in waiting.content.decode()

    compute()

    shown = boss.get(page)
    assert "60 members are affected:" in shown.context["lines"]
    assert REASON in shown.content.decode()
    assert RoleGrant.objects.get(role=role, permission="view_lead").scope == Scope.RESPONSIBLE
    kept: dict[str, Any] = {}
    for name, value in shown.context["kept"]:
        kept.setdefault(name, []).append(value)
    assert posted(boss, page, {**kept, "confirmed": "yes"}).status_code == 302
    assert RoleGrant.objects.get(role=role, permission="view_lead").scope == Scope.ALL


def test_few_are_told_of_at_once(cast: Cast, boss: Client) -> None:
    few = crowded(cast, 50)
    data = sent(boss, address_of(few), grant_view_lead="all")
    assert posted(boss, address_of(few), data).status_code == 200
    assert not QueuedPreview.objects.exists()


def test_what_is_refused_by_then_is_told_in_the_form(role: Role, boss: Client) -> None:
    page = asked(boss, role)
    RoleGrant.objects.filter(role=role, permission="view_lead").update(scope=Scope.NONE)
    compute()
    form = boss.get(page).context["form"]
    assert "This role changed while you were editing." in " ".join(form.non_field_errors())
    assert form.differences
    assert form["reason"].value() == REASON


def test_what_could_not_be_computed_is_told_in_the_form(role: Role, boss: Client) -> None:
    page = asked(boss, role)
    QueuedPreview.objects.update(state="failed")
    assert "could not be calculated" in boss.get(page).content.decode()


@pytest.mark.parametrize("number", ["x", "0", "9" * 40])
def test_a_preview_that_is_not_there_is_an_empty_form(role: Role, boss: Client, number: str) -> None:
    assert not boss.get(f"{address_of(role)}&preview={number}").context["form"].is_bound


def test_somebody_elses_preview_is_an_empty_form(cast: Cast, role: Role, boss: Client) -> None:
    page = asked(boss, role)
    other = browser(staff(cast.branch, everything()))
    assert not other.get(page).context["form"].is_bound


def test_whoever_lost_the_right_does_not_see_it_any_more(cast: Cast, role: Role) -> None:
    person = staff(cast.branch, everything())
    client = browser(person)
    page = asked(client, role)
    RoleGrant.objects.filter(role=person.memberships.get().role, permission="manage_roles").delete()
    assert client.get(page).status_code in (403, 404)
