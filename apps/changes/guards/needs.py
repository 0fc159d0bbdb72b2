"""Guard right: the permissions that each table's rows need (access model, section 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from allauth.mfa.models import Authenticator
from django.db import models
from django.utils.translation import gettext

from apps.access import policy, shares
from apps.access.models import AccessRequest, OperatorSession, Override
from apps.accounts.models import Account, Branch, User
from apps.changes.context import ChangeContext
from apps.changes.diff import RowChange
from apps.changes.refusals import NoSuchTarget
from apps.roles import catalogue
from apps.roles.models import Role, RoleGrant
from apps.teams.models import Invitation, Membership, ParentMembership, Team, TeamMember, account_ids_of

Needs = Iterator[tuple[str, models.Model]]


class OperatorsOnly(Exception):
    """Only a platform operator can make the change; no permission gives it."""


def needs(context: ChangeContext, row: RowChange, actor_id: int | None) -> Needs:
    """Yield the permissions that a row needs, each with its target.

    Raises:
        OperatorsOnly: only a platform operator can make the change.
    """
    kind = next((kind for kind in NEEDS if issubclass(row.model, kind)), None)
    if kind is None:
        raise NoSuchTarget(gettext("You can't change %(rows)s.") % {"rows": row.model._meta.verbose_name_plural})
    yield from NEEDS[kind](context, row, actor_id)


def _of_membership(context: ChangeContext, row: RowChange, _: int | None) -> Needs:
    branch = context.branch(row.either.branch_id)
    if row.before is None:
        yield "add_to_branches", context.account
    elif row.after is None or row.before.status != row.after.status:
        yield "remove_members", branch
    else:
        yield "change_roles", branch


def _of_parent_role(context: ChangeContext, row: RowChange, _: int | None) -> Needs:
    verb = "grant" if row.before is None else "revoke" if row.after is None else "change"
    administers = catalogue.get("administer_parent_roles").codename
    mandate = context.acting()
    held = policy.decide(mandate, catalogue.get(administers), context.account)
    yield (administers if held else f"{verb}_parent_roles"), context.account


def _of_override(context: ChangeContext, row: RowChange, _: int | None) -> Needs:
    yield "manage_member_permissions", context.branch(row.either.branch_id)


def _of_share(context: ChangeContext, row: RowChange, _: int | None) -> Needs:
    verb = "grant" if row.before is None else "revoke" if row.after is None else "change"
    yield f"{verb}_record_access", row.either.content_object


def _of_team(context: ChangeContext, row: RowChange, _: int | None) -> Needs:
    yield "manage_teams", context.branch(row.either.branch_id)


def _of_place_in_team(context: ChangeContext, row: RowChange, _: int | None) -> Needs:
    yield "manage_teams", context.branch(row.either.team.branch_id)


def _of_invitation(context: ChangeContext, row: RowChange, _: int | None) -> Needs:
    invitation = row.either
    branches = [invitation.branch_id] if invitation.branch_id else sorted(context.facts.open_branches)
    for branch_id in branches:
        yield "invite_members", context.branch(branch_id)


def _of_role(context: ChangeContext, row: RowChange, _: int | None) -> Needs:
    yield "manage_roles", context.account


def _of_branch(context: ChangeContext, row: RowChange, _: int | None) -> Needs:
    if "seats" in row.changed:
        raise OperatorsOnly(gettext("Only a platform operator can change this."))
    if row.before is None:
        yield "add_branch", context.account
    elif row.after is None or row.before.status != row.after.status:
        yield "delete_branch", context.branch(row.before.pk)
    else:
        yield "change_branch", context.branch(row.before.pk)


def _of_account(context: ChangeContext, row: RowChange, _: int | None) -> Needs:
    changed = row.changed.keys()
    if changed & {"features", "seats", "log_days", "read_only"} or (
        row.before is not None and row.before.status == Account.Status.CLOSED
    ):
        raise OperatorsOnly(gettext("Only a platform operator can change this."))
    if "status" in changed:
        yield "delete_account", context.account
    if changed - {"status", "closes_at"}:
        yield "change_account", context.account


def _of_user(context: ChangeContext, row: RowChange, actor_id: int | None) -> Needs:
    if row.changed.keys() - {"name", "time_zone"}:
        raise OperatorsOnly(gettext("Only a platform operator can change this."))
    if row.either.pk == actor_id:
        return
    if set(account_ids_of(row.either.pk)) - {context.account.pk}:
        raise OperatorsOnly(gettext("Only the member can change this name: they belong to another account, too."))
    yield _where_they_are(context, row.either.pk, "change_members")


def _of_second_factor(context: ChangeContext, row: RowChange, actor_id: int | None) -> Needs:
    if set(account_ids_of(row.either.user_id)) - {context.account.pk}:
        raise OperatorsOnly(
            gettext(
                "Only a platform operator can reset two-factor authentication for a member who belongs to "
                "another account, too."
            )
        )
    yield _where_they_are(context, row.either.user_id, "reset_mfa")


def _where_they_are(context: ChangeContext, user_id: int, codename: str) -> tuple[str, models.Model]:
    """Return the permission with a branch of the user where the actor has it, or else another branch of the user."""
    held = context.people([user_id])[user_id].memberships.values()
    everywhere = context.facts.open_branches
    places = everywhere & {member.branch_id for member in held if member.active} or everywhere
    if not places:
        raise OperatorsOnly(gettext("This account has no open branch."))
    asked = catalogue.get(codename)
    able = {place for place in places if policy.decide(context.acting(), asked, context.branch(place))}
    return asked.codename, context.branch(min(able or places))


def _of_request(context: ChangeContext, row: RowChange, actor_id: int | None) -> Needs:
    request = row.either
    decided = ("approved", "declined")
    if any(side is not None and side.status in decided for side in (row.before, row.after)):
        record = request.find_record() if shared_verb(request) else None
        if record is None:
            yield "manage_member_permissions", context.branch(request.branch_id)
        else:
            yield "grant_record_access", record
    elif request.user_id != actor_id:
        raise OperatorsOnly(gettext("Only the requester can make or withdraw a request."))


def _of_operator_session(context: ChangeContext, row: RowChange, _: int | None) -> Needs:
    raise OperatorsOnly(gettext("Only a platform operator can have operator sessions."))


NEEDS: Mapping[type, Callable[[ChangeContext, RowChange, int | None], Needs]] = {
    Membership: _of_membership,
    ParentMembership: _of_parent_role,
    Override: _of_override,
    shares.UserShare: _of_share,
    shares.TeamShare: _of_share,
    Team: _of_team,
    TeamMember: _of_place_in_team,
    Invitation: _of_invitation,
    Role: _of_role,
    RoleGrant: _of_role,
    Branch: _of_branch,
    Account: _of_account,
    User: _of_user,
    Authenticator: _of_second_factor,
    AccessRequest: _of_request,
    OperatorSession: _of_operator_session,
}


def shared_verb(request: AccessRequest) -> str | None:
    """Return the verb of the share that a record request asks for; None if it asks for an override."""
    if request.record_id is None:
        return None
    verb, _, record_type = request.permission.partition("_")
    shareable = verb in catalogue.record_type(request.record_type).share_verbs
    return verb if shareable and record_type == request.record_type else None
