"""Definitions of own roles: taken along as a file, held against what stands, and made so in one operation."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.audit.models import Operation
from apps.changes.undo import Undo
from apps.roles.models import Role, RoleGrant
from apps.roles.scopes import IF_RESPONSIBLE, Scope
from tests.admin.people import browser
from tests.factories import Cast, MembershipFactory, OwnRoleFactory, make_cast, published
from tests.pages.test_permissions import send, text
from tests.pages.test_roles import address, auditor, manager

pytestmark = pytest.mark.django_db

FILE = """mandate: 1
roles:
  - {key: auditor, name: Chief auditor, based_on: employee, grants: {view_lead: [responsible, shared]}}
  - {key: trainee, name: Trainee, based_on: employee, grants: {add_lead: none}}
"""


def upload(client: Client, cast: Cast, content: str | bytes, name: str = "roles.yaml") -> Any:
    data = content.encode() if isinstance(content, str) else content
    page = address(cast.account, "definitions/import/")
    return send(client, page, {"file": SimpleUploadedFile(name, data)})


def confirmed(client: Client, cast: Cast, shown: Any, **choices: str) -> Any:
    form = shown.context["form"]
    data = {name: form[name].value() or "" for name in form.fields}
    return send(client, address(cast.account, "definitions/import/"), data | {"reason": "From head office"} | choices)


def scopes(cast: Cast, key: str) -> dict[str, Scope]:
    return dict(
        RoleGrant.objects.filter(role__account_id=cast.account.pk, role__key=key).values_list("permission", "scope")
    )


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_exported_says_nothing_new_when_it_is_imported(form: str) -> None:
    cast = make_cast("amocrm")
    auditor(cast, view_lead=IF_RESPONSIBLE, export_lead=Scope.ALL)
    client = browser(manager(cast))
    exported = client.get(address(cast.account, f"definitions/export/?key=auditor&format={form}"))
    assert f'filename="{cast.account.slug}-auditor.{form}"' in exported["Content-Disposition"]
    shown = upload(client, cast, exported.content, f"roles.{form}")
    assert [each.state for each in shown.context["form"].compared()] == ["unchanged"]


def test_one_role_is_exported_by_itself() -> None:
    cast = make_cast("amocrm")
    auditor(cast)
    client = browser(manager(cast))
    assert "auditor" in client.get(address(cast.account, "definitions/export/?key=auditor")).content.decode()
    assert client.get(address(cast.account, "definitions/export/?key=employee")).status_code == 404
    assert client.get(address(cast.account, "definitions/export/?format=exe")).status_code == 404


def test_a_file_is_shown_as_a_difference_and_made_so_in_one_operation() -> None:
    cast = make_cast("amocrm")
    holder = MembershipFactory(branch=cast.branch, role=auditor(cast)).user
    client = browser(manager(cast))
    shown = upload(client, cast, FILE)
    states = {each.line.key: each.state for each in shown.context["form"].compared()}
    assert states == {"auditor": "changed", "trainee": "new"}
    assert "Renamed from Auditor." in text(shown)
    preview = confirmed(client, cast, shown)
    assert str(holder) in text(preview)
    assert not Role.objects.filter(key="trainee").exists()
    confirmed(client, cast, shown, confirmed="yes")
    assert scopes(cast, "auditor")["view_lead"] == IF_RESPONSIBLE
    assert scopes(cast, "auditor")["view_contact"] == Scope.ALL
    assert scopes(cast, "trainee")["add_lead"] == Scope.NONE
    assert Role.objects.get(account_id=cast.account.pk, key="auditor").name == "Chief auditor"
    operation = Operation.objects.get(verb="access.own_role.imported")
    assert operation.reason == "From head office"
    Undo(account_id=cast.account.pk, operation_id=operation.pk).apply(actor=None, reason="Was a mistake")
    assert set(Role.objects.filter(account_id=cast.account.pk).values_list("key", flat=True)) >= {"auditor"}
    assert not Role.objects.filter(key="trainee").exists()


def test_roles_that_somebody_has_changed_meanwhile_are_not_overwritten() -> None:
    cast = make_cast("amocrm")
    role = auditor(cast)
    client = browser(manager(cast))
    shown = upload(client, cast, FILE)
    RoleGrant.objects.filter(role=role, permission="view_lead").update(scope=Scope.CREATED)
    refused = confirmed(client, cast, shown, confirmed="yes")
    assert ("View leads", "Permitted", "If creator") in refused.context["form"].differences
    assert not Role.objects.filter(key="trainee").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfe", "The file is not UTF-8 text. Save it as UTF-8 and try again."),
        ("", "Choose a file with roles first."),
        ("#" * (512 * 1024 + 1), "The file is larger than 512 KiB"),
        ("roles: [", "roles.yaml"),
        ("mandate: 1\nusers: []\n", "this key is not allowed here"),
        ("mandate: 1\nroles: []\n", "contains no roles"),
        ("roles:\n  - {key: a, name: A, based_on: nobody}\n", "roles[0].based_on: nobody is not a built-in role"),
        ("roles:\n  - {key: a, name: A, based_on: administrator}\n", "is locked: base it on"),
        ("roles:\n  - {key: employee, name: A, based_on: employee}\n", "is a built-in role of amocrm"),
        ("roles:\n  - {key: a, based_on: employee, grants: {fly: all}}\n", "line 2"),
        ("roles:\n  - {key: a, based_on: employee, grants: {manage_billing: all}}\n", "employee never grants it"),
        ("roles:\n  - {key: a, based_on: employee, colour: red}\n", "colour"),
        ("roles:\n  - {key: a, based_on: employee}\n  - {key: a, based_on: employee}\n", "is listed twice"),
    ],
)
def test_bad_input_is_told_with_its_place(content: str | bytes, sentence: str) -> None:
    cast = make_cast("amocrm")
    client = browser(manager(cast))
    before = Role.objects.count()
    refused = upload(client, cast, content)
    assert refused.status_code == 200
    assert sentence in text(refused).replace("&quot;", '"')
    assert Role.objects.count() == before


def test_a_role_that_copies_another_one_here_is_refused() -> None:
    cast = make_cast("atmos")
    OwnRoleFactory(account=cast.account, key="closer", name="Closer", based_on=published("atmos", "user"))
    client = browser(cast.owner)
    shown = upload(client, cast, "roles:\n  - {key: closer, name: Closer, based_on: restricted_user}\n")
    assert "is based on User here" in text(confirmed(client, cast, shown))


def test_an_account_without_own_roles_is_told_so() -> None:
    cast = make_cast("atlas")
    assert "doesn’t support custom roles" in text(browser(cast.owner).get(address(cast.account, "definitions/import/")))
