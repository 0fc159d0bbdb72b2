"""Access requests: the person's own and those they could decide; made, decided, withdrawn."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.access.effective_permissions import EffectivePermission, effective_permission
from apps.access.facts import load_some
from apps.access.mandate import Mandate
from apps.access.models import AccessRequest
from apps.access.records import Record
from apps.access.shield import shielded
from apps.pages.access_requests import Status, missing, requests_in_sight, waiting_count
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.overrides import label_of
from apps.pages.forms.requests import ApproveForm, AskForm, DeclineForm, WithdrawForm
from apps.pages.views.page import EVERYBODY, change_page, page, show
from apps.roles import catalogue

SIZE = 30
LONGEST = 18
TO_DECIDE, MINE = "decide", "mine"
ACTS: Mapping[str, type[ChangeForm]] = {"approve": ApproveForm, "decline": DeclineForm, "withdraw": WithdrawForm}
ICONS = {"approve": "check", "decline": "close", "withdraw": "undo"}


@page(EVERYBODY)
def requests(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The person's own requests, or those they could decide; newest first."""
    tab = request.GET.get("tab", "")
    if tab not in (TO_DECIDE, MINE):
        tab = TO_DECIDE if waiting_count(access) else MINE
    state, text = request.GET.get("state", ""), request.GET.get("q", "").replace("\0", "").strip()
    result = _narrowed(_of_tab(access, tab), state, text)
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) <= LONGEST:
        result = result.filter(pk__lt=int(before))
    rows = list(result.order_by("-pk")[: SIZE + 1])
    context = {
        "tab": tab,
        "tabs": [(TO_DECIDE, _("To decide"), waiting_count(access)), (MINE, _("Mine"), 0)],
        "rows": rows[:SIZE],
        "older": rows[SIZE - 1].pk if len(rows) > SIZE else None,
        "first": not before,
        "state": state,
        "states": Status.choices,
        "q": text,
        "narrowed": bool(state or text),
    }
    return show(request, access, "pages/requests/list.html", _("Access requests"), context)


@page(EVERYBODY, sends=True)
def new_request(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """Ask for a permission, on a branch that one is on or on one record; what the address says is filled in."""
    # A link may fill in choices, but never the reason.
    chosen = {name: value for name, value in request.GET.items() if name not in {"reason", "seen"}}
    form = AskForm(request.POST if request.method == "POST" else None, access=access, initial=chosen)
    back = _list_address(access)
    crumbs = [(back, _("Access requests"))]
    return change_page(
        request, access, form, back=f"{back}?tab={MINE}", subject=str(form.title), crumbs=crumbs, at_once=True
    )


@page(EVERYBODY)
def one_request(request: HttpRequest, access: AccessContext, asked: int) -> HttpResponse:
    """Show one request in full, with its actions.

    Raises:
        Http404: the person neither made it nor could decide it.
    """
    row = _in_sight(access, asked)
    context = {
        "asked": row,
        "permission": catalogue.get(row.permission),
        "record": _record(access, row),
        "holds": _holds(access, row),
        "acts": list(_acts(access, row)),
        "crumbs": [(_list_address(access), _("Access requests"))],
    }
    return show(request, access, "pages/requests/request.html", _title(row), context)


@page(EVERYBODY, sends=True)
def decide_request(request: HttpRequest, access: AccessContext, asked: int, act: str) -> HttpResponse:
    """Approve, decline or withdraw it.

    Raises:
        Http404: there is no such visible request, or this action is no longer possible.
        MissingPermission: the person may not decide it.
    """
    row = _in_sight(access, asked)
    form_type = ACTS.get(act)
    if form_type is None or not form_type.applies(access, row):
        raise Http404
    form = form_type(request.POST if request.method == "POST" else None, access=access, row=row)
    here = reverse("pages:request", args=[_slug(access), row.pk])
    crumbs = [(_list_address(access), _("Access requests")), (here, _title(row))]
    back = _list_address(access) if act == "approve" else here
    return change_page(
        request, access, form, back=back, subject=str(form.title), crumbs=crumbs, at_once=form_type is not ApproveForm
    )


def _of_tab(access: AccessContext, tab: str) -> QuerySet[AccessRequest]:
    rows = requests_in_sight(access)
    return rows.filter(user=access.user) if tab == MINE else rows.exclude(user=access.user)


def _narrowed(rows: QuerySet[AccessRequest], state: str, text: str) -> QuerySet[AccessRequest]:
    if state in Status.values:
        rows = rows.filter(status=state)
    if text:
        words = Q(user__name__icontains=text) | Q(user__email__icontains=text) | Q(message__icontains=text)
        named = [each.codename for each in catalogue.permissions() if text.casefold() in each.label.casefold()]
        rows = rows.filter(words | Q(permission__in=named))
    return rows


def _in_sight(access: AccessContext, pk: int) -> AccessRequest:
    row = requests_in_sight(access).filter(pk=pk).first() if pk < 10**LONGEST else None
    if row is None:
        raise Http404
    return row


def _record(access: AccessContext, row: AccessRequest) -> Record | None:
    """The record that it is about, for those who may see it."""
    if row.record_id is None:
        return None
    result: Record | None = access.rows(f"view_{row.record_type}", row.record_type).filter(pk=row.record_id).first()
    return result


def _holds(access: AccessContext, row: AccessRequest) -> EffectivePermission | None:
    """Return the requester's current scope; None where the reader may not see it."""
    mine = row.user_id == access.user.pk
    if access.mandate is None or not (mine or access.may("view_member_permissions", row.branch)):
        return None
    if row.user_id in shielded(access):
        return None
    facts = load_some(access.mandate.facts.account, [row.user_id])
    return effective_permission(
        Mandate(facts[row.user_id], access.mandate.now), row.branch_id, catalogue.get(row.permission)
    )


def _acts(access: AccessContext, row: AccessRequest) -> list[dict[str, str]]:
    """Return the possible actions in its current state, disabled with the missing permission."""
    items = []
    for name, form in ACTS.items():
        if form.applies(access, row):
            lacking = form.lacking(access, row)
            why = "" if lacking is None else missing(access, *lacking)
            items.append({"name": name, "label": str(form.title), "icon": ICONS[name], "missing": why})
    return items


def _title(row: AccessRequest) -> str:
    return _("%(who)s requests “%(what)s”") % {"who": row.user, "what": label_of(row.permission)}


def _slug(access: AccessContext) -> str:
    assert access.account is not None
    return access.account.slug


def _list_address(access: AccessContext) -> str:
    return reverse("pages:requests", args=[_slug(access)])
