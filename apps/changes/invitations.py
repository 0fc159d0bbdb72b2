"""Invitations: somebody is asked to join, by an address, and becomes a member when they accept.

An invitation is judged as if it were accepted at once, by the rights of the one who sends it; and again when it is
accepted, by what these rights are then.
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
    """A token that nobody can guess: 32 random bytes, for an address of a page."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode()).hexdigest()


def inviting_account(token: str) -> int | None:
    """The id of the account that a token leads to; None where it leads nowhere. Whoever has it may know that much."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT teams_inviting_account(%s)", [digest_of(token)])
        (account_id,) = cursor.fetchone()
    return None if account_id is None else int(account_id)


def address_of(token: str) -> str:
    """The path of the page on which an invitation is accepted."""
    return f"/invitations/{token}/"


def proof_of(token: str) -> str:
    """What the mail's link carries beside the token, and a link that is passed on by hand does not.

    Whoever has it reads what comes to the address, so that the address counts as theirs.
    """
    return salted_hmac("apps.access.invitation", token, algorithm="sha256").hexdigest()


def is_proof(token: str, proof: str) -> bool:
    """Whether this is the proof that went out with the token."""
    return constant_time_compare(proof, proof_of(token))


def find_invitation(account_id: int, token: str) -> Invitation | None:
    """The invitation of that token, with what a page says of it; None where there is none in the account."""
    found = Invitation.objects.select_related("account", "branch", "role", "invited_by")
    return found.filter(account=account_id, token_digest=digest_of(token)).first()


def why_ended(invitation: Invitation, now: datetime) -> NoSuchTarget | None:
    """Why an invitation is accepted by nobody any more; None where it can be."""
    if invitation.status == Invitation.Status.ACCEPTED:
        return NoSuchTarget(_("This invitation was already accepted."), _("Sign in."))
    if invitation.status == Invitation.Status.CANCELLED:
        return NoSuchTarget(_("This invitation was cancelled."), _("Ask for a new invitation."))
    if now >= invitation.expires_at:
        ended = written(invitation.expires_at, DateTimeForm.LONG_DAY)
        return NoSuchTarget(_("This invitation expired on %(day)s.") % {"day": ended}, _("Ask for a new invitation."))
    return None


def send_by_mail(invitation: Invitation, token: str) -> None:
    """Send the invitation of that token to its address, with its link and the proof."""
    told = {
        "invitation": invitation,
        "by": invitation.invited_by or _("The platform operators"),
        "address": mail.link(f"{address_of(token)}?proof={proof_of(token)}"),
    }
    # Of whoever comes newly, no zone is known but the account's.
    with as_read_by(None, invitation.account):
        mail.send("invitation", invitation.email, told)


def _send_what_was_written(ground: ChangeContext, token: str) -> None:
    invitation = find_invitation(ground.account.pk, token)
    assert invitation is not None, "it has just been written"
    invitation.account = ground.account
    send_by_mail(invitation, token)


def pending_invitation(ground: ChangeContext, invitation_id: int) -> Invitation:
    """The pending invitation of that id in the account.

    Raises:
        NoSuchTarget: there is none, or it has ended otherwise than by its time.
    """
    invitation = ground.find(Invitation, invitation_id, _("invitation"))
    if invitation.status == Invitation.Status.ACCEPTED:
        raise NoSuchTarget(_("This invitation was already accepted."), _("Remove the member instead."))
    if invitation.status != PENDING:
        raise NoSuchTarget(_("This invitation was cancelled."), _("Send a new invitation."))
    return invitation


def invited_to(ground: ChangeContext, branch_id: int | None) -> list[int]:
    """The open branches that an invitation is to; without a branch, all of them.

    Raises:
        NoSuchTarget: the branch is closed, or there is none.
    """
    return sorted(ground.facts.open_branches) if branch_id is None else [open_branch(ground, branch_id).pk]


def sender(ground: ChangeContext) -> int | None:
    """Who an invitation is from; None where the platform's operators send it, whose session ends before it does."""
    return None if ground.actor is None or ground.acting().facts.operator else ground.actor.pk


@dataclass(frozen=True, kw_only=True)
class Invite(Change):
    """Ask somebody to join as something, on one branch or (without one) on all. Needs `invite_members` on each.

    `token` is what the address of the invitation's page is made of. It is given here, once, and only its digest is
    kept; a change that is tried again keeps it.
    """

    verb = verbs.INVITATION_SENT

    email: str
    role_id: int
    branch_id: int | None = None
    token: str = field(default_factory=new_token, repr=False)

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """One invitation; one to the same place that has ended by its time is cancelled."""
        email = checked(validate_email, User.objects.normalize_email(self.email), _("email address"))
        branch_ids = invited_to(ground, self.branch_id)
        role_id = branch_role(ground, self.role_id)
        active = Membership.objects.filter(
            account=ground.account, branch__in=branch_ids, user__email=email, status=Membership.Status.ACTIVE
        )
        if active.count() == len(branch_ids):
            raise NoSuchTarget(
                _("%(email)s is already a member there.") % {"email": email}, _("Change their role instead.")
            )
        invitation = Invitation(
            account=ground.account,
            branch_id=self.branch_id,
            role_id=role_id,
            email=email,
            token_digest=digest_of(self.token),
            invited_by_id=sender(ground),
            created_at=ground.now,
            sent_at=ground.now,
            expires_at=ground.now + VALID_FOR,
        )
        standing = Invitation.objects.filter(
            account=ground.account, branch=self.branch_id, email=email, status=PENDING
        ).first()
        if standing is None:
            return rows(inserted(invitation))
        if ground.now < standing.expires_at:
            raise NoSuchTarget(
                _("%(email)s has already been invited there.") % {"email": email},
                _("Resend that invitation, or cancel it."),
            )
        ended = updated(standing, status=Invitation.Status.CANCELLED, ended_at=ground.now)
        return rows(ended, inserted(invitation))

    def follow_up(self, ground: ChangeContext) -> None:
        """Send it."""
        _send_what_was_written(ground, self.token)


@dataclass(frozen=True, kw_only=True)
class ResendInvitation(Change):
    """Send an invitation again, valid anew, with another token; the old one leads nowhere.

    It is from the one who sends it again, and judged so. Needs `invite_members` on each of its branches.
    """

    verb = verbs.INVITATION_RESENT
    final = gettext_lazy(
        "Resending an invitation can't be undone: the earlier link no longer works. Cancel the invitation instead."
    )

    invitation_id: int
    token: str = field(default_factory=new_token, repr=False)

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The invitation with its new token and time."""
        invitation = pending_invitation(ground, self.invitation_id)
        invited_to(ground, invitation.branch_id)
        return rows(
            updated(
                invitation,
                token_digest=digest_of(self.token),
                invited_by_id=sender(ground),
                sent_at=ground.now,
                expires_at=ground.now + VALID_FOR,
            )
        )

    def follow_up(self, ground: ChangeContext) -> None:
        """Send it."""
        _send_what_was_written(ground, self.token)


@dataclass(frozen=True, kw_only=True)
class CancelInvitation(Change):
    """Take an invitation back. Needs `invite_members` on each of its branches."""

    verb = verbs.INVITATION_CANCELLED

    invitation_id: int

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The invitation cancelled."""
        invitation = pending_invitation(ground, self.invitation_id)
        return rows(updated(invitation, status=Invitation.Status.CANCELLED, ended_at=ground.now))


class InviterLostRight(Refusal):
    """Guard right: whoever sent the invitation has no right to it any more."""

    guard = Guard.RIGHT


# What an invitation lapses by, when it is more than its sender may give by now.
LAPSES: dict[Guard, type[Refusal]] = {
    Guard.RIGHT: InviterLostRight,
    Guard.SHIELD: Shielded,
    Guard.ABOVE: TargetOutranksActor,
    Guard.ESCALATION: Escalation,
}


@dataclass(frozen=True, kw_only=True)
class AcceptInvitation(Change):
    """Become what one was invited to be. The actor is the invited; what counts are the sender's rights by now.

    Active memberships stay what they are, removed ones come back with the role of the invitation.
    """

    verb = verbs.INVITATION_ACCEPTED
    terms = GuardTerms(needs=("invite_members",))
    undo_terms = GuardTerms()

    token: str = field(repr=False)

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The invitation accepted, and the memberships."""
        invitation, user = self._invitation(ground), ground.actor
        assert invitation.role_id is not None, "a pending invitation has a role"
        assert user is not None, "somebody accepts it"
        places = invited_to(ground, invitation.branch_id)
        accepted = updated(invitation, status=Invitation.Status.ACCEPTED, ended_at=ground.now, user_id=user.pk)
        return rows(accepted, *joined(ground, user.pk, branch_role(ground, invitation.role_id), places))

    def judged(self, ground: ChangeContext) -> User:
        """The sender; where it was the platform's operators, the operator at the console."""
        return self._invitation(ground).invited_by or User(pk=CONSOLE_ID)

    def _checked(self, ground: ChangeContext) -> RowPlan:
        """In words for the invited, who are told nothing of what the sender may."""
        invitation = self._invitation(ground)
        if invitation.invited_by_id is not None:
            held = ground.actors[invitation.invited_by_id]
            if not (held.operator or held.parent or held.memberships):
                raise self._lapsed(ground, invitation, InviterLostRight)
        try:
            return super()._checked(ground)
        except Refusal as refusal:
            if refusal.guard not in LAPSES:
                raise
            raise self._lapsed(ground, invitation, LAPSES[refusal.guard]) from refusal

    def _lapsed(self, ground: ChangeContext, invitation: Invitation, kind: type[Refusal]) -> Refusal:
        name = ground.name(invitation.invited_by_id or 0)
        return kind(
            _("%(name)s can no longer make you %(role)s in %(account)s.")
            % {"name": name, "role": invitation.role, "account": ground.account},
            _("Ask for a new invitation."),
        )

    def _invitation(self, ground: ChangeContext) -> Invitation:
        """The invitation, where the actor can accept it now.

        Raises:
            NoSuchTarget: there is none, it has ended, or it is for another address.
            NotPresent: the actor has been deactivated, or the account is closed.
        """
        invitation = find_invitation(ground.account.pk, self.token)
        if invitation is None or ground.actor is None:
            raise NoSuchTarget(_("That invitation doesn't exist."), _("Ask for a new invitation."))
        if not User.objects.filter(pk=ground.actor.pk, email=invitation.email).exists():
            raise NoSuchTarget(
                _("This invitation was sent to a different email address."), _("Sign in with that email address.")
            )
        if (ended := why_ended(invitation, ground.now)) is not None:
            raise ended
        if not ground.acting().facts.active:
            raise ActorInactive(_("Your user is deactivated."), _("Contact the platform operators."))
        if ground.account.status == Account.Status.CLOSED:
            raise ActorInactive(
                _("%(account)s is closed.") % {"account": ground.account},
                _("Ask the platform operators to reopen it."),
            )
        return invitation
