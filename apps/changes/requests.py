"""Requests for access: a member asks, somebody who may give it approves or declines."""

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


def open_request(ground: ChangeContext, request_id: int) -> AccessRequest:
    """A request that waits.

    Raises:
        NoSuchTarget: there is none of that id in the account, or it has been decided.
    """
    request = ground.find(AccessRequest, request_id, _("request"))
    if request.status != Status.OPEN:
        raise NoSuchTarget(str(DECIDED[Status(request.status)]))
    return request


@dataclass(frozen=True, kw_only=True)
class RequestAccess(Change):
    """Ask for a permission on a branch, or on one record. The reason is what the request says.

    Whoever asks is an active member of the branch, and their role lets it be given.
    """

    verb = verbs.REQUEST_MADE

    branch_id: int
    permission: str
    scope: Scope = Scope.ALL
    record_type: str = ""
    record_id: int | None = None

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """One request."""
        if ground.actor is None:
            raise NoSuchTarget(_("A request needs a requester."), _("Name the requester."))
        member = Membership.objects.active().filter(branch=self.branch_id, user=ground.actor, account=ground.account)
        if not member.exists():
            raise NoSuchTarget(_("You are not an active member there."))
        codename = checked_scope(self.permission, self.scope)
        asked = {
            "user_id": ground.actor.pk,
            "branch_id": self.branch_id,
            "permission": codename,
            "record_type": self.record_type,
            "record_id": self.record_id,
        }
        if self.record_id is not None:
            self._check_record(ground, codename)
        if self._standing(ground).exists():
            raise NoSuchTarget(
                _("You have already requested this."), _("Wait for the decision, or withdraw the request.")
            )
        request = AccessRequest(
            account=ground.account, scope=self.scope, message=ground.reason, created_at=ground.now, **asked
        )
        return rows(new(request))

    def log(self, ground: ChangeContext, written: OperationInProgress) -> None:
        """Tell those who may decide, once it stands."""
        request_emails.request_made.defer(account_id=ground.account.pk, request_id=self._standing(ground).get().pk)

    def _standing(self, ground: ChangeContext) -> QuerySet[AccessRequest]:
        """The request that asks for just this and waits."""
        return AccessRequest.objects.filter(
            account=ground.account,
            status=Status.OPEN,
            user=ground.actor,
            branch=self.branch_id,
            permission=catalogue.get(self.permission).codename,
            record_type=self.record_type,
            record_id=self.record_id,
        )

    def _check_record(self, ground: ChangeContext, codename: str) -> None:
        """What cannot be seen cannot be asked for: a request would tell that it is there."""
        request = AccessRequest(account=ground.account, record_type=self.record_type, record_id=self.record_id)
        record = request.find_record()
        view = catalogue.get(f"view_{self.record_type}")
        if record is None or not policy.decide(ground.acting(), view, record) or record.branch_id != self.branch_id:
            raise NoSuchRecord
        policy.asked_of(codename, record)


@dataclass(frozen=True, kw_only=True)
class ApproveRequest(Change):
    """Give what a request asks for: an override, perhaps with an end, or a share of the record.

    Needs what giving it needs, and nobody approves their own.
    """

    verb = verbs.REQUEST_APPROVED

    request_id: int
    expires_at: datetime | None = None
    scope: Scope | None = None

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The request decided, and what it gives."""
        request = open_request(ground, self.request_id)
        decided = updated(
            request,
            status=Status.APPROVED,
            decided_by_id=None if ground.actor is None else ground.actor.pk,
            decided_at=ground.now,
            reason=ground.reason,
            expires_at=self.expires_at,
        )
        return [Diff([decided, *self._given(ground, request)])]

    def log(self, ground: ChangeContext, written: OperationInProgress) -> None:
        """Tell the one who asked, once it stands."""
        request_emails.request_decided.defer(account_id=ground.account.pk, request_id=self.request_id)

    def _given(self, ground: ChangeContext, request: AccessRequest) -> list[RowChange]:
        membership = Membership.objects.active().filter(branch=request.branch_id, user=request.user_id).first()
        if membership is None:
            raise NoSuchTarget(
                _("%(name)s is no longer an active member there.") % {"name": ground.name(request.user_id)},
                _("Decline the request."),
            )
        verb = shared_verb(request)
        if verb is None:
            scope = request.scope if self.scope is None else self.scope
            row = SetOverride(
                account_id=ground.account.pk,
                membership_id=membership.pk,
                permission=request.permission,
                scope=scope,
                expires_at=self.expires_at,
            ).row(ground, membership)
            return [] if row.idle else [row]
        if self.expires_at is not None:
            raise NoSuchTarget(
                _("A share of a record can't have an end date."),
                _("Approve the request without one, and revoke the share when it is no longer needed."),
            )
        if request.find_record() is None:
            raise NoSuchTarget(_("The requested record no longer exists."), _("Decline the request."))
        grant = GrantShare(
            account_id=ground.account.pk,
            record_type=request.record_type,
            record_id=int(request.record_id or 0),
            user_id=request.user_id,
            verbs=frozenset({verb}),
        )
        return grant.further(ground)


@dataclass(frozen=True, kw_only=True)
class DeclineRequest(Change):
    """Give nothing of what was asked for. Needs what approving would."""

    verb = verbs.REQUEST_DECLINED

    request_id: int

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The request decided."""
        return rows(_decided(ground, self.request_id, Status.DECLINED))

    def log(self, ground: ChangeContext, written: OperationInProgress) -> None:
        """Tell the one who asked, once it stands."""
        request_emails.request_decided.defer(account_id=ground.account.pk, request_id=self.request_id)


@dataclass(frozen=True, kw_only=True)
class WithdrawRequest(Change):
    """Take one's own request back."""

    verb = verbs.REQUEST_WITHDRAWN

    request_id: int

    def plan(self, ground: ChangeContext) -> Iterable[Diff]:
        """The request withdrawn."""
        return rows(_decided(ground, self.request_id, Status.WITHDRAWN))


def _decided(ground: ChangeContext, request_id: int, status: AccessRequest.Status) -> RowChange:
    return updated(
        open_request(ground, request_id),
        status=status,
        decided_by_id=None if ground.actor is None else ground.actor.pk,
        decided_at=ground.now,
        reason=ground.reason,
    )
