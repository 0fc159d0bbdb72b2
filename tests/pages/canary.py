"""A text in every field of another tenant's rows that takes text, planted by walking the models.

A field that is new carries it by itself; one that cannot take it stands in `CANNOT`, with the reason.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from apps.accounts.models import Account, ApiToken, User
from apps.audit.services import operation
from tests.fence.test_tables import APPENDED
from tests.fence.world import OTHERWISE, fenced_tables, run

# In small letters, so that a slug and an address can be it; asked for without its ends, since a search repeats itself.
CANARY = "kanarienvogel"
PART = CANARY[2:-2]
SHORTEST = len(CANARY) + 6


class Every:
    """Contains every name."""

    def __contains__(self, name: object) -> bool:
        return True


EVERY = Every()
KEY = "names something of the catalogue, the schemes or the standards"
DIGEST = "a digest"
WRITTEN = "written by the database alone, out of what is planted"
# By table, or by table and column.
CANNOT = {
    "accounts_account.scheme": KEY,
    "accounts_account.features": KEY,
    "accounts_apitoken.digest": DIGEST,
    "accounts_user.password": DIGEST,
    "accounts_user.time_zone": KEY,
    "access_override.permission": KEY,
    "access_accessrequest.permission": KEY,
    "access_accessrequest.record_type": KEY,
    "audit_entry": WRITTEN,
    "audit_operation": WRITTEN,
    "audit_link": WRITTEN,
    "crm_change.record_type": KEY,
    "crm_customfield.record_type": KEY,
    "crm_referencecounter.record_type": KEY,
    "roles_role.scheme": KEY,
    "roles_rolegrant.permission": KEY,
    "teams_invitation.token_digest": DIGEST,
}
# How people sign in: whose a row is, as SQL.
OF_PEOPLE = {
    "account_emailaddress": "user_id",
    "account_emailconfirmation": "(SELECT user_id FROM account_emailaddress WHERE id = email_address_id)",
    "accounts_apitoken": "user_id",
    "accounts_user": "id",
    "mfa_authenticator": "user_id",
    "usersessions_usersession": "user_id",
}


def text_fields(model: type[models.Model]) -> Iterator[models.Field[Any, Any]]:
    """The columns that hold text, alone or in a list or a structure; not those that choose from a list."""
    for field in model._meta.concrete_fields:
        texts = field.base_field if isinstance(field, ArrayField) else field
        if isinstance(texts, models.CharField | models.TextField | models.JSONField) and not field.choices:
            yield field


def exempt(field: models.Field[Any, Any]) -> bool:
    """Whether the field cannot carry the text: it is known not to, or too short."""
    table = field.model._meta.db_table
    if field.max_length is not None and field.max_length < SHORTEST:
        return True
    return table in CANNOT or f"{table}.{field.column}" in CANNOT


def models_of_accounts() -> list[type[models.Model]]:
    """Every model whose rows are an account's, or people, or how they sign in."""
    tables = set(fenced_tables()) | OF_PEOPLE.keys()
    return [model for model in apps.get_models(include_auto_created=True) if model._meta.db_table in tables]


def plant(account: Account, people: list[User], *, text: str = CANARY, columns: Container[str] = EVERY) -> set[str]:
    """Put the text into every row of the account and into these people, who belong to it alone.

    Only into columns of these names, where they are named. Returns those that carry it now, as `table.column`.
    """
    carrying = set()
    let_sign_in(people)
    people[0].name = f"{CANARY} actor"
    with operation(verb="access.details.changed", actor=people[0], reason=f"Because of the {CANARY}"):
        run("SET CONSTRAINTS ALL IMMEDIATE")
        for model in models_of_accounts():
            with let_change(model._meta.db_table):
                for field in text_fields(model):
                    if exempt(field) or field.column not in columns:
                        continue
                    if _plant_in(field, account, people, text):
                        carrying.add(f"{model._meta.db_table}.{field.column}")
        run("SET CONSTRAINTS ALL DEFERRED")
    return carrying


def let_sign_in(people: list[User]) -> None:
    """Rows in every table of how people sign in: an address with a link on its way, a passkey, a place, a token."""
    for user in people:
        address, _ = EmailAddress.objects.get_or_create(user=user, email=user.email, verified=True, primary=True)
        EmailConfirmation.objects.create(email_address=address, key=f"key of {user.pk}", sent=timezone.now())
        Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={"name": "Laptop"})
        UserSession.objects.create(user=user, ip="192.0.2.1", session_key=f"key of {user.pk}", user_agent="Firefox")
        ApiToken.objects.create(user=user, name="Backup", digest=f"digest of {user.pk}", ends_at=timezone.now())


@contextmanager
def let_change(table: str) -> Iterator[None]:
    """What is only ever added to lets its rows be changed here."""
    if table in APPENDED:
        run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield
    if table in APPENDED:
        run(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def plant_in_rows(rows: Iterable[models.Model], *, text: str) -> None:
    """Put the text into every text field of just these rows."""
    for row in rows:
        for field in text_fields(type(row)):
            if not exempt(field):
                assert _fill(field, "id", [row.pk], text) == 1, field


def _plant_in(field: models.Field[Any, Any], account: Account, people: list[User], text: str) -> int:
    table = field.model._meta.db_table
    if table in OF_PEOPLE:
        return _fill(field, OF_PEOPLE[table], [user.pk for user in people], text)
    return _fill(field, OTHERWISE.get(table, "account_id"), [account.pk], text)


def _fill(field: models.Field[Any, Any], key: str, values: list[int], text: str) -> int:
    """How many rows got the text, of those whose `key` (SQL) is one of the values."""
    table = field.model._meta.db_table
    return run(f'UPDATE {table} SET "{field.column}" = {_text(field, text)} WHERE {key} = ANY(%s)', [values])


def _text(field: models.Field[Any, Any], text: str) -> str:
    """The text in the field's form, as SQL; different in each row, since some have to be."""
    if isinstance(field, ArrayField):
        return f"ARRAY[{_text(field.base_field, text)}]"
    if isinstance(field, models.JSONField):
        return f"jsonb_build_object('{text}', jsonb_build_array('{text}', '{text} then'))"
    if isinstance(field, models.EmailField):
        return f"'{text}-' || id || '@{text}.example'"
    if isinstance(field, models.URLField):
        return f"'https://{text}.example/' || id"
    return f"'{text}-' || id"
