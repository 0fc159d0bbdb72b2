"""Invitations: a person is invited by email address and becomes a member when they accept.

An invitation is checked as if it were accepted at once, with the sender's permissions, and again on acceptance with the
sender's permissions at that time.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from django.core.validators import validate_email
from django.db import connection
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access import verbs
from apps.accounts import mail
from apps.accounts.datetime_formats import DateTimeForm, written
from apps.accounts.models import Account, User
from apps.accounts.preferences import as_read_by
from apps.changes.base import Change, RowPlan, rows
from apps.changes.context import CONSOLE_ID, ChangeContext
from apps.changes.diff import Diff, inserted, updated
from apps.changes.guards.judging import GuardTerms
from apps.changes.members import branch_role, joined
from apps.changes.refusals import ActorInactive, Escalation, Guard, NoSuchTarget, Refusal, Shielded, TargetOutranksActor
from apps.changes.teams import open_branch
from apps.changes.values import checked
from apps.teams.models import Invitation, Membership

VALID_FOR = timedelta(days=7)
PENDING = Invitation.Status.PENDING


def new_token() -> str:
    """Return a token that can't be guessed: 32 random bytes, for the URL of a page."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """Return the digest that is stored instead of the token."""
    return sha256(token.encode()).hexdigest()


def inviting_account(token: str) -> int | None:
    """Return the id of the token's account; None if the token is invalid. Knowing a token entitles to that much."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT teams_inviting_account(%s)", [digest_of(token)])
        (account_id,) = cursor.fetchone()
    return None if account_id is None else int(account_id)


def address_of(token: str) -> str:
    """Return the path of the page on which an invitation is accepted."""
    return f"/invitations/{token}/"


def proof_of(token: str) -> str:
    """Return the proof that only the emailed link has, in addition to the token.

    Its presence proves access to the mailbox, so the email address counts as verified.
    """
    return salted_hmac("apps.access.invitation", token, algorithm="sha256").hexdigest()


def is_proof(token: str, proof: str) -> bool:
    """Return whether this is the proof that was sent with the token."""
    return constant_time_compare(proof, proof_of(token))


def find_invitation(account_id: int, token: str) -> Invitation | None:
    """Return the invitation of that token with what its page shows; None if the account has none."""
    found = Invitation.objects.select_related("account", "branch", "role", "invited_by")
    return found.filter(account=account_id, token_digest=digest_of(token)).first()


def why_ended(invitation: Invitation, now: datetime) -> NoSuchTarget | None:
    """Return why the invitation can't be accepted any more; None if it can."""
    if invitation.status == Invitation.Status.ACCEPTED:
        return NoSuchTarget(_("This invitation was already accepted."), _("Sign in."))
    if invitation.status == Invitation.Status.CANCELLED:
        return NoSuchTarget(_("This invitation was cancelled."), _("Ask for a new invitation."))
    if now >= invitation.expires_at:
        ended = written(invitation.expires_at, DateTimeForm.LONG_DAY)
        return NoSuchTarget(_("This invitation expired on %(day)s.") % {"day": ended}, _("Ask for a new invitation."))
    return None


def send_by_mail(invitation: Invitation, token: str) -> None:
    """Email the invitation with its link and proof."""
    told = {
        "invitation": invitation,
        "by": invitation.invited_by or _("The platform operators"),
        "address": mail.link(f"{address_of(token)}?proof={proof_of(token)}"),
    }
    # The time zone of new people is unknown: use the account's.
    with as_read_by(None, invitation.account):
        mail.send("invitation", invitation.email, told)


def _send_what_was_written(context: ChangeContext, token: str) -> None:
    invitation = find_invitation(context.account.pk, token)
    assert invitation is not None, "it has just been written"
    invitation.account = context.account
    send_by_mail(invitation, token)


def pending_invitation(context: ChangeContext, invitation_id: int) -> Invitation:
    """Return the pending invitation with that id in the account.

    Raises:
        NoSuchTarget: there is none, or it was accepted or cancelled.
    """
    invitation = context.find(Invitation, invitation_id, _("invitation"))
    if invitation.status == Invitation.Status.ACCEPTED:
        raise NoSuchTarget(_("This invitation was already accepted."), _("Remove the member instead."))
    if invitation.status != PENDING:
        raise NoSuchTarget(_("This invitation was cancelled."), _("Send a new invitation."))
    return invitation


def invited_to(context: ChangeContext, branch_id: int | None) -> list[int]:
    """Return the open branches of an invitation; all of them without a branch.

    Raises:
        NoSuchTarget: the branch is closed or doesn't exist.
    """
    return sorted(context.facts.open_branches) if branch_id is None else [open_branch(context, branch_id).pk]


def sender(context: ChangeContext) -> int | None:
    """Return the sender; None for platform operators, whose session ends before the invitation does."""
    return None if context.actor is None or context.acting().facts.operator else context.actor.pk


@dataclass(frozen=True, kw_only=True)
class Invite(Change):
    """Invite a person with a role, to one branch or (without one) to all. Needs `invite_members` on each.

    `token` is the secret of the invitation's URL. Only its digest is stored. A retried change keeps its token.
    """

    verb = verbs.INVITATION_SENT

    email: str
    role_id: int
    branch_id: int | None = None
    token: str = field(default_factory=new_token, repr=False)

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan one invitation; an expired one to the same place is cancelled."""
        email = checked(validate_email, User.objects.normalize_email(self.email), _("email address"))
        branch_ids = invited_to(context, self.branch_id)
        role_id = branch_role(context, self.role_id)
        active = Membership.objects.filter(
            account=context.account, branch__in=branch_ids, user__email=email, status=Membership.Status.ACTIVE
        )
        if active.count() == len(branch_ids):
            raise NoSuchTarget(
                _("%(email)s is already a member there.") % {"email": email}, _("Change their role instead.")
            )
        invitation = Invitation(
            account=context.account,
            branch_id=self.branch_id,
            role_id=role_id,
            email=email,
            token_digest=digest_of(self.token),
            invited_by_id=sender(context),
            created_at=context.now,
            sent_at=context.now,
            expires_at=context.now + VALID_FOR,
        )
        standing = Invitation.objects.filter(
            account=context.account, branch=self.branch_id, email=email, status=PENDING
        ).first()
        if standing is None:
            return rows(inserted(invitation))
        if context.now < standing.expires_at:
            raise NoSuchTarget(
                _("%(email)s has already been invited there.") % {"email": email},
                _("Resend that invitation, or cancel it."),
            )
        ended = updated(standing, status=Invitation.Status.CANCELLED, ended_at=context.now)
        return rows(ended, inserted(invitation))

    def follow_up(self, context: ChangeContext) -> None:
        """Email the invitation."""
        _send_what_was_written(context, self.token)


@dataclass(frozen=True, kw_only=True)
class ResendInvitation(Change):
    """Resend an invitation with a new token and a new end; the earlier link no longer works.

    The new sender's permissions count from then on. Needs `invite_members` on each of its branches.
    """

    verb = verbs.INVITATION_RESENT
    final = gettext_lazy(
        "Resending an invitation can't be undone: the earlier link no longer works. Cancel the invitation instead."
    )

    invitation_id: int
    token: str = field(default_factory=new_token, repr=False)

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the invitation with its new token and end."""
        invitation = pending_invitation(context, self.invitation_id)
        invited_to(context, invitation.branch_id)
        return rows(
            updated(
                invitation,
                token_digest=digest_of(self.token),
                invited_by_id=sender(context),
                sent_at=context.now,
                expires_at=context.now + VALID_FOR,
            )
        )

    def follow_up(self, context: ChangeContext) -> None:
        """Email the invitation."""
        _send_what_was_written(context, self.token)


@dataclass(frozen=True, kw_only=True)
class CancelInvitation(Change):
    """Cancel an invitation. Needs `invite_members` on each of its branches."""

    verb = verbs.INVITATION_CANCELLED

    invitation_id: int

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the invitation as cancelled."""
        invitation = pending_invitation(context, self.invitation_id)
        return rows(updated(invitation, status=Invitation.Status.CANCELLED, ended_at=context.now))


class InviterLostRight(Refusal):
    """Guard right: the sender of the invitation no longer has the permission."""

    guard = Guard.RIGHT


# Guards that end an invitation if its sender may no longer grant it.
LAPSES: dict[Guard, type[Refusal]] = {
    Guard.RIGHT: InviterLostRight,
    Guard.SHIELD: Shielded,
    Guard.ABOVE: TargetOutranksActor,
    Guard.ESCALATION: Escalation,
}


@dataclass(frozen=True, kw_only=True)
class AcceptInvitation(Change):
    """Accept an invitation. The actor is the invited person; the sender's current permissions count.

    Active memberships stay as they are. Removed ones are restored with the role of the invitation.
    """

    verb = verbs.INVITATION_ACCEPTED
    terms = GuardTerms(needs=("invite_members",))
    undo_terms = GuardTerms()

    token: str = field(repr=False)

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the invitation as accepted, and the memberships."""
        invitation, user = self._invitation(context), context.actor
        assert invitation.role_id is not None, "a pending invitation has a role"
        assert user is not None, "somebody accepts it"
        places = invited_to(context, invitation.branch_id)
        accepted = updated(invitation, status=Invitation.Status.ACCEPTED, ended_at=context.now, user_id=user.pk)
        return rows(accepted, *joined(context, user.pk, branch_role(context, invitation.role_id), places))

    def judged(self, context: ChangeContext) -> User:
        """Return the sender; None for platform operators."""
        return self._invitation(context).invited_by or User(pk=CONSOLE_ID)

    def _checked(self, context: ChangeContext) -> RowPlan:
        """Word a refusal for the invited person without details of the sender's permissions."""
        invitation = self._invitation(context)
        if invitation.invited_by_id is not None:
            held = context.actors[invitation.invited_by_id]
            if not (held.operator or held.parent or held.memberships):
                raise self._lapsed(context, invitation, InviterLostRight)
        try:
            return super()._checked(context)
        except Refusal as refusal:
            if refusal.guard not in LAPSES:
                raise
            raise self._lapsed(context, invitation, LAPSES[refusal.guard]) from refusal

    def _lapsed(self, context: ChangeContext, invitation: Invitation, kind: type[Refusal]) -> Refusal:
        name = context.name(invitation.invited_by_id or 0)
        return kind(
            _("%(name)s can no longer make you %(role)s in %(account)s.")
            % {"name": name, "role": invitation.role, "account": context.account},
            _("Ask for a new invitation."),
        )

    def _invitation(self, context: ChangeContext) -> Invitation:
        """Return the invitation, if the actor can accept it now.

        Raises:
            NoSuchTarget: it doesn't exist, has ended, or was sent to a different email address.
            ActorInactive: the actor is deactivated, or the account is closed.
        """
        invitation = find_invitation(context.account.pk, self.token)
        if invitation is None or context.actor is None:
            raise NoSuchTarget(_("That invitation doesn't exist."), _("Ask for a new invitation."))
        if not User.objects.filter(pk=context.actor.pk, email=invitation.email).exists():
            raise NoSuchTarget(
                _("This invitation was sent to a different email address."), _("Sign in with that email address.")
            )
        if (ended := why_ended(invitation, context.now)) is not None:
            raise ended
        if not context.acting().facts.active:
            raise ActorInactive(_("Your user is deactivated."), _("Contact the platform operators."))
        if context.account.status == Account.Status.CLOSED:
            raise ActorInactive(
                _("%(account)s is closed.") % {"account": context.account},
                _("Ask the platform operators to reopen it."),
            )
        return invitation
