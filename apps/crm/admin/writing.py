"""Calls the app's services from the admin; refusals become errors of the form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from apps.access.context import access_of
from apps.access.errors import MissingPermission
from apps.backoffice.recordform import FormRefusal, RecordForm
from apps.crm.errors import CrmError, DuplicatesFound, NoSuchRecord
from apps.crm.services import consequences, records

ACCEPT_DOUBLES = "accept_doubles"
ACCEPT_HAND_OVER = "accept_hand_over"


class WriteRefused(Exception):
    """A change outside of a form that a service refused, in one sentence."""


def write(request: HttpRequest, form: RecordForm, record: Any) -> Any:
    """Create the record, or change in it what the form changed; returns it as stored.

    Raises:
        Refusal: a rule is against it, or a value is off.
        MissingPermission: the person may not change the record.
        Http404: it became invisible since the page was opened.
    """
    actor = access_of(request).user
    with _in_words():
        if not form.is_new:
            _ask_before_handing_over(request, form, record)
            return records.update_record(record, actor=actor, changes=form.values)
        with _in_fields(record.record_type):
            return records.create_record(record, actor=actor, accept_doubles=ACCEPT_DOUBLES in request.POST)


def _ask_before_handing_over(request: HttpRequest, form: RecordForm, record: Any) -> None:
    """A hand-over may take the record out of the giver's sight, or leave it out of the receiver's: say so first."""
    moved = {name: form.values[name] for name in ("responsible", "branch") if name in form.values}
    if not moved or ACCEPT_HAND_OVER in request.POST:
        return
    actor = access_of(request).user
    records.check_changes(record, actor=actor, changes=form.values)
    responsible = moved.get("responsible", record.responsible)
    result = consequences.of_hand_over(record, actor=actor, responsible=responsible, branch=moved.get("branch"))
    lines = []
    if not result.giver_sees:
        lines.append(_("You won’t be able to see this record after this change."))
    if result.receiver_sees is False:
        lines.append(_("%(responsible)s would own this record but can’t see it.") % {"responsible": responsible})
    if lines:
        raise FormRefusal(
            {None: " ".join([*lines, _("Save again to do it anyway.")])},
            again={ACCEPT_HAND_OVER: "1"},
        )


def write_rows(request: HttpRequest, parent: Any, formset: Any) -> None:
    """Store what was added, changed and removed in the rows within a record's page. Raises as `write` does."""
    actor = access_of(request).user
    formset.save(commit=False)
    with _in_words(str(formset.model._meta.verbose_name).capitalize()):
        for row in formset.deleted_objects:
            records.delete_record(row, actor=actor)
        for row, names in formset.changed_objects:
            records.update_record(row, actor=actor, changes={name: getattr(row, name) for name in names})
        for row in formset.new_objects:
            row.branch_id, row.responsible = parent.branch_id, actor
            # A line has no room for the account's own fields; its page asks for those.
            records.create_record(row, actor=actor, accept_doubles=True, complete=False)


def change(request: HttpRequest, record: Any, changes: Mapping[str, Any]) -> None:
    """Change some fields of a record.

    Raises:
        Refused: a rule is against it, or the person may not.
    """
    with _in_a_sentence():
        records.update_record(record, actor=access_of(request).user, changes=changes)


def set_done(request: HttpRequest, task: Any, *, done: bool) -> None:
    """Complete or reopen a task.

    Raises:
        MissingPermission: the person is not responsible for it, and may not change it.
        Refused: a rule is against it.
    """
    execute = records.complete_task if done else records.reopen_task
    try:
        execute(task, actor=access_of(request).user)
    except NoSuchRecord as error:
        raise Http404 from error
    except CrmError as error:
        raise WriteRefused(str(error)) from error


def remove(request: HttpRequest, record: Any) -> None:
    """Delete a record.

    Raises:
        MissingPermission: the person may not.
        Http404: it became invisible since the page was opened.
    """
    try:
        records.delete_record(record, actor=access_of(request).user)
    except NoSuchRecord as error:
        raise Http404 from error


@contextmanager
def _in_words(subject: str = "") -> Iterator[None]:
    """Turn a service's refusal into the form's; `subject` says which rows of a page it is about."""
    told = f"{subject}: " if subject else ""
    try:
        yield
    except NoSuchRecord as error:
        raise Http404 from error
    except DuplicatesFound as error:
        raise FormRefusal({None: str(error)}, again={ACCEPT_DOUBLES: "1"}) from error
    except CrmError as error:
        raise FormRefusal({None if subject else error.field: f"{told}{error}"}) from error
    except ValidationError as error:
        raise FormRefusal(_by_field(error, told)) from error


@contextmanager
def _in_fields(record_type: str) -> Iterator[None]:
    """Show a missing permission at the choice that needs it."""
    try:
        yield
    except MissingPermission as error:
        field = {"assign_record": "responsible", f"add_{record_type}": "branch", "own_private_contacts": "private"}
        if error.codename not in field:
            raise
        raise FormRefusal({field[error.codename]: str(error)}) from error


@contextmanager
def _in_a_sentence() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise WriteRefused(" ".join(error.messages)) from error
    except (CrmError, MissingPermission) as error:
        raise WriteRefused(str(error)) from error


def _by_field(error: ValidationError, told: str) -> dict[str | None, str]:
    if told or not hasattr(error, "message_dict"):
        return {None: f"{told}{' '.join(error.messages)}"}
    return {
        None if name == NON_FIELD_ERRORS else name: " ".join(messages) for name, messages in error.message_dict.items()
    }
