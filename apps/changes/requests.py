"""Access requests: a member asks for a permission; a person who can grant it approves or declines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access import policy, verbs
from apps.access.models import AccessRequest
from apps.audit.services import OperationInProgress
from apps.changes import request_emails
from apps.changes.base import Change, rows
from apps.changes.context import ChangeContext
from apps.changes.diff import Diff, RowChange, updated
from apps.changes.diff import inserted as new
from apps.changes.guards.needs import shared_verb
from apps.changes.overrides import SetOverride, checked_scope
from apps.changes.refusals import NoSuchRecord, NoSuchTarget
from apps.changes.sharing import GrantShare
from apps.roles import catalogue
from apps.roles.scopes import Scope
from apps.teams.models import Membership

Status = AccessRequest.Status
DECIDED = {
    Status.APPROVED: gettext_lazy("The request was already approved."),
    Status.DECLINED: gettext_lazy("The request was already declined."),
    Status.WITHDRAWN: gettext_lazy("The request was already withdrawn."),
}


def open_request(context: ChangeContext, request_id: int) -> AccessRequest:
    """Return a pending request.

    Raises:
        NoSuchTarget: the account has none with that id, or it was decided.
    """
    request = context.find(AccessRequest, request_id, _("request"))
    if request.status != Status.OPEN:
        raise NoSuchTarget(str(DECIDED[Status(request.status)]))
    return request


@dataclass(frozen=True, kw_only=True)
class RequestAccess(Change):
    """Request a permission on a branch or on one record. The reason is the request's message.

    The requester must be an active member of the branch, and their role must allow the permission.
    """

    verb = verbs.REQUEST_MADE

    branch_id: int
    permission: str
    scope: Scope = Scope.ALL
    record_type: str = ""
    record_id: int | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan one request."""
        if context.actor is None:
            raise NoSuchTarget(_("A request needs a requester."), _("Name the requester."))
        member = Membership.objects.active().filter(branch=self.branch_id, user=context.actor, account=context.account)
        if not member.exists():
            raise NoSuchTarget(_("You are not an active member there."))
        codename = checked_scope(self.permission, self.scope)
        asked = {
            "user_id": context.actor.pk,
            "branch_id": self.branch_id,
            "permission": codename,
            "record_type": self.record_type,
            "record_id": self.record_id,
        }
        if self.record_id is not None:
            self._check_record(context, codename)
        if self._standing(context).exists():
            raise NoSuchTarget(
                _("You have already requested this."), _("Wait for the decision, or withdraw the request.")
            )
        request = AccessRequest(
            account=context.account, scope=self.scope, message=context.reason, created_at=context.now, **asked
        )
        return rows(new(request))

    def log(self, context: ChangeContext, written: OperationInProgress) -> None:
        """Email the people who can decide it."""
        request_emails.request_made.defer(account_id=context.account.pk, request_id=self._standing(context).get().pk)

    def _standing(self, context: ChangeContext) -> QuerySet[AccessRequest]:
        """Return the pending request for exactly this."""
        return AccessRequest.objects.filter(
            account=context.account,
            status=Status.OPEN,
            user=context.actor,
            branch=self.branch_id,
            permission=catalogue.get(self.permission).codename,
            record_type=self.record_type,
            record_id=self.record_id,
        )

    def _check_record(self, context: ChangeContext, codename: str) -> None:
        """Refuse a record that the requester can't see: a request would reveal that it exists."""
        request = AccessRequest(account=context.account, record_type=self.record_type, record_id=self.record_id)
        record = request.find_record()
        view = catalogue.get(f"view_{self.record_type}")
        if record is None or not policy.decide(context.acting(), view, record) or record.branch_id != self.branch_id:
            raise NoSuchRecord
        policy.asked_of(codename, record)


@dataclass(frozen=True, kw_only=True)
class ApproveRequest(Change):
    """Approve a request: set an override, optionally with an end, or share the record.

    Needs the same permissions as granting it directly. You can't approve your own request.
    """

    verb = verbs.REQUEST_APPROVED

    request_id: int
    expires_at: datetime | None = None
    scope: Scope | None = None

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the request as approved, and what it grants."""
        request = open_request(context, self.request_id)
        decided = updated(
            request,
            status=Status.APPROVED,
            decided_by_id=None if context.actor is None else context.actor.pk,
            decided_at=context.now,
            reason=context.reason,
            expires_at=self.expires_at,
        )
        return [Diff([decided, *self._given(context, request)])]

    def log(self, context: ChangeContext, written: OperationInProgress) -> None:
        """Email the requester."""
        request_emails.request_decided.defer(account_id=context.account.pk, request_id=self.request_id)

    def _given(self, context: ChangeContext, request: AccessRequest) -> list[RowChange]:
        membership = Membership.objects.active().filter(branch=request.branch_id, user=request.user_id).first()
        if membership is None:
            raise NoSuchTarget(
                _("%(name)s is no longer an active member there.") % {"name": context.name(request.user_id)},
                _("Decline the request."),
            )
        verb = shared_verb(request)
        if verb is None:
            scope = request.scope if self.scope is None else self.scope
            row = SetOverride(
                account_id=context.account.pk,
                membership_id=membership.pk,
                permission=request.permission,
                scope=scope,
                expires_at=self.expires_at,
            ).row(context, membership)
            return [] if row.idle else [row]
        if self.expires_at is not None:
            raise NoSuchTarget(
                _("A share of a record can't have an end date."),
                _("Approve the request without one, and revoke the share when it is no longer needed."),
            )
        if request.find_record() is None:
            raise NoSuchTarget(_("The requested record no longer exists."), _("Decline the request."))
        grant = GrantShare(
            account_id=context.account.pk,
            record_type=request.record_type,
            record_id=int(request.record_id or 0),
            user_id=request.user_id,
            verbs=frozenset({verb}),
        )
        return grant.further(context)


@dataclass(frozen=True, kw_only=True)
class DeclineRequest(Change):
    """Decline a request. Needs the same permissions as approving it."""

    verb = verbs.REQUEST_DECLINED

    request_id: int

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the request as declined."""
        return rows(_decided(context, self.request_id, Status.DECLINED))

    def log(self, context: ChangeContext, written: OperationInProgress) -> None:
        """Email the requester."""
        request_emails.request_decided.defer(account_id=context.account.pk, request_id=self.request_id)


@dataclass(frozen=True, kw_only=True)
class WithdrawRequest(Change):
    """Withdraw your own request."""

    verb = verbs.REQUEST_WITHDRAWN

    request_id: int

    def plan(self, context: ChangeContext) -> Iterable[Diff]:
        """Plan the request as withdrawn."""
        return rows(_decided(context, self.request_id, Status.WITHDRAWN))


def _decided(context: ChangeContext, request_id: int, status: AccessRequest.Status) -> RowChange:
    return updated(
        open_request(context, request_id),
        status=status,
        decided_by_id=None if context.actor is None else context.actor.pk,
        decided_at=context.now,
        reason=context.reason,
    )
