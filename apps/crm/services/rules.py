"""The rules of writing a record (access model, section 5), each in one function.

A rule is asked about a draft: the record as it would be, next to the record as it is now. It raises the error that says
why not, and returns nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from apps.access import policy, shares
from apps.access.errors import MissingPermission
from apps.access.records import Record
from apps.accounts.models import Branch, User
from apps.crm.errors import InvalidSubject, NoSuchLink, NotACall, NotAMember, PrivacyRefused, WrongBranch
from apps.crm.models import Activity, Contact, CrmRecord, Task
from apps.crm.models.customisation import ListEntry
from apps.teams.models import Membership, ParentMembership


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """A record as it would be after the change; `before` is the record as it is now, or None for a new one."""

    record: CrmRecord
    before: CrmRecord | None
    actor: User

    def sets(self, name: str) -> bool:
        """Whether the change fills this field, or fills it with something else."""
        attname = self.record._meta.get_field(name).attname  # type: ignore[union-attr] # it is a column
        value = getattr(self.record, attname)
        return value is not None and (self.before is None or getattr(self.before, attname) != value)

    def moves(self) -> bool:
        """Whether the record would be on another branch."""
        return self.before is not None and self.before.branch_id != self.record.branch_id


def need(actor: User, codename: str, target: models.Model) -> None:
    """Raises MissingPermission where the actor may not do this to a target that they may know of."""
    if not policy.may(actor, codename, target):
        raise MissingPermission(codename, target)


def links_of(model: type[CrmRecord]) -> Iterator[models.ForeignKey[Any, Any]]:
    """The fields that link a record of the type to other records, what it is about included."""
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey) and issubclass(field.related_model, Record):
            yield field


def check_branch(draft: RecordDraft) -> None:
    """A new record, and one that moves, needs `add_T` on its branch. An activity moves with what it is about only.

    A branch of another account, and one that the actor has nothing to do with, is no branch for them.
    """
    record, actor = draft.record, draft.actor
    if draft.before is not None and not draft.moves():
        return
    branch = Branch.objects.filter(pk=record.branch_id, account=record.account_id).first()
    if branch is None or not _knows(actor, branch):
        raise NoSuchLink("branch", "branch")
    if draft.moves() and isinstance(record, Activity):
        raise WrongBranch(_("A note or activity must be on the same branch as the record it is about."), "branch")
    need(actor, f"add_{record.record_type}", branch)


def _knows(actor: User, branch: Branch) -> bool:
    return (
        actor.is_superuser
        or Membership.objects.active().filter(branch=branch, user=actor).exists()
        or ParentMembership.objects.filter(account=branch.account_id, user=actor).exists()
    )


def check_links(draft: RecordDraft) -> None:
    """What is newly linked exists in the account and is visible to the writer; a status or source is of the account.

    What a record is about is locked: whether it is private, and on which branch, has to hold at the commit.
    """
    record = draft.record
    for field in record._meta.concrete_fields:
        if not isinstance(field, models.ForeignKey) or not draft.sets(field.name):
            continue
        if issubclass(field.related_model, Record):
            _link(draft, field)
        elif issubclass(field.related_model, ListEntry):
            entries = field.related_model._default_manager.filter(account=record.account_id)
            if not entries.filter(pk=getattr(record, field.attname)).exists():
                raise NoSuchLink(field.name, str(field.verbose_name))


def _link(draft: RecordDraft, field: models.ForeignKey[Any, Any]) -> None:
    rows: models.QuerySet[Any] = field.related_model._default_manager.filter(account=draft.record.account_id)
    if field.name in draft.record.about_fields:
        rows = rows.select_for_update(no_key=True)
    linked: Record | None = rows.filter(pk=getattr(draft.record, field.attname)).first()
    if linked is None or not policy.may(draft.actor, f"view_{linked.record_type}", linked):
        label = field.related_model._meta.verbose_name
        raise NoSuchLink(field.name, str(label))
    setattr(draft.record, field.name, linked)


def check_about(draft: RecordDraft) -> None:
    """An activity is about exactly one record, a task about one at most; a new link stays on the record's branch.

    A task whose lead later moves to another branch stays where it is, with its link.
    """
    record = draft.record
    filled = [name for name in record.about_fields if getattr(record, f"{name}_id") is not None]
    if len(filled) > 1:
        raise InvalidSubject(_("This can be about one record only. Choose one."), filled[1])
    if isinstance(record, Activity) and not filled:
        raise InvalidSubject(_("Choose the record that this note or activity is about."))
    about = record.about
    if about is not None and draft.sets(filled[0]) and about.branch_id != record.branch_id:
        raise InvalidSubject(_("This record is on another branch. Choose a record of the same branch."), filled[0])


def check_result(draft: RecordDraft) -> None:
    """Only a call has a result."""
    record = draft.record
    if isinstance(record, Activity) and record.result_id is not None and record.kind != Activity.Kind.CALL:
        raise NotACall


def check_responsible(draft: RecordDraft) -> None:
    """A new owner needs `assign_record` on the record as it is now, and is an active member of its branch.

    A new record counts as its creator's own, and its creator may always own it.
    """
    record, before, actor = draft.record, draft.before, draft.actor
    if before is None:
        if record.responsible_id in (None, actor.pk):
            return
        standing = copy.copy(record)
        standing.responsible = actor
    elif before.responsible_id == record.responsible_id:
        return
    else:
        standing = before
    need(actor, "assign_record", standing)
    if record.responsible_id is not None:
        members = Membership.objects.active().filter(branch=record.branch_id, user=record.responsible_id)
        if not members.filter(user__is_active=True).exists():
            raise NotAMember(str(record.branch))


def check_privacy(draft: RecordDraft) -> None:
    """A private contact has an owner, no shares, and no tasks of other people."""
    record = draft.record
    if isinstance(record, Contact) and record.private:
        if record.responsible_id is None:
            raise PrivacyRefused(_("A private contact needs an owner. Otherwise nobody can see it."), "responsible")
        if draft.before is None or not draft.before.private:
            _become_private(draft, record)
    if (
        isinstance(record, Task)
        and not record.done
        and record.responsible_id is not None
        and record.about_contact_id is not None
    ):
        # Locked, so that the contact does not become private in the meantime.
        about = Contact.objects.select_for_update(no_key=True).get(pk=record.about_contact_id)
        if about.private and about.responsible_id != record.responsible_id:
            raise PrivacyRefused(
                _("A task about a private contact must belong to the contact’s owner. Nobody else can see it."),
                "responsible",
            )


def _become_private(draft: RecordDraft, contact: Contact) -> None:
    need(draft.actor, "own_private_contacts", contact.branch)
    owners = {contact.responsible_id} if draft.before is None else {contact.responsible_id, draft.before.responsible_id}
    if owners != {draft.actor.pk}:
        raise PrivacyRefused(_("Only the owner can make a contact private."), "private")
    if draft.before is not None and (_is_shared(contact) or _others_have_tasks(contact, draft.actor)):
        # One sentence for all reasons: the actor may not see those tasks or shares.
        raise PrivacyRefused(
            _("You can’t make this contact private while others have a share of it or an open task about it."),
            "private",
        )


def _is_shared(contact: Contact) -> bool:
    tables = shares.tables("contact") or ()
    return any(table._default_manager.filter(content_object=contact.pk).exists() for table in tables)


def _others_have_tasks(contact: Contact, actor: User) -> bool:
    """A task belongs to its responsible; where it has none, to its creator."""
    belongs = Coalesce("responsible", "created_by")
    tasks = Task.objects.filter(account=contact.account_id, about_contact=contact.pk, done=False)
    return tasks.annotate(belongs=belongs).filter(~Q(belongs=actor.pk), belongs__isnull=False).exists()
