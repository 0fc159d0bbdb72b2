"""Switch the role system: every role of a member becomes a role of the new one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.access import verbs
from apps.accounts.models import EVERYONE, Account
from apps.changes.base import Change
from apps.changes.context import ChangeContext
from apps.changes.diff import BATCH, Diff, deleted, updated
from apps.changes.guards.judging import GuardTerms
from apps.changes.refusals import Guard, NoSuchTarget, PermissionMissing, SingleRole
from apps.roles import catalogue
from apps.roles.models import Role
from apps.roles.schemes import Scheme, scheme, scheme_keys
from apps.roles.scopes import Scope
from apps.teams.models import Invitation, Membership, ParentMembership


@dataclass(frozen=True, kw_only=True)
class SwitchScheme(Change):
    """Switch the account to another role system.

    Needs `change_account`, and every permission without limit on every open branch, since nothing else limits the new
    roles. `roles` maps the key of each role in use (removed members and pending invitations included) to a role of the
    new system; a parent role may map to None, which ends it. Overrides and shares stay. Custom roles are inactive until
    the account returns.
    """

    verb = verbs.SCHEME_SWITCHED
    terms = GuardTerms(
        needs=("change_account",),
        lifts=frozenset(Guard) - {Guard.REASON, Guard.TARGET, Guard.RIGHT, Guard.FRESH, Guard.LAST_KEEPER},
    )

    scheme: str
    roles: Mapping[str, str | None]

    def plan(self, context: ChangeContext) -> Iterator[Diff]:
        """Plan the account, then memberships by id, parent roles and invitations, in batches."""
        new = self._new_scheme(context)
        becomes = self._becoming(context, new)
        account = type(context.account)._default_manager.get(pk=context.account.pk)
        # Roles that required a second factor still require it under their new key.
        asked = {self.roles.get(key, key) for key in account.second_factor} & {EVERYONE, *new.roles}
        yield Diff([updated(account, scheme=new.key, second_factor=sorted(key for key in asked if key))])
        for batch in _batches(Membership.objects.filter(account=context.account)):
            yield Diff([updated(row, role_id=becomes[row.role_id]) for row in batch if row.role_id in becomes])
        for batch in _batches(ParentMembership.objects.filter(account=context.account)):
            yield Diff(
                [
                    deleted(row) if becomes[row.role_id] is None else updated(row, role_id=becomes[row.role_id])
                    for row in batch
                    if row.role_id in becomes
                ]
            )
        for batch in _batches(Invitation.objects.filter(account=context.account, status=Invitation.Status.PENDING)):
            yield Diff([updated(row, role_id=becomes[row.role_id]) for row in batch if row.role_id in becomes])

    def _new_scheme(self, context: ChangeContext) -> Scheme:
        """Return the new role system, if account and actor can switch to it."""
        if self.scheme not in scheme_keys():
            raise NoSuchTarget(
                _("The role system “%(scheme)s” doesn't exist.") % {"scheme": self.scheme},
                _("Choose from %(schemes)s.") % {"schemes": ", ".join(scheme_keys())},
            )
        if self.scheme == context.account.scheme:
            raise NoSuchTarget(
                _("%(account)s already follows %(scheme)s.")
                % {"account": context.account, "scheme": context.scheme.name}
            )
        new = scheme(self.scheme)
        if len(context.facts.open_branches) > 1 and not new.many_branches:
            raise NoSuchTarget(
                _("%(scheme)s supports only one branch, and several are open.") % {"scheme": new.name},
                _("Close the other branches first."),
            )
        _check_right(context)
        return new

    @classmethod
    def check_undo(cls, context: ChangeContext, diff: Diff) -> None:
        """Check that the actor could make the switch itself."""
        _check_right(context)

    def _becoming(self, context: ChangeContext, new: Scheme) -> dict[int, int | None]:
        """Map the ids of roles in use to the ids of their new roles."""
        held = held_roles(context.account)
        keys = {role.pk: role.key for role in Role.objects.filter(pk__in=held)}
        ids = {role.key: role.pk for role in Role.objects.published(new.key)}
        if missing := sorted(set(keys.values()) - self.roles.keys()):
            raise NoSuchTarget(
                _("The role mapping is missing %(missing)s.") % {"missing": ", ".join(missing)},
                _("Map every role that a member has."),
            )
        becomes: dict[int, int | None] = {}
        for role_id, kind in held.items():
            target = self.roles[keys[role_id]]
            if target is None and kind == Role.Kind.PARENT:
                becomes[role_id] = None
                continue
            if target is None:
                raise NoSuchTarget(
                    _("Map %(role)s to a role of %(scheme)s.") % {"role": keys[role_id], "scheme": new.name},
                    _("Only a parent role can be ended without a new role."),
                )
            if target not in new.roles or new.roles[target].kind != kind:
                raise NoSuchTarget(
                    _("%(role)s can't become “%(target)s”: %(scheme)s has no such %(kind)s role.")
                    % {"scheme": new.name, "kind": kind, "target": target, "role": keys[role_id]}
                )
            becomes[role_id] = ids[target]
        self._check_single(context, new, becomes)
        return becomes

    def _check_single(self, context: ChangeContext, new: Scheme, becomes: Mapping[int, int | None]) -> None:
        """Check that a single role has at most one holder (section 6)."""
        single = {role.pk: role for role in Role.objects.published(new.key).filter(single=True)}
        active = Membership.objects.filter(account=context.account, status=Membership.Status.ACTIVE).order_by()
        holders: Counter[int] = Counter()
        for role_id, count in active.values_list("role").annotate(count=models.Count("pk")):
            if (target := becomes.get(role_id)) in single and target is not None:
                holders[target] += count
        for role_id, count in holders.items():
            if count > 1:
                raise SingleRole(
                    ngettext(
                        "%(role)s can have only one holder, and %(count)s members would get it.",
                        "%(role)s can have only one holder, and %(count)s members would get it.",
                        count,
                    )
                    % {"role": single[role_id].name, "count": f"{count:,}"},
                    _("Map the other members to a different role."),
                )


def _check_right(context: ChangeContext) -> None:
    mandate = context.acting()
    for permission in catalogue.permissions():
        for branch_id in context.facts.open_branches:
            if not mandate.facts.operator and mandate.effective(branch_id, permission.codename).scope != Scope.ALL:
                raise PermissionMissing(permission.codename, context.branch(branch_id))


def held_roles(account: Account) -> dict[int, str]:
    """Return the kinds of the roles that members or invitations have, by id; other role systems are left out."""
    pending = Invitation.objects.filter(account=account, status=Invitation.Status.PENDING)
    kinds: dict[int, str] = {}
    for queryset in (
        Membership.objects.filter(account=account),
        ParentMembership.objects.filter(account=account),
        pending,
    ):
        rows: Iterable[tuple[Any, Any]] = (
            queryset.filter(role__scheme=account.scheme).order_by().values_list("role", "role__kind").distinct()
        )
        kinds |= dict(rows)
    return kinds


def _batches(queryset: models.QuerySet[Any]) -> Iterator[list[Any]]:
    """Yield the rows by id, so that writing one batch does not shift the next."""
    last = 0
    while batch := list(queryset.filter(pk__gt=last).order_by("pk")[:BATCH]):
        yield batch
        last = batch[-1].pk
