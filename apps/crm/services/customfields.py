"""The fields that an account adds to its records for itself: how they are made, changed, ordered and deleted."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils.text import slugify
from django.utils.translation import gettext as _

from apps.access import policy
from apps.access.errors import MissingPermission
from apps.access.records import model_of
from apps.accounts.models import Account, User
from apps.crm.errors import EntryInUse, KindInUse
from apps.crm.models import CustomField
from apps.crm.querysets import searched
from apps.crm.services.customisation import change_places
from apps.crm.services.customvalues import RECORD_TYPES

MANAGES = "manage_custom_fields"
MOST_FIELDS = 50
MOST_CHOICES = 100
_LONGEST_KEY = 50


@transaction.atomic
def save_field(field: CustomField, *, actor: User) -> CustomField:
    """Add a field to its record type, at the end, or store what was changed in it.

    Its record type and its key stay as they were made. A choice that a record has and that is not among the field's
    choices any more is kept as a former one.

    Raises:
        MissingPermission: the actor may not manage custom fields.
        KindInUse: the kind would change, and a record has a value.
        ValidationError: a name occurs twice, there are too many fields or choices, or a value is off.
        CustomField.DoesNotExist: it was deleted in the meantime.
    """
    _lock(field, actor)
    if field.record_type not in RECORD_TYPES:
        raise ValidationError({"record_type": [_("These records don’t support custom fields.")]})
    if field._state.adding:
        _make(field)
    else:
        _follow(field, CustomField.objects.select_for_update().get(pk=field.pk))
    _check_name(field)
    _check_choices(field)
    field.full_clean()
    field.save()
    return field


@transaction.atomic
def delete_field(field: CustomField, *, actor: User) -> None:
    """Take away a field that no record has a value in.

    Raises:
        MissingPermission: the actor may not manage custom fields.
        EntryInUse: a record has a value in it, whether or not the actor may see that record.
    """
    _lock(field, actor)
    CustomField.objects.select_for_update().filter(pk=field.pk).first()
    if in_use(field):
        raise EntryInUse(field.name)
    field.delete()


@transaction.atomic
def move_field(field: CustomField, *, actor: User, up: bool) -> None:
    """Let a field change places with its neighbour of the same record type; at the end, nothing happens.

    Raises:
        MissingPermission: the actor may not manage custom fields.
    """
    _lock(field, actor)
    change_places(field, up=up)


def in_use(field: CustomField) -> bool:
    """Whether a record has a value in the field, seen or unseen."""
    return _having(field, Q(custom__has_key=field.key))


def chosen(field: CustomField, choice: str) -> bool:
    """Whether a record has this choice in the field, seen or unseen."""
    return _having(field, Q(custom__contains={field.key: choice}) | Q(custom__contains={field.key: [choice]}))


def _having(field: CustomField, condition: Q) -> bool:
    rows: QuerySet[Any] = model_of(field.record_type)._default_manager.filter(account=field.account_id)
    return searched(rows).filter(~Q(custom={}), condition).exists()


def _lock(field: CustomField, actor: User) -> None:
    """Lock the account's fields for one change, after asking for the permission."""
    if not policy.may(actor, MANAGES, field.account):
        raise MissingPermission(MANAGES, field.account)
    Account.objects.select_for_update(no_key=True).get(pk=field.account_id)


def _make(field: CustomField) -> None:
    beside = field.list_of()
    taken = set(beside.values_list("key", flat=True))
    if len(taken) >= MOST_FIELDS:
        raise ValidationError(
            _("You can have %(most)s fields at most. Delete one that you don’t need."),
            params={"most": MOST_FIELDS},
        )
    last = beside.aggregate(last=Max("position"))["last"]
    field.position = 0 if last is None else last + 1
    field.key = _free_key(field.name, taken)


def _free_key(name: str, taken: set[str]) -> str:
    wanted = slugify(name).replace("-", "_")[:_LONGEST_KEY].strip("_") or "field"
    key, number = wanted, 1
    while key in taken:
        number += 1
        key = f"{wanted}_{number}"
    return key


def _follow(field: CustomField, standing: CustomField) -> None:
    """Split the choices into unchanged ones and former ones."""
    field.record_type, field.key, field.position = standing.record_type, standing.key, standing.position
    if field.kind != standing.kind and in_use(standing):
        raise KindInUse(field.name)
    gone = [each for each in (*standing.former_choices, *standing.choices) if each not in field.choices]
    field.former_choices = [each for each in dict.fromkeys(gone) if chosen(standing, each)]


def _check_name(field: CustomField) -> None:
    if field.list_of().filter(name=field.name).exclude(pk=field.pk).exists():
        raise ValidationError({"name": [_("“%(name)s” is already in the list.") % {"name": field.name}]})


def _check_choices(field: CustomField) -> None:
    if not field.has_choices and field.choices:
        raise ValidationError({"choices": [_("Only choice fields have choices. Leave this empty.")]})
    if field.has_choices and not field.choices:
        raise ValidationError({"choices": [_("Enter the choices, one per line.")]})
    if len(field.choices) > MOST_CHOICES:
        raise ValidationError({"choices": [_("Enter %(most)s choices at most.") % {"most": MOST_CHOICES}]})
