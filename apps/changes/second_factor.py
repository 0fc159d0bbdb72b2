"""Reset a member's two-factor authentication so that they can set it up again, for example after a lost phone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access import verbs
from apps.accounts import mail
from apps.accounts.models import User
from apps.accounts.sessions import shut_out
from apps.audit.services import EntryValues as Entry
from apps.audit.services import OperationInProgress
from apps.changes.base import Change
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, deleted
from apps.changes.refusals import NoSuchTarget
from apps.teams.models import Membership, ParentMembership


@dataclass(frozen=True, kw_only=True)
class ResetMfa(Change):
    """Delete a member's authenticator app, passkeys and recovery codes. Needs `reset_mfa` where they are a member.

    They are signed out everywhere and get an email. It affects their sign-in everywhere, so it is checked on all of
    their branches. You can't reset your own, or that of a member who belongs to another account, too.
    """

    verb = verbs.MFA_RESET
    final = gettext_lazy("A reset of two-factor authentication can't be undone. The member sets it up again.")

    user_id: int

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the deletion of all their factors; without any, a placeholder row is checked all the same."""
        places = Membership.objects.active().filter(account=context.account, user=self.user_id)
        held = ParentMembership.objects.filter(account=context.account, user=self.user_id)
        if not places.exists() and not held.exists():
            raise NoSuchTarget(_("That member doesn't exist in %(account)s.") % {"account": context.account})
        found = list(Authenticator.objects.select_for_update().filter(user=self.user_id).order_by("pk"))
        return [Diff([deleted(row) for row in found or [Authenticator(user_id=self.user_id)]])]

    def log(self, context: ChangeContext, written: OperationInProgress) -> None:
        """Log that there was a second factor and is none; its secrets are never logged."""
        places = Membership.objects.active().filter(account=context.account, user=self.user_id)
        branches = list(places.values_list("branch", flat=True)[:2])
        gone = Entry(
            target_type="accounts.second_factor",
            target_id=self.user_id,
            target_text=context.name(self.user_id),
            branch_id=branches[0] if len(branches) == 1 else None,
            user_id=self.user_id,
            before={"second_factor": True},
            after={"second_factor": False},
        )
        written.add(self.account_id, [gone])

    def follow_up(self, context: ChangeContext) -> None:
        """Sign them out everywhere and email them."""
        user = User.objects.get(pk=self.user_id)
        shut_out(user)
        told = {
            "user": user,
            "account": context.account,
            "by": context.actor or _("the platform operators"),
            "reason": context.reason,
            "sign_in": mail.link(reverse("account_login")),
        }
        mail.send("mfa_reset", user.email, told)

    def notes(self, context: ChangeContext) -> Iterable[str]:
        """Say what else happens."""
        yield _("%(name)s is signed out everywhere and gets an email with your name and reason.") % {
            "name": context.name(self.user_id)
        }
