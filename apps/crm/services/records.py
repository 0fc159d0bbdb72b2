"""Creating, changing and deleting records, by a user who needs the permission for it (access model, section 5).

A write is judged on the record as the database has it: the row is locked and read again before anything is asked.
Every function raises NoSuchRecord where the actor may not view the record, MissingPermission where they may not do this
to it, another CrmError where a rule is against it, and ValidationError where a value is off; then nothing is written.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import ForeignKey
from django.utils import timezone

from apps.access import policy
from apps.access.records import Record
from apps.accounts.models import User
from apps.audit.services import operation
from apps.crm.errors import DuplicatesFound, NoSuchLink, NoSuchRecord
from apps.crm.models import (
    Activity,
    Change,
    Contact,
    CrmRecord,
    Lead,
    LeadStatus,
    Opportunity,
    OpportunityStatus,
    Outcome,
    Task,
)
from apps.crm.models.fields import MultiTextField
from apps.crm.models.past import ruled_fields
from apps.crm.services import customvalues, rules
from apps.crm.services.duplicates import visible_duplicates
from apps.crm.services.history import remember, remember_all
from apps.crm.services.rules import RecordDraft
from apps.crm.verbs import RECORD_DELETED

R = TypeVar("R", bound=CrmRecord)

_FIXED = frozenset({"id", "account"})


@transaction.atomic
def create_record(record: R, *, actor: User, accept_doubles: bool = False, complete: bool = True) -> R:
    """Store a new record, which the actor then is the creator of.

    Its branch is given, or is that of what it is about. A lead or an opportunity without a status gets the first one.
    One that need not be `complete` may lack what the account's own fields require.

    Raises:
        DoubleFound: the actor may see records that look like it, and has not accepted duplicates.
    """
    check_new(record, actor=actor, accept_doubles=accept_doubles, complete=complete)
    _follow_status(record)
    record.save(force_insert=True)
    remember(record, Change.Action.CREATED, actor=actor)
    return record


@transaction.atomic
def check_new(record: CrmRecord, *, actor: User, accept_doubles: bool = False, complete: bool = True) -> None:
    """Raise what `create_record` would, and write nothing; fills in what it would fill in."""
    _fill_in(record, actor)
    draft = RecordDraft(record, None, actor)
    rules.check_links(draft)
    rules.check_branch(draft)
    rules.check_about(draft)
    rules.check_result(draft)
    rules.check_responsible(draft)
    rules.check_privacy(draft)
    customvalues.settle(record, standing=None, complete=complete)
    _clean(record, {field.name for field in record._meta.concrete_fields})
    if not accept_doubles and (doubles := visible_duplicates(actor, record)):
        raise DuplicatesFound(doubles)


def update_record(record: R, *, actor: User, changes: Mapping[str, Any]) -> R:
    """Change the named fields of a record and nothing else; returns it as it then is.

    `responsible` alone needs `assign_record`, anything else `change_T`, another branch `add_T` there. A link to what
    the actor may not view looks empty to them, so emptying it again leaves it as it is. Filling one of the fields that
    say what the record is about empties the others. The activities of a record that moves to another branch move
    along, and so do the open tasks about a private contact that gets another responsible. `custom` holds the values of
    the account's own fields that change, by key; None empties one.

    Raises:
        ValueError: such a record has no such field, or it cannot be changed in this way.
    """
    with transaction.atomic():
        before = _locked(record, actor)
        after = _drafted(before, actor, changes)
        changed = _differences(before, after)
        if not changed:
            return before
        _check_update(RecordDraft(after, before, actor), changed)
        # A value in another form may equal the stored one.
        if not (changed := _differences(before, after)):
            return before
        changed |= _follow_status(after)
        _store(after, changed)
        fields = {name: (getattr(before, name), getattr(after, name)) for name in changed - {"closed_at", "custom"}}
        fields |= customvalues.differences(before, after)
        remember(after, Change.Action.CHANGED, actor=actor, fields=fields)
        _follow_up(before, after, actor)
        return after


@transaction.atomic
def check_changes(record: CrmRecord, *, actor: User, changes: Mapping[str, Any]) -> None:
    """Raise what `update_record` would, and write nothing."""
    before = _locked(record, actor)
    after = _drafted(before, actor, changes)
    if changed := _differences(before, after):
        _check_update(RecordDraft(after, before, actor), changed)


def assign_record(record: R, *, actor: User, responsible: User | None) -> R:
    """Give a record another responsible, or none."""
    return update_record(record, actor=actor, changes={"responsible": responsible})


def set_private(contact: Contact, *, actor: User, private: bool) -> Contact:
    """Make a contact private to the actor, its owner; or let others see it again, limited by their own scopes."""
    return update_record(contact, actor=actor, changes={"private": private})


@transaction.atomic
def delete_record(record: CrmRecord, *, actor: User) -> None:
    """Delete a record. Its activities and shares go along, links from other records become empty.

    It asks only for what the actor may see: a note that they may not see is deleted too, and a task about the record
    stays, about nothing. So once a private contact is gone, its tasks are as visible as other tasks.
    """
    standing = _locked(record, actor, to_delete=True)
    rules.need(actor, f"delete_{standing.record_type}", standing)
    ruled = {name: (getattr(standing, name), None) for name in ruled_fields(type(standing))}
    remember(standing, Change.Action.DELETED, actor=actor, fields=ruled)
    _remember_emptied_links(standing, actor)
    with operation(verb=RECORD_DELETED, actor=actor, reason=f"{standing.reference} was deleted"):
        standing.delete()


def _remember_emptied_links(about: CrmRecord, actor: User) -> None:
    """Tasks outlast the record they were about; their history names it only to people who could see it."""
    for name, kind in Task.about_fields.items():
        if kind == about.record_type:
            tasks = Task.objects.filter(account=about.account_id, **{name: about.pk})
            remember_all(tasks, Change.Action.CHANGED, actor=actor, fields={name: (about, None)})


def complete_task(task: Task, *, actor: User) -> Task:
    """Mark a task as done. Its responsible may, and who may edit it. A task that is done already stays as it was."""
    return _execute(task, actor, done=True)


def reopen_task(task: Task, *, actor: User) -> Task:
    """Mark a task as still to be done. Its responsible may, and who may edit it."""
    return _execute(task, actor, done=False)


@transaction.atomic
def _execute(task: Task, actor: User, *, done: bool) -> Task:
    before = _locked(task, actor)
    if before.responsible_id != actor.pk or before.account.read_only:
        rules.need(actor, "change_task", before)
    if before.done == done:
        return before
    after = copy.copy(before)
    after.done = done
    after.done_at = timezone.now() if done else None
    after.done_by = actor if done else None
    rules.check_privacy(RecordDraft(after, before, actor))
    after.save(update_fields=["done", "done_at", "done_by", "updated_at"])
    remember(after, Change.Action.COMPLETED if done else Change.Action.REOPENED, actor=actor)
    return after


def _locked(record: R, actor: User, *, to_delete: bool = False) -> R:
    """The record as it is now, locked until the commit. Deleting takes the stronger lock, which new links wait for."""
    rows = type(record)._default_manager.filter(account=record.account_id)
    standing = rows.select_for_update(no_key=not to_delete).filter(pk=record.pk).first()
    if standing is None or not policy.may(actor, f"view_{record.record_type}", standing):
        raise NoSuchRecord
    return standing


def _fill_in(record: CrmRecord, actor: User) -> None:
    about = record.about
    if not record.branch_id and about is not None:
        record.branch = about.branch
    if not record.branch_id:
        raise NoSuchLink("branch", "branch")
    record.account_id = record.branch.account_id
    record.created_by = actor
    if isinstance(record, Lead) and record.status_id is None:
        record.status = LeadStatus.on_offer(record.account_id).filter(outcome=Outcome.OPEN).first()
    if isinstance(record, Opportunity):
        if record.status_id is None:
            record.status = OpportunityStatus.on_offer(record.account_id).filter(outcome=Outcome.OPEN).first()
        if record.probability is None and record.status is not None:
            record.probability = record.status.probability


def _drafted(before: R, actor: User, changes: Mapping[str, Any]) -> R:
    """A copy of the record with the changes applied, and its texts in the form that they are stored in."""
    after = copy.copy(before)
    links = {field.name for field in rules.links_of(type(before))}
    for name, value in changes.items():
        _changeable(before, name)
        if name in links and value is None and _hidden(before, name, actor):
            continue
        setattr(after, name, customvalues.joined(before, value) if name == "custom" else value)
    filled = [name for name in before.about_fields if changes.get(name) is not None]
    for name in before.about_fields:
        if filled and name not in filled:
            setattr(after, name, None)
    for field in before._meta.concrete_fields:
        if isinstance(field, MultiTextField):
            field.pre_save(after, add=False)
    return after


def _changeable(record: CrmRecord, name: str) -> None:
    names = {field.name for field in record._meta.concrete_fields if field.editable} - _FIXED
    if name not in names:
        raise ValueError(
            f"{name} of a {record.record_type} cannot be changed: choose among {', '.join(sorted(names))}."
        )


def _hidden(record: CrmRecord, name: str, actor: User) -> bool:
    linked: Record | None = getattr(record, name)
    return linked is not None and not policy.may(actor, f"view_{linked.record_type}", linked)


def _differences(before: CrmRecord, after: CrmRecord) -> set[str]:
    return {
        field.name
        for field in before._meta.concrete_fields
        if field.editable and getattr(before, field.attname) != getattr(after, field.attname)
    }


def _check_update(draft: RecordDraft, changed: set[str]) -> None:
    before = draft.before
    assert before is not None
    if changed - {"responsible"}:
        rules.need(draft.actor, f"change_{before.record_type}", before)
    rules.check_links(draft)
    rules.check_branch(draft)
    rules.check_about(draft)
    rules.check_result(draft)
    rules.check_responsible(draft)
    rules.check_privacy(draft)
    customvalues.settle(draft.record, standing=getattr(before, "custom", {}), complete=False)
    _clean(draft.record, changed)


def _clean(record: CrmRecord, names: set[str]) -> None:
    """Raises ValidationError where a value does not fit its column. Links have been looked up already."""
    record.clean_fields(
        exclude={
            field.name
            for field in record._meta.concrete_fields
            if field.name not in names or not field.editable or isinstance(field, ForeignKey)
        }
    )


def _store(after: CrmRecord, changed: set[str]) -> None:
    currencies = {f"{name}_currency" for name in changed} & {field.name for field in after._meta.concrete_fields}
    after.save(update_fields=[*sorted(changed | currencies), "updated_at"])


def _follow_status(after: CrmRecord) -> set[str]:
    """A lead or an opportunity is closed while its status is won or lost."""
    if not isinstance(after, Lead | Opportunity):
        return set()
    closed = after.status is not None and after.status.outcome != Outcome.OPEN
    if closed == (after.closed_at is not None):
        return set()
    after.closed_at = timezone.now() if closed else None
    return {"closed_at"}


def _follow_up(before: CrmRecord, after: CrmRecord, actor: User) -> None:
    """What else a change brings along: activities move with their record, open tasks go with a private contact."""
    if before.branch_id != after.branch_id:
        activities = {kind: name for name, kind in Activity.about_fields.items()}
        if after.record_type in activities:
            Activity.objects.filter(account=after.account_id, **{activities[after.record_type]: after.pk}).update(
                branch=after.branch_id
            )
    if isinstance(after, Contact) and after.private and before.responsible_id != after.responsible_id:
        tasks = Task.objects.filter(account=after.account_id, about_contact=after.pk, done=False)
        for task in tasks.exclude(responsible=None).exclude(responsible=after.responsible_id).select_for_update():
            former = task.responsible
            task.responsible = after.responsible
            task.save(update_fields=["responsible", "updated_at"])
            remember(task, Change.Action.CHANGED, actor=actor, fields={"responsible": (former, task.responsible)})
