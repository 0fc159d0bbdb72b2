"""Guards shield, published role, single, locked role and ladder: the rules of the role system itself."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from apps.access.facts import RoleFacts
from apps.access.models import AccessRequest, Override
from apps.changes.context import ChangeContext
from apps.changes.diff import RowChange
from apps.changes.guards.evaluation import EvaluationContext, is_of_role
from apps.changes.guards.needs import shared_verb
from apps.changes.refusals import DemotionRefused, LockedRole, PublishedRole, Refusal, Shielded, SingleRole
from apps.roles import catalogue
from apps.roles.models import Role, RoleGrant
from apps.teams.models import Invitation, Membership, TeamMember

ACTIVE = Membership.Status.ACTIVE


def shield(case: EvaluationContext, row: RowChange) -> Iterator[Refusal]:
    """Only the single top member can change their own details and permissions, if the role system says so."""
    person = case.person(row)
    if not case.context.scheme.shield or person in (None, case.actor_id) or case.operates:
        return
    if row.model in (AccessRequest, TeamMember):
        return
    memberships = case.before[person].memberships.values() if person in case.before else ()
    published = case.context.scheme.roles
    if any(m.active and m.role.key in published and published[m.role.key].single for m in memberships):
        yield Shielded(
            _("%(name)s is protected: only they can view or change their details and permissions.")
            % {"name": case.context.name(person)},
            _("Ask them to make the change."),
        )


def published(case: EvaluationContext, row: RowChange) -> Iterator[Refusal]:
    """Built-in roles can't be changed; custom roles need a role system and a plan that support them."""
    if row.model is Membership and row.after is not None and row.after.status == ACTIVE:
        newly = row.before is None or (row.before.role_id, row.before.status) != (row.after.role_id, ACTIVE)
        if newly and case.context.role(row.after.role_id).key not in case.context.scheme.roles:
            yield from _no_own_roles(case.context)
    elif row.model is Invitation and row.after is not None and row.after.status == Invitation.Status.PENDING:
        if case.context.role(row.after.role_id).key not in case.context.scheme.roles:
            yield from _no_own_roles(case.context)
    elif is_of_role(row):
        role = row.either if row.model is Role else row.either.role
        if role.account_id is None:
            yield PublishedRole(
                _("%(role)s is a built-in role and can't be changed.") % {"role": role.name},
                _("Create a custom role based on it, if the role system allows custom roles."),
            )
            return
        yield from _no_own_roles(case.context)
        if row.model is Role and row.before is None:
            yield from _no_copy(case.context, row.after)


def _no_own_roles(context: ChangeContext) -> Iterator[Refusal]:
    scheme, features = context.scheme, context.facts.features
    if not scheme.custom_roles:
        yield PublishedRole(
            _("%(scheme)s doesn't support custom roles.") % {"scheme": scheme.name},
            _("Set overrides for the member instead."),
        )
    elif scheme.custom_roles_feature and features is not None and scheme.custom_roles_feature not in features:
        yield PublishedRole(
            _("The account's plan doesn't include custom roles."), _("Choose a plan that includes them.")
        )


def _no_copy(context: ChangeContext, role: Role) -> Iterator[Refusal]:
    """Check what a new custom role must not be."""
    based_on = role.based_on
    if based_on is None or based_on.locked or based_on.kind != Role.Kind.BRANCH:
        yield PublishedRole(
            _("%(based_on)s can't be copied.") % {"based_on": based_on}, _("Copy a branch role that is not locked.")
        )
    elif role.key in context.scheme.roles:
        yield PublishedRole(
            _("“%(key)s” is the name of a built-in role.") % {"key": role.key}, _("Choose another name.")
        )


def single(case: EvaluationContext, row: RowChange) -> Iterator[Refusal]:
    """A role with exactly one holder only moves by a transfer."""
    roles = []
    if row.model is Membership:
        for side in (row.before, row.after):
            if side is not None and side.status == ACTIVE:
                roles.append(side.role_id)
        if len(roles) == 2 and roles[0] == roles[1]:
            return
    elif row.model is Invitation and row.after is not None and row.after.status == "pending":
        roles.append(row.after.role_id)
    for role_id in roles:
        role = case.context.role(role_id)
        if case.context.scheme.roles.get(role.key) is not None and case.context.scheme.roles[role.key].single:
            yield SingleRole(
                _("%(role)s always has exactly one holder and can't be granted or revoked.") % {"role": role.name},
                _("Transfer ownership instead."),
            )
            return


def locked(case: EvaluationContext, row: RowChange) -> Iterator[Refusal]:
    """A locked role can't have overrides, and permissions that a role can't be granted stay out."""
    if row.model is RoleGrant and row.after is not None:
        yield from _never_grantable(case.context, row.after)
    if row.model not in (Override, AccessRequest) or row.after is None:
        return
    if row.model is AccessRequest and (row.before is not None or shared_verb(row.after)):
        return
    membership = case.before[row.after.user_id].memberships.get(row.after.branch_id)
    if membership is None:
        return
    if membership.role.locked:
        yield LockedRole(
            _("The role %(role)s is locked and can't have overrides.") % {"role": membership.role.name},
            _("Give them another role first."),
        )
    elif not membership.role.grant(row.after.permission).grantable:
        label = catalogue.get(row.after.permission).label
        yield LockedRole(
            _("“%(label)s” can't be granted to the role %(role)s.") % {"label": label, "role": membership.role.name},
            _("Give the member a role that includes it."),
        )


def _never_grantable(context: ChangeContext, grant: RoleGrant) -> Iterator[Refusal]:
    based_on = grant.role.based_on
    published = None if based_on is None else context.scheme.roles[based_on.key].grants[grant.permission]
    if published is not None and not published.grantable and grant.scope:
        label = catalogue.get(grant.permission).label
        yield LockedRole(
            _("“%(label)s” can't be granted in %(based_on)s or in a copy of it.")
            % {"label": label, "based_on": based_on},
            _("Copy a role that includes it."),
        )


def ladder(case: EvaluationContext, row: RowChange) -> Iterator[Refusal]:
    """Roles only move up, if the role system says so."""
    if not case.context.scheme.up_only or row.after is None:
        return
    roles_before: list[RoleFacts] = []
    if row.model is Membership and row.before is not None:
        roles_before = [case.context.role(row.before.role_id)]
    elif row.model is Invitation and row.after.status == Invitation.Status.PENDING:
        # The earlier role of a removed member counts on their return.
        facts = case.before.get(case.person(row) or 0)
        places = case.invited_to(row.after)
        removed = facts.memberships if facts is not None else {}
        roles_before = [removed[place].role for place in places if place in removed and not removed[place].active]
    for before in roles_before:
        yield from _lower(case.context, before, case.context.role(row.after.role_id))


def _lower(context: ChangeContext, before: RoleFacts, after: RoleFacts) -> Iterator[Refusal]:
    if after.rank < before.rank:
        yield DemotionRefused(
            _("%(scheme)s only allows promotions, and %(after)s is below %(before)s.")
            % {"scheme": context.scheme.name, "after": after.name, "before": before.name},
            _("Remove the member with an offboarding plan, delete them from the removed members, and add them again."),
        )
