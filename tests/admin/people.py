"""People with exactly the rights that a test is about, and what they send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.test import Client
from django.urls import reverse

from apps.access.records import Record
from apps.accounts.models import Branch, User
from apps.crm.models import CrmRecord
from apps.roles import catalogue
from apps.roles.models import RoleGrant
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.factories import FACTORIES, OwnRoleFactory, UserFactory

TYPES = tuple(FACTORIES)


def everything() -> dict[str, Scope]:
    """Every permission, as far as it goes."""
    return {permission.codename: Scope.ALL for permission in catalogue.permissions()}


def all_but(*codenames: str) -> dict[str, Scope]:
    """Every permission but these."""
    return {codename: scope for codename, scope in everything().items() if codename not in codenames}


def staff(branch: Branch, grants: Mapping[str, Scope] | Iterable[str], **fields: Any) -> User:
    """A user who may open the admin, in a custom role with exactly these grants."""
    given = dict(grants) if isinstance(grants, Mapping) else dict.fromkeys(grants, Scope.ALL)
    role = OwnRoleFactory(account=branch.account)
    RoleGrant.objects.bulk_create(
        RoleGrant(role=role, permission=codename, scope=scope, grantable=True) for codename, scope in given.items()
    )
    user: User = UserFactory(**{"is_staff": True, **fields})
    Membership.objects.create(account=branch.account, branch=branch, user=user, role=role)
    return user


def browser(user: User | None) -> Client:
    """A browser in which the user is signed in; without one, nobody is."""
    client = Client()
    if user is not None:
        client.force_login(user, backend="apps.accounts.backends.SignInBackend")
    return client


def url(record: Record | str, page: str = "change", pk: int | None = None) -> str:
    """The address of a record's page, or of a type's list and its form for a new one."""
    if isinstance(record, str):
        return reverse(f"admin:crm_{record}_{page}", args=[] if pk is None else [pk])
    return reverse(f"admin:crm_{record.record_type}_{page}", args=[record.pk])


def form_of(client: Client, address: str, **changes: Any) -> dict[str, Any]:
    """What the browser would send back from the form on this page, with some fields filled in otherwise."""
    response = client.get(address)
    assert response.status_code == 200, response.content[:500]
    context: Any = response.context
    data: dict[str, Any] = {}
    forms = [context["adminform"].form, *_rows(context["inline_admin_formsets"])]
    for form in forms:
        for name, field in form.fields.items():
            if field.disabled:
                continue
            value = form[name].value()
            _put(data, form.add_prefix(name), field, value)
    data.update(changes)
    return {name: value for name, value in data.items() if value is not None}


def _rows(inlines: Iterable[Any]) -> Iterable[Any]:
    for inline in inlines:
        yield inline.formset.management_form
        yield from inline.formset.initial_forms


def _put(data: dict[str, Any], name: str, field: Any, value: Any) -> None:
    widgets = getattr(field.widget, "widgets", None)
    if widgets and hasattr(field.widget, "decompress") and field.widget.__class__.__name__ != "SeveralWidget":
        parts = field.widget.decompress(value) if value not in (None, "") else [None] * len(widgets)
        for suffix, part in zip(field.widget.widgets_names, parts, strict=True):
            data[f"{name}{suffix}"] = "" if part is None else str(part)
        return
    if isinstance(value, list | tuple):
        data[name] = [str(part) for part in value]
    elif isinstance(value, bool):
        data[name] = "on" if value else None
    else:
        data[name] = "" if value is None else str(value)


def make(record_type: str, branch: Branch, **fields: Any) -> CrmRecord:
    """A record of the type on the branch."""
    record: CrmRecord = FACTORIES[record_type](branch=branch, **fields)
    return record
