"""Transfer the role that has a single holder. There is no other way to move it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.access import verbs
from apps.changes.base import Change, rows
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, updated
from apps.changes.guards.judging import GuardTerms
from apps.changes.members import branch_role
from apps.changes.refusals import Guard, NoSuchTarget, OwnAccess
from apps.roles.models import Role
from apps.roles.schemes import RoleDefinition
from apps.teams.models import Membership


@dataclass(frozen=True, kw_only=True)
class TransferOwnership(Change):
    """Transfer the single role to another member of its holder's branch, in one operation. Needs `transfer_account`.

    The previous holder gets the role `previous_role_id` there, or the highest that is not single. They may transfer it
    themselves, and in an up-only role system their role may go down for it.
    """

    verb = verbs.OWNERSHIP_TRANSFERRED
    terms = GuardTerms(needs=("transfer_account",), lifts=frozenset({Guard.SINGLE, Guard.LADDER, Guard.ONESELF}))

    to_user_id: int
    previous_role_id: int | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan both memberships, each with its new role."""
        single = self._single(context)
        active = Membership.objects.active().filter(account=context.account)
        holder = active.filter(role__key=single.key, role__scheme=context.scheme.key, role__account_id=None).first()
        if holder is None:
            raise NoSuchTarget(_("%(account)s has no %(role)s.") % {"role": single.name, "account": context.account})
        if holder.user_id == self.to_user_id:
            raise NoSuchTarget(
                _("%(name)s is already %(role)s.") % {"name": context.name(self.to_user_id), "role": single.name}
            )
        heir = active.filter(branch=holder.branch_id, user=self.to_user_id).first()
        if heir is None:
            raise NoSuchTarget(
                _("That member doesn't exist in %(branch)s.") % {"branch": context.branch(holder.branch_id)},
                _("Invite them first."),
            )
        becomes = self._becomes(context)
        if context.actor is not None and heir.user_id == context.actor.pk:
            raise OwnAccess(
                _("You can't transfer ownership to yourself."),
                _("Ask the %(role)s to transfer it to you.") % {"role": single.name},
            )
        return rows(updated(holder, role_id=becomes), updated(heir, role_id=holder.role_id))

    @classmethod
    def check_undo(cls, context: ChangeContext, diff: Diff) -> None:
        """Only the current holder can give the role back; the previous holder can't take it back."""
        for row in diff.rows:
            if context.actor is not None and row.after.user_id == context.actor.pk:
                role = context.role(row.after.role_id)
                if role.key in context.scheme.roles and context.scheme.roles[role.key].single:
                    raise OwnAccess(
                        _("You can't transfer ownership to yourself."),
                        _("Ask the %(role)s to transfer it to you.") % {"role": role.name},
                    )

    def _single(self, context: ChangeContext) -> RoleDefinition:
        found = context.scheme.single_role
        if found is None:
            raise NoSuchTarget(
                _("%(scheme)s has no role with a single holder.") % {"scheme": context.scheme.name},
                _("Change roles instead."),
            )
        return found

    def _becomes(self, context: ChangeContext) -> int:
        """Return the id of the previous holder's new role."""
        if self.previous_role_id is not None:
            role_id = branch_role(context, self.previous_role_id)
            if Role.objects.get(pk=role_id).single:
                raise NoSuchTarget(
                    _("Two members would have a role that only one can have."),
                    _("Choose another role for the current holder."),
                )
            return role_id
        others = Role.objects.published(context.scheme.key).filter(kind=Role.Kind.BRANCH, single=False)
        return others.order_by("-rank").values_list("pk", flat=True)[0]
