"""How many records of each type one person gains and loses: the lists of both Mandates, compared.

Of records that the change leaves as they are, both lists are asked of the database as it is then. Those that it touches
were noted beforehand, with who saw them.
"""

from __future__ import annotations

from django.db.models import Q

from apps.access import records
from apps.access.mandate import Mandate
from apps.access.querysets import BranchGroup, visible, zones_of
from apps.access.records import Record
from apps.changes.previews.temp_tables import TempTables
from apps.changes.previews.values import Numbers
from apps.roles import catalogue


def numbers(scratch: TempTables, before: Mandate, after: Mandate) -> Numbers:
    """What somebody gains and loses, and what they still answer for and no longer see."""
    found = Numbers()
    for name, model in records.registered().items():
        if _differ(before, after, model):
            _untouched(scratch, before, after, model, found)
        if name in scratch.types:
            _touched(scratch, after, model, found)
    return found


def is_work(record_type: str) -> bool:
    """Whether somebody answers for such records; what lives within others is their history."""
    return not catalogue.record_type(record_type).follows_about


def _untouched(scratch: TempTables, before: Mandate, after: Mandate, model: type[Record], found: Numbers) -> None:
    name = model.record_type
    told = scratch.untouched(model, after.user_id)
    was, is_now = (visible(mandate, f"view_{name}", name) & told for mandate in (before, after))
    both = was & is_now
    kept = both.count()
    found.add(name, gains=is_now.count() - kept, loses=was.count() - kept)
    if is_work(name):
        own = Q(model.still_to_do, responsible=after.user_id)
        found.add(name, stranded=was.filter(own).count() - both.filter(own).count())


def _touched(scratch: TempTables, after: Mandate, model: type[Record], found: Numbers) -> None:
    name, user_id = model.record_type, after.user_id
    told, saw = scratch.ids(name, scratch.column(user_id)), scratch.seen(name, user_id)
    sees = visible(after, f"view_{name}", name).order_by().filter(pk__in=told)
    kept = sees.filter(pk__in=saw).count()
    found.add(name, gains=sees.count() - kept, loses=scratch.count_seen(name, user_id) - kept)
    if is_work(name):
        new = Q(pk__in=saw) | Q(pk__in=scratch.of_others(name, user_id))
        theirs = model._default_manager.filter(model.still_to_do, new, responsible=user_id, pk__in=told).order_by()
        found.add(name, stranded=theirs.count() - (theirs & sees).count())


def _differ(before: Mandate, after: Mandate, model: type[Record]) -> bool:
    """Whether the two can have other lists of records that are the same before and after."""
    names = [model.record_type]
    if catalogue.record_type(model.record_type).follows_about:
        names += model.about_fields.values()
    return any(_zones(before, name) != _zones(after, name) for name in names)


def _zones(mandate: Mandate, record_type: str) -> list[BranchGroup]:
    return list(zones_of(mandate, f"view_{record_type}", record_type))
