"""Changes of very many on the owner's pages: they wait for the queue, look again by themselves, and lead on."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.access.models import QueuedPreview
from apps.changes.previews import queued
from apps.roles.models import Role
from apps.roles.scopes import Scope
from tests.admin.people import all_but, browser, staff
from tests.changes.test_preview import crowded
from tests.factories import Cast, make_cast
from tests.pages.test_permissions import part, send, text
from tests.pages.test_role_files import upload
from tests.pages.test_roles import address, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast("amocrm")


@pytest.fixture
def role(cast: Cast) -> Role:
    return crowded(cast, 60)


@pytest.fixture
def manager(cast: Cast) -> Client:
    return browser(staff(cast.branch, all_but("view_audit_log"), is_staff=False))


def computed(client: Client, page: str, data: dict[str, Any]) -> Any:
    """The page of the preview, which waits first and is then computed."""
    answer = send(client, page, data)
    assert answer.status_code == 302, text(answer)
    waiting = client.get(answer.url)
    assert f'hx-get="{answer.url}"' in waiting.content.decode()
    assert "Calculating the preview" in text(waiting)
    asked = QueuedPreview.objects.latest("pk")
    queued.compute(asked.pk, account_id=asked.account_id, user_id=asked.user_id)
    return client.get(answer.url)


def confirmed(client: Client, shown: Any) -> Any:
    kept: dict[str, Any] = {}
    for name, value in shown.context["kept"]:
        kept.setdefault(name, []).append(value)
    return send(client, shown.wsgi_request.get_full_path(), {**kept, "confirmed": "yes"})


def test_a_role_of_many_is_not_told_of_while_it_is_being_edited_but_in_the_end(role: Role, manager: Client) -> None:
    page = f"/a/acme/roles/{role.key}/edit/"
    data = sent(manager, page, grant_view_lead="all")
    assert "This change affects many members." in part(manager, page, data | {"reason": ""})
    shown = computed(manager, page, data)
    assert "60 members are affected:" in text(shown)
    assert confirmed(manager, shown).status_code == 302
    assert role.grants.get(permission="view_lead").scope == Scope.ALL


def test_many_holders_are_moved_before_their_role_goes(cast: Cast, role: Role, manager: Client) -> None:
    page = address(cast.account, f"{role.key}/delete/")
    shown = computed(manager, page, sent(manager, page, successor="employee"))
    assert "60 members are affected:" in text(shown)
    assert confirmed(manager, shown).status_code == 302
    assert not role.memberships.exists()


def test_a_file_with_a_role_of_many_is_brought_in(cast: Cast, role: Role, manager: Client) -> None:
    page = address(cast.account, "definitions/import/")
    exported = manager.get(address(cast.account, f"definitions/export/?key={role.key}")).content.decode()
    assert "responsible" in exported
    shown = upload(manager, cast, exported.replace("responsible", "created"))
    form = shown.context["form"]
    data = {name: form[name].value() or "" for name in form.fields} | {"reason": "As in the other account"}
    preview = computed(manager, page, data)
    assert "60 members are affected:" in text(preview)
    assert confirmed(manager, preview).status_code == 302
    assert role.grants.get(permission="view_lead").scope == Scope.CREATED
