"""Access requests as pages show them: which ones a reader sees, which wait for a decision, and where to ask."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from apps.access import records
from apps.access.context import AccessContext
from apps.access.models import AccessRequest
from apps.access.reasons import tooltip
from apps.access.records import Record, place_of
from apps.accounts.models import Branch
from apps.roles import catalogue

Status = AccessRequest.Status
DECIDES, SHARES = "manage_member_permissions", "grant_record_access"


def _grantable(access: AccessContext, branch_id: int, codename: str) -> bool:
    membership = None if access.mandate is None else access.mandate.facts.memberships.get(branch_id)
    return membership is not None and not membership.role.locked and membership.role.grant(codename).grantable


def own_branches(access: AccessContext) -> list[Branch]:
    """The open branches that the user is an active member of."""
    mine = set() if access.mandate is None else {branch_id for branch_id, _, _ in access.mandate.branches()}
    return [branch for branch in access.branches if branch.pk in mine]


def requests_in_sight(access: AccessContext) -> QuerySet[AccessRequest]:
    """The person's own requests, and those they could decide: for a share, only with the record visible."""
    rows = AccessRequest.objects.filter(account=access.account_id).select_related("user", "branch", "decided_by")
    shareable = Q(pk__in=[])
    decidable = Q(user=access.user)
    for kind in catalogue.record_types():
        codenames = [f"{verb}_{kind.name}" for verb in kind.share_verbs]
        if codenames and kind.name in records.registered():
            of_kind = Q(record_type=kind.name, permission__in=codenames)
            shareable |= of_kind
            if access.may_anywhere(SHARES):
                # Asked of each request, of which there are few: the records in reach may be a million.
                decidable |= of_kind & Q(Exists(access.rows(SHARES, kind.name).filter(pk=OuterRef("record_id"))))
    mandate = access.mandate
    places = (
        [] if mandate is None else [pk for pk in mandate.facts.account.open_branches if mandate.allows(DECIDES, pk)]
    )
    return rows.filter(decidable | Q(branch__in=places) & ~shareable)


def waiting_requests(access: AccessContext) -> QuerySet[AccessRequest]:
    """Those that wait for the user's decision, the oldest first."""
    return requests_in_sight(access).filter(status=Status.OPEN).exclude(user=access.user).order_by("created_at", "pk")


def waiting_count(access: AccessContext) -> int:
    """How many requests wait for the user's decision; asked once for a request."""
    return access.once("waiting", lambda: 0 if access.account is None else waiting_requests(access).count())


def asking_address(access: AccessContext, codename: str, target: models.Model) -> str:
    """Where the user can ask for what they lack; empty where a request makes no sense.

    A request is about a branch that they are an active member of, or about a record there; and what a share does not
    give has to be grantable to their role.
    """
    permission = catalogue.get(codename)
    about: dict[str, Any] = {"permission": permission.codename}
    own = {branch.pk: branch for branch in own_branches(access)}
    verb, _, record_type = permission.codename.partition("_")
    if isinstance(target, Record) and permission.target is catalogue.Target.RECORD:
        places = [target.branch_id]
        about |= {"record_type": target.record_type, "record_id": target.pk}
        shared = record_type == target.record_type and verb in catalogue.record_type(record_type).share_verbs
    else:
        place = target.pk if isinstance(target, Branch) else getattr(target, "branch_id", None)
        places, shared = list(own) if place is None else [place], False
    possible = [pk for pk in places if pk in own and (shared or _grantable(access, pk, permission.codename))]
    if access.account is None or permission.target is catalogue.Target.ACCOUNT or not possible:
        return ""
    return f"{reverse('pages:request-new', args=[access.account.slug])}?{urlencode({**about, 'branch': possible[0]})}"


class MissingRight(str):
    """Return why access is missing, in a sentence; `asking` is the address to request it, or empty."""

    asking: str

    def __new__(cls, sentence: str, asking: str) -> MissingRight:
        """The sentence, with where to ask."""
        result = super().__new__(cls, sentence)
        result.asking = asking
        return result


def missing(access: AccessContext, codename: str, target: models.Model | None = None) -> MissingRight:
    """What a disabled button says of a permission that is missing on the thing, or anywhere in the account."""
    asked_of = target or access.account
    asking = "" if asked_of is None else asking_address(access, codename, asked_of)
    return MissingRight(tooltip(access, codename, None if target is None else place_of(target)), asking)
