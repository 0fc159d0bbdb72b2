"""The lists that an account keeps for itself: what they begin with, and how they change."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import transaction
from django.db.models import ProtectedError, QuerySet

from apps.access import policy
from apps.access.errors import MissingPermission
from apps.accounts.models import Account, User
from apps.changes import opening
from apps.crm.errors import EntryInUse, LastPipeline
from apps.crm.models import CallResult, LeadStatus, OpportunityStatus, Outcome, Pipeline, Source
from apps.crm.models.customisation import ListEntry

_LEAD_STATUSES = (
    ("New", Outcome.OPEN),
    ("Contacted", Outcome.OPEN),
    ("Qualified", Outcome.OPEN),
    ("Converted", Outcome.WON),
    ("Disqualified", Outcome.LOST),
)
PIPELINE = "Sales"
PIPELINE_STATUSES = (
    ("Qualification", Outcome.OPEN, 10),
    ("Needs analysis", Outcome.OPEN, 25),
    ("Proposal", Outcome.OPEN, 50),
    ("Negotiation", Outcome.OPEN, 75),
    ("Won", Outcome.WON, 100),
    ("Lost", Outcome.LOST, 0),
)
_SOURCES = ("Website", "Referral", "Advertisement", "Event", "Cold call", "Partner", "Other")
_CALL_RESULTS = ("Reached", "No answer", "Left a message", "Wrong number", "Call back later")
_E = TypeVar("_E", bound=ListEntry)


def create_defaults(account: Account) -> None:
    """Give an account the lists that it begins with. What it has by the same name already stays as it is.

    The first pipeline is for an account that has none.
    """
    LeadStatus.objects.bulk_create(
        (
            LeadStatus(account=account, name=name, outcome=outcome, position=position)
            for position, (name, outcome) in enumerate(_LEAD_STATUSES)
        ),
        ignore_conflicts=True,
    )
    if not Pipeline.objects.filter(account=account).exists():
        pipeline = Pipeline.objects.create(account=account, name=PIPELINE)
        OpportunityStatus.objects.bulk_create(
            OpportunityStatus(
                account=account,
                pipeline=pipeline,
                name=name,
                outcome=outcome,
                probability=probability,
                position=position,
            )
            for position, (name, outcome, probability) in enumerate(PIPELINE_STATUSES)
        )
    Source.objects.bulk_create(
        (Source(account=account, name=name, position=position) for position, name in enumerate(_SOURCES)),
        ignore_conflicts=True,
    )
    CallResult.objects.bulk_create(
        (CallResult(account=account, name=name, position=position) for position, name in enumerate(_CALL_RESULTS)),
        ignore_conflicts=True,
    )


def save_entry(entry: _E, *, actor: User) -> _E:
    """Add an entry to a list of its account, or store what was changed in it.

    Raises:
        MissingPermission: the actor may not manage the account's lists.
        LastPipeline: it is the only pipeline that is offered, and would be offered no longer.
        ValidationError: the list has an entry of that name, or a value is off.
    """
    _need_right(entry, actor)
    entry.full_clean()
    with transaction.atomic():
        if not entry.offered:
            _keep_a_pipeline(entry)
        entry.save()
    return entry


def delete_entry(entry: ListEntry, *, actor: User) -> None:
    """Take an entry that nothing has from a list of its account.

    Raises:
        MissingPermission: the actor may not manage the account's lists.
        LastPipeline: it is the only pipeline that is offered.
        EntryInUse: a record has it, whether or not the actor may see that record; or it is a pipeline with statuses.
    """
    _need_right(entry, actor)
    try:
        with transaction.atomic():
            _keep_a_pipeline(entry)
            entry.delete()
    except ProtectedError:
        # The chain would carry the records that have it, seen or unseen.
        raise EntryInUse(entry.name) from None


def move_entry(entry: _E, *, actor: User, up: bool) -> None:
    """Let an entry change places with its neighbour in the list; at its end, nothing happens.

    Raises:
        MissingPermission: the actor may not manage the account's lists.
    """
    _need_right(entry, actor)
    change_places(entry, up=up)


@transaction.atomic
def change_places(entry: ListEntry, *, up: bool) -> None:
    """Exchange an entry with its neighbour in the list; the caller has checked the permission."""
    entries = list(_locked(entry))
    place = next((place for place, each in enumerate(entries) if each.pk == entry.pk), None)
    other = None if place is None else place + (-1 if up else 1)
    if place is None or other is None or not 0 <= other < len(entries):
        return
    entries[place], entries[other] = entries[other], entries[place]
    for position, each in enumerate(entries):
        each.position = position
    type(entry)._default_manager.bulk_update(entries, ["position"])


def _keep_a_pipeline(entry: ListEntry) -> None:
    """Refuse to lose the last pipeline that is offered. Two who would each take one of two wait for each other."""
    if not isinstance(entry, Pipeline) or entry.pk is None:
        return
    offered = {each.pk for each in _locked(entry) if each.offered}
    if offered == {entry.pk}:
        raise LastPipeline(entry.name)


def _locked(entry: ListEntry) -> QuerySet[Any]:
    """The list of the entry in its order, locked until the commit."""
    return entry.list_of().order_by("position", "pk").select_for_update()


def _need_right(entry: ListEntry, actor: User) -> None:
    if not policy.may(actor, "manage_statuses", entry.account):
        raise MissingPermission("manage_statuses", entry.account)


opening.begins_with(create_defaults)
