"""Operator sessions: up to an hour, with a reason, in which a superuser is a platform operator (section 3).

Without one a superuser has no extra access. The log records the start, the end and every record saved in it.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.access.models import OperatorSession
from apps.access.records import Record
from apps.access.verbs import OPERATOR_SESSION_ENDED, OPERATOR_SESSION_OPENED, OPERATOR_WROTE
from apps.accounts.models import User
from apps.audit.services import EntryValues, is_blank, operation

LONGEST = 60


class SessionRefused(Exception):
    """A session can't be opened or ended, for the reason in one sentence."""


@transaction.atomic
def open_session(user: User, *, reason: str, minutes: int = LONGEST, actor: User | None = None) -> OperatorSession:
    """Open a session from now on for some minutes, up to an hour; `actor` None is the operator at the command line.

    Raises:
        SessionRefused: the reason is blank, the duration is out of range, the user is no superuser or inactive, or has
            an open session. Nothing is written then.
    """
    if is_blank(reason):
        raise SessionRefused(_("Enter a reason for the session."))
    if not 1 <= minutes <= LONGEST:
        raise SessionRefused(
            _("A session lasts from 1 to %(longest)s minutes, not %(minutes)s.")
            % {"longest": LONGEST, "minutes": minutes}
        )
    operator = _locked(user)
    if not operator.is_superuser:
        raise SessionRefused(
            _("%(email)s is not a platform operator. Only a superuser can open a session.") % {"email": operator.email}
        )
    if not operator.is_active:
        raise SessionRefused(_("%(email)s is deactivated and can't open a session.") % {"email": operator.email})
    if (running := current_session(operator)) is not None:
        raise SessionRefused(
            _("%(email)s already has an open session until %(time)s UTC. End that one first.")
            % {"email": operator.email, "time": f"{running.expires_at:%H:%M}"}
        )
    now = timezone.now()
    with operation(verb=OPERATOR_SESSION_OPENED, actor=actor, reason=reason):
        return OperatorSession.objects.create(
            user=operator, reason=reason.strip(), opened_at=now, expires_at=now + timedelta(minutes=minutes)
        )


@transaction.atomic
def end_session(user: User, *, actor: User | None = None) -> OperatorSession:
    """End the user's open session early and return it; `actor` None is the operator at the command line.

    Raises:
        SessionRefused: none is open.
    """
    operator = _locked(user)
    session = current_session(operator)
    if session is None:
        raise SessionRefused(_("%(email)s has no open session.") % {"email": operator.email})
    session.ended_at = timezone.now()
    with operation(verb=OPERATOR_SESSION_ENDED, actor=actor, reason="Ended early by the operator"):
        OperatorSession.objects.open().filter(user=operator).update(ended_at=session.ended_at)
    return session


def current_session(user: User) -> OperatorSession | None:
    """Return the user's open session, or None; nothing is read for users other than superusers."""
    if not user.is_superuser:
        return None
    return OperatorSession.objects.open().filter(user=user).order_by("-expires_at").first()


def log_write(actor: User, record: Record, action: str) -> None:
    """Log in the account's log that an operator saved a record, by its reference; does nothing for other users.

    The session is the one bound to the actor's request, or else the open one. Its reason is logged.
    """
    session = actor.operator_session or current_session(actor)
    if session is None:
        return
    change = EntryValues(
        target_type=record.record_type,
        target_id=record.pk,
        target_text=record.reference,
        branch_id=record.branch_id,
        after={"action": action},
    )
    with operation(verb=OPERATOR_WROTE, actor=actor, reason=session.reason) as written:
        written.add(record.account_id, [change])


def _locked(user: User) -> User:
    """Return the user's current row, locked so that two sessions can't open at once."""
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)
