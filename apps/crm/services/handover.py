"""The CRM's part when people and branches change: records in batches, their history as if done one by one.

Private contacts, and what is about them, are done last and apart, so that no output depends on them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan
from django.utils import timezone

from apps.access import handover
from apps.access.handover import Counts, Delete, HandOver, HandOverPlan, Portfolio, Progress, Receivers
from apps.access.querysets import visible_to
from apps.accounts.models import Branch, User
from apps.audit.services import CONSOLE
from apps.crm.bulk_insert import insert
from apps.crm.models import Activity, Change, Company, Contact, CrmRecord, Lead, Opportunity, Task
from apps.crm.models.past import ruled_fields

BATCH = 10_000
_MODELS: dict[str, type[CrmRecord]] = {
    model.record_type: model for model in (Company, Contact, Lead, Opportunity, Task, Activity)
}
_PRIVATE = Contact._default_manager.filter(private=True)
_ABOUT_PRIVATE = Exists(_PRIVATE.filter(pk=OuterRef("about_contact")))
_SECRETS: dict[type[CrmRecord], Q] = {
    Contact: Q(private=True),
    Task: Q(_ABOUT_PRIVATE),
    Activity: Q(_ABOUT_PRIVATE) | Q(Exists(Task._default_manager.filter(_ABOUT_PRIVATE, pk=OuterRef("about_task")))),
}
"""What is private, or about something private, for each type that can be: the condition as the types need it."""


class CrmRecordKeeper:
    """Hands over and moves the records of the CRM. A task that is done keeps its responsible."""

    record_types = tuple(_MODELS)

    def count(self, portfolio: Portfolio) -> Counts:
        """See `Keeper`."""
        values: dict[str, dict[int, int]] = {}
        for name, model in _MODELS.items():
            rows = _told(_rows(portfolio, model, f"view_{name}")).order_by().values("branch").annotate(n=Count("pk"))
            if counts := dict(rows.values_list("branch", "n")):
                values[name] = counts
        return values

    def in_the_way(self, portfolio: Portfolio, plan: HandOverPlan) -> dict[str, int]:
        """See `Keeper`. Of private contacts only their responsible sees any."""
        if portfolio.seen_by is None:
            return {}
        missing: Counter[str] = Counter()
        for model in (_MODELS[name] for name in plan.to.keys() & _MODELS.keys()):
            seen, allowed = (_rows(portfolio, model, name) for name in (f"view_{model.record_type}", "assign_record"))
            missing["assign_record"] += _told(seen).exclude(pk__in=allowed.values("pk")).count()
        if plan.private is not None:
            needed = _needed(plan.private)
            seen, allowed = (_rows(portfolio, Contact, name) for name in ("view_contact", needed))
            missing[needed] += seen.filter(private=True).exclude(pk__in=allowed.values("pk")).count()
        return dict(+missing)

    def hand_over(
        self, portfolio: Portfolio, plan: HandOverPlan, receivers: Receivers, *, actor: User | None, progress: Progress
    ) -> Counts:
        """See `Keeper`."""
        with _checks_at_once():
            counts = {}
            for name, model in _MODELS.items():
                if name in plan.to:
                    rows = _within(_rows(portfolio, model, "assign_record"), plan.to[name], receivers)
                    counts[name] = _assign(_told(rows), _user(plan.to[name], receivers), actor, progress)
            _settle_private(portfolio, plan, receivers, actor)
        return {name: branches for name, branches in counts.items() if branches}

    def move(self, source: Branch, target: Branch, *, actor: User | None, progress: Progress) -> Counts:
        """See `Keeper`. Activities move along with what they are about, which their history does not tell."""
        counts = {}
        with _checks_at_once():
            for name, model in _MODELS.items():
                rows = model._default_manager.filter(account=source.account_id, branch=source)
                if moved := _move(_told(rows), target, actor, progress):
                    counts[name] = moved
                _move(rows, target, actor)
        return counts


handover.register(CrmRecordKeeper())


def _rows(portfolio: Portfolio, model: type[CrmRecord], codename: str) -> QuerySet[Any]:
    """Return the records that the user owns and that may be handed over.

    With `seen_by`, only those on which that person holds the permission.
    """
    rows: QuerySet[Any] = model._default_manager.filter(account=portfolio.account)
    if portfolio.seen_by is not None:
        rows = visible_to(portfolio.seen_by, codename, account=portfolio.account, record_type=model.record_type)
    if portfolio.branch is not None:
        rows = rows.filter(branch=portfolio.branch)
    if model is Task:
        rows = rows.filter(done=False)
    return rows.filter(responsible=portfolio.user)


def _told(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows that are neither private nor about a private record."""
    return rows.filter(~_SECRETS[rows.model]) if rows.model in _SECRETS else rows


def _within(rows: QuerySet[Any], user_id: int | None, receivers: Receivers) -> QuerySet[Any]:
    """Return the rows on branches where the receiver can be the owner."""
    return rows if user_id is None else rows.filter(branch__in=sorted(receivers[user_id].branches))


def _user(user_id: int | None, receivers: Receivers) -> User | None:
    return None if user_id is None else receivers[user_id].user


def _needed(private: HandOver | Delete) -> str:
    return "delete_contact" if isinstance(private, Delete) else "assign_record"


def _settle_private(portfolio: Portfolio, plan: HandOverPlan, receivers: Receivers, actor: User | None) -> None:
    """Hand over or delete the private contacts with what is about them, as `assign_record` and `delete_record` do.

    A colleague gets those on the branches where they can be responsible. Of a deleted contact the tasks stay, and go
    with the other tasks.
    """
    if plan.private is None:
        return
    rows = _rows(portfolio, Contact, _needed(plan.private)).filter(private=True)
    if isinstance(plan.private, Delete):
        for contacts in _batches(rows, to_delete=True):
            _delete_private(portfolio, plan, receivers, actor, [pk for pk, _ in contacts])
        return
    receiver = receivers[plan.private.user_id].user
    for contacts in _batches(_within(rows, receiver.pk, receivers)):
        ids = [pk for pk, _ in contacts]
        tasks = Task._default_manager.filter(account=portfolio.account, about_contact__in=ids, done=False)
        _assign(tasks.exclude(responsible=None).exclude(responsible=receiver), receiver, actor)
        if "activity" in plan.to:
            activities = _rows(portfolio, Activity, "assign_record")
            _assign(activities.filter(Q(about_contact__in=ids) | _about_tasks_about(ids)), receiver, actor)
        _change(Contact, ids, "responsible", receiver, actor)


def _delete_private(
    portfolio: Portfolio, plan: HandOverPlan, receivers: Receivers, actor: User | None, ids: Sequence[int]
) -> None:
    coming_to_light = {"task": Q(about_contact__in=ids), "activity": _about_tasks_about(ids)}
    for name, condition in coming_to_light.items():
        if name in plan.to:
            user_id = plan.to[name]
            rows = _within(_rows(portfolio, _MODELS[name], "assign_record").filter(condition), user_id, receivers)
            _assign(rows, _user(user_id, receivers), actor)
    tasks = list(Task._default_manager.filter(about_contact__in=ids).order_by().values_list("pk", flat=True))
    _remember(Task, tasks, Change.Action.CHANGED, actor, {"about_contact": None})
    _remember(Contact, ids, Change.Action.DELETED, actor, dict.fromkeys(ruled_fields(Contact)))
    Contact._default_manager.filter(pk__in=ids).delete()


def _about_tasks_about(contact_ids: Sequence[int]) -> Q:
    return Q(about_task__in=Task._default_manager.filter(about_contact__in=contact_ids).order_by().values("pk"))


def _assign(
    rows: QuerySet[Any], responsible: User | None, actor: User | None, progress: Progress | None = None
) -> dict[int, int]:
    """Give the records another responsible; returns how many by branch. Those that are told of have a `progress`."""
    counts: Counter[int] = Counter()
    for batch in _batches(rows):
        if rows.model is Task and progress is not None:
            batch = _not_private_meanwhile(batch)
        _change(rows.model, [pk for pk, _ in batch], "responsible", responsible, actor)
        counts.update(branch_id for _, branch_id in batch)
        if progress is not None:
            progress(len(batch))
    return dict(counts)


def _not_private_meanwhile(batch: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The tasks whose contact is not private, and is locked so that it becomes so only after their hand-over."""
    about = dict(
        Task._default_manager.filter(pk__in=[pk for pk, _ in batch], about_contact__isnull=False)
        .order_by()
        .values_list("pk", "about_contact")
    )
    contacts = Contact._default_manager.filter(pk__in=set(about.values()), private=False).order_by("pk")
    known = set(contacts.select_for_update(no_key=True).values_list("pk", flat=True))
    return [(pk, branch_id) for pk, branch_id in batch if pk not in about or about[pk] in known]


def _move(rows: QuerySet[Any], target: Branch, actor: User | None, progress: Progress | None = None) -> dict[int, int]:
    """Let the records be on another branch; returns how many by the branch that they left."""
    counts: Counter[int] = Counter()
    for batch in _batches(rows):
        ids = [pk for pk, _ in batch]
        if rows.model is Activity:
            Activity._default_manager.filter(pk__in=ids).update(branch=target)
        else:
            _change(rows.model, ids, "branch", target, actor)
        counts.update(branch_id for _, branch_id in batch)
        if progress is not None:
            progress(len(batch))
    return dict(counts)


def _batches(rows: QuerySet[Any], *, to_delete: bool = False) -> Iterator[list[tuple[int, int]]]:
    """The ids and branches of the rows, the newest first, locked until the commit; `BATCH` of them at a time.

    The order is that of the indexes, and each batch begins after the one before, so that none is read twice.
    """
    rows = rows.order_by("-created_at", "-id").select_for_update(no_key=not to_delete)
    columns = ("created_at", "pk", "branch_id")
    items = list(rows.values_list(*columns)[:BATCH])
    while items:
        yield [(pk, branch_id) for _, pk, branch_id in items]
        older = TupleLessThan(Tuple(F("created_at"), F("id")), items[-1][:2])
        items = list(rows.filter(older).values_list(*columns)[:BATCH])


def _change(
    model: type[CrmRecord], ids: Sequence[int], field: str, value: User | Branch | None, actor: User | None
) -> None:
    """Set one field of locked records, as `update_record` stores and remembers it."""
    _remember(model, ids, Change.Action.CHANGED, actor, {field: value})
    table, column = (connection.ops.quote_name(name) for name in (model._meta.db_table, f"{field}_id"))
    with connection.cursor() as cursor:
        # As an array: ten thousand parameters would take Django a tenth of the whole time.
        cursor.execute(
            f"UPDATE {table} SET {column} = %s, updated_at = %s WHERE id = ANY(%s)",  # noqa: S608 - names of columns
            [None if value is None else value.pk, timezone.now(), list(ids)],
        )


_NAME = "coalesce(nullif({x}.name, ''), {x}.email)"
_LINKS = {
    "branch": ("accounts_branch", "'name', {x}.name"),
    "responsible": ("accounts_user", f"'name', {_NAME}"),
    "created_by": ("accounts_user", f"'name', {_NAME}"),
    "about_contact": ("crm_contact", "'type', 'contact', 'reference', {x}.reference"),
}
"""Where the values of a field stand, and what the history keeps of them besides the id."""


def _remember(
    model: type[CrmRecord],
    ids: Sequence[int],
    action: Change.Action,
    actor: User | None,
    fields: Mapping[str, User | Branch | None],
) -> None:
    """An entry of the history for each of these records, which still are as they were before the fields change."""
    quote = connection.ops.quote_name
    source, pairs = f"FROM {quote(model._meta.db_table)} record", []
    for name in fields:
        before = f"record.{name}"
        if name in _LINKS:
            table, kept = _LINKS[name]
            source += f" LEFT JOIN {table} former_{name} ON former_{name}.id = record.{name}_id"
            link = f"'id', record.{name}_id, {kept.format(x=f'former_{name}')}"
            before = f"CASE WHEN record.{name}_id IS NOT NULL THEN jsonb_build_object({link}) END"
        pairs.append(f"'{name}', jsonb_build_array({before}, %({name})s::jsonb)")
    columns = {
        "account_id": "record.account_id",
        "record_type": "%(record_type)s",
        "record_id": "record.id",
        "reference": "record.reference",
        "actor_id": "%(actor)s::bigint",
        "actor_name": "%(actor_name)s",
        "at": "%(at)s",
        "action": "%(action)s",
        "fields": f"jsonb_build_object({', '.join(pairs)})",
    }
    values: dict[str, Any] = {
        "ids": list(ids),
        "record_type": model.record_type,
        "actor": None if actor is None else actor.pk,
        "actor_name": CONSOLE if actor is None else str(actor),
        "at": timezone.now(),
        "action": action.value,
    }
    values |= {name: after and json.dumps({"id": after.pk, "name": str(after)}) for name, after in fields.items()}
    insert(Change, columns, f"{source} WHERE record.id = ANY(%(ids)s)", values)


@contextmanager
def _checks_at_once() -> Iterator[None]:
    """Check foreign keys after each statement: a million checks kept for the commit would take their room and time."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        yield
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
