"""`visible_to`: the Mandate's clauses as SQL, for exactly the records with `may(user, permission, record)`.

Every condition is built from the same clauses as `Mandate.may`. Branches with equal clauses, teams and team-mates form
one *zone*; a record is visible if it satisfies the clauses of its zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.access import records
from apps.access.mandate import Clause, Mandate
from apps.access.mandate_cache import mandate_for
from apps.access.records import Record
from apps.access.shares import shared_ids
from apps.accounts.models import Account, User
from apps.roles import catalogue
from apps.roles.catalogue import Target
from apps.roles.scopes import Scope


@dataclass(frozen=True, slots=True)
class BranchGroup:
    """Branches with the same clauses. `branches` is None for every branch of the account."""

    branches: frozenset[int] | None
    clauses: tuple[Clause, ...]
    groups: frozenset[int]
    mates: frozenset[int]

    @property
    def branch_q(self) -> Q:
        """Return the condition of being on one of the zone's branches."""
        return Q() if self.branches is None else Q(branch__in=sorted(self.branches))


def visible_to(user: User, codename: str, *, account: Account, record_type: str | None = None) -> QuerySet[Any]:
    """Return the records of one type, in one account, on which the user has the permission and its prerequisites.

    `record_type` is needed only for permissions that apply to every record type.

    Raises:
        UnknownPermission: the catalogue has no such codename.
        WrongTarget: it does not apply to records, or not to that type.
        LookupError: no installed app keeps records of the type.
    """
    return visible(mandate_for(user, account.pk), codename, record_type)


def visible(mandate: Mandate, codename: str, record_type: str | None = None) -> QuerySet[Any]:
    """Return `visible_to` for a given Mandate."""
    model, codename = asked_model(codename, record_type)
    name = model.record_type
    zones = list(zones_of(mandate, codename, name))
    base: QuerySet[Any] = model._default_manager.filter(account=mandate.account_id)
    if not zones:
        return base.none()
    condition = Q()
    for zone in zones:
        condition |= zone.branch_q & zone_q(mandate, zone, name)
    return base.filter(condition, surroundings_q(mandate, model))


def asked_model(codename: str, record_type: str | None) -> tuple[type[Record], str]:
    """Return the model of the records that the permission applies to, and its bare codename.

    Raises:
        UnknownPermission, WrongTarget, LookupError: as `visible_to` does.
    """
    permission = catalogue.get(codename)
    name = record_type or (permission.record_types[0] if len(permission.record_types) == 1 else "")
    catalogue.check_target(permission, Target.RECORD, name)
    return records.model_of(name), permission.codename


def zones_of(mandate: Mandate, codename: str, record_type: str) -> Iterator[BranchGroup]:
    """Return the zones in which the permission gives access to records of the type; together they cover its scope."""
    beyond = mandate.beyond(codename, record_type)
    if beyond == ():
        yield BranchGroup(None, (), frozenset(), frozenset())
        return
    branches_by_key: dict[tuple[Any, ...], set[int]] = {}
    for branch_id, membership, _ in mandate.branches():
        clauses = mandate.clauses(branch_id, codename, record_type)
        if clauses is None:
            continue
        asks_groups = any(clause.scope & Scope.SHARED for clause in clauses)
        asks_mates = any(clause.scope & Scope.TEAM for clause in clauses)
        key = (
            clauses,
            membership.groups if asks_groups else frozenset(),
            membership.mates if asks_mates else frozenset(),
        )
        branches_by_key.setdefault(key, set()).add(branch_id)
    for (clauses, groups, mates), branches in branches_by_key.items():
        everywhere = branches == mandate.facts.account.branches
        yield BranchGroup(None if everywhere else frozenset(branches), clauses, groups, mates)


def zone_q(mandate: Mandate, zone: BranchGroup, record_type: str) -> Q:
    """Return the conjunction of the zone's clauses, each the disjunction of its scopes."""
    condition = Q()
    for clause in zone.clauses:
        reached = Q(pk__in=[])
        for reach in reach_qs(mandate, zone, clause, record_type).values():
            reached |= reach
        condition &= reached
    return condition


def reach_qs(mandate: Mandate, zone: BranchGroup, clause: Clause, record_type: str) -> dict[Scope, Q]:
    """Return each scope of a clause as a condition (access model, section 2), without empty ones."""
    conditions: dict[Scope, Q] = {}
    if clause.scope & Scope.CREATED:
        conditions[Scope.CREATED] = Q(created_by=mandate.user_id)
    if clause.scope & Scope.RESPONSIBLE:
        conditions[Scope.RESPONSIBLE] = Q(responsible=mandate.user_id)
    if clause.scope & Scope.TEAM and zone.mates:
        conditions[Scope.TEAM] = Q(responsible__in=sorted(zone.mates))
    if clause.scope & Scope.SHARED and clause.share is not None:
        ids = shared_ids(record_type, clause.share, mandate.user_id, zone.groups)
        if ids is not None:
            conditions[Scope.SHARED] = Q(pk__in=ids)
    return conditions


def surroundings_q(mandate: Mandate, model: type[Record]) -> Q:
    """Return the conditions for every branch: privacy, and for dependent records the right to view their parent."""
    condition = privacy_q(mandate, model)
    if not catalogue.record_type(model.record_type).follows_about:
        return condition
    within = Q(pk__in=[])
    for name, about_type in model.about_fields.items():
        about = visible(mandate, f"view_{about_type}").filter(pk=OuterRef(f"{name}_id"))
        within |= Q(**{f"{name}__isnull": False}) & Q(Exists(about))
    return condition & within


def privacy_q(mandate: Mandate, model: type[Record]) -> Q:
    """Return the condition: not private to another user, nor (transitively) about such a record (section 5)."""
    condition = Q()
    if can_be_private(model, itself=True):
        condition &= Q(private=False) | Q(responsible=mandate.secrets_of)
    for name, about_type in model.about_fields.items():
        about = records.model_of(about_type)
        if can_be_private(about):
            hidden = about._default_manager.filter(~privacy_q(mandate, about), pk=OuterRef(f"{name}_id"))
            condition &= Q(**{f"{name}__isnull": True}) | ~Q(Exists(hidden))
    return condition


def can_be_private(model: type[Record], *, itself: bool = False) -> bool:
    """Return whether such records can be private, or (unless only `itself` is asked) be about one that can."""
    if any(field.name == "private" for field in model._meta.get_fields()):
        return True
    return not itself and any(can_be_private(records.model_of(name)) for name in model.about_fields.values())
