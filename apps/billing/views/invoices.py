"""Invoices: the list, one of them, and its PDF. Those that are out of sight answer like none."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.context import AccessContext
from apps.billing.models import Invoice
from apps.billing.pdf import file_name, invoice_pdf
from apps.billing.sight import BillingScope
from apps.billing.subscription_state import today
from apps.billing.views.acts import home_of
from apps.billing.views.overview import newest
from apps.pages.views.page import page, show

STATES = {
    "open": gettext_lazy("Unpaid"),
    "paid": gettext_lazy("Paid"),
    "overdue": gettext_lazy("Overdue"),
    "credit": gettext_lazy("Credit notes"),
}


@page("view_billing")
def invoices(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """List the visible invoices, filtered by branch, state and number; newest first, in pages."""
    assert access.account is not None
    assert access.mandate is not None
    sight = BillingScope.of(access.mandate, "view_billing")
    asked = {name: request.GET.get(name, "").replace("\0", "").strip() for name in ("q", "branch", "state", "before")}
    rows = _filtered(newest(access.account.pk, sight), asked)
    size = access.rows_per_page
    found = list(rows[: size + 1])
    query = request.GET.copy()
    if len(found) > size:
        query["before"] = str(found[size - 1].number)
    context = {
        "invoices": found[:size],
        "asked": asked,
        "filtered": any(asked[name] for name in ("q", "branch", "state")),
        "branches": [branch for branch in access.branches if branch.pk in sight.branches],
        "whole": sight.all,
        "states": STATES.items(),
        "more": query.urlencode() if len(found) > size else "",
        "crumbs": [(home_of(access), _("Billing"))],
        "today": today(),
    }
    return show(request, access, "pages/billing/invoices.html", _("Invoices"), context)


@page("view_billing")
def invoice(request: HttpRequest, access: AccessContext, reference: str) -> HttpResponse:
    """One invoice with its lines, and what was paid for it."""
    found = _find(access, reference)
    assert access.account is not None
    crumbs = [(home_of(access), _("Billing")), (reverse("billing:invoices", args=[access.account.slug]), _("Invoices"))]
    context = {
        "invoice": found,
        "lines": found.lines.all(),
        "payments": found.payments.all(),
        "notes": found.credit_notes.all(),
        "mailings": found.mailings.order_by("pk"),
        "overdue": found.balance > 0 and found.due_on < today() and not found.is_credit_note,
        "crumbs": crumbs,
    }
    return show(request, access, "pages/billing/invoice.html", f"{found.get_kind_display()} {found}", context)


@page("view_billing")
def pdf(request: HttpRequest, access: AccessContext, reference: str) -> HttpResponse:
    """Download the invoice as a PDF; only for members who may see it."""
    found = _find(access, reference)
    response = HttpResponse(invoice_pdf(found), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{file_name(found)}"'
    return response


def _find(access: AccessContext, reference: str) -> Any:
    assert access.account is not None
    assert access.mandate is not None
    found = (
        newest(access.account.pk, BillingScope.of(access.mandate, "view_billing")).filter(reference=reference).first()
    )
    if found is None:
        raise Http404
    return found


def _filtered(rows: Any, asked: dict[str, str]) -> Any:
    if asked["q"]:
        rows = rows.filter(reference__icontains=asked["q"])
    if asked["branch"] == "account":
        rows = rows.filter(branch=None)
    elif asked["branch"].isdecimal():
        rows = rows.filter(branch=int(asked["branch"][:18]))
    if asked["before"].isdecimal():
        rows = rows.filter(number__lt=int(asked["before"][:18]))
    invoice = Invoice.Kind.INVOICE
    match asked["state"]:
        case "open":
            return rows.filter(kind=invoice, balance__gt=0)
        case "paid":
            return rows.filter(kind=invoice, balance__lte=0)
        case "overdue":
            return rows.filter(kind=invoice, balance__gt=0, due_on__lt=today())
        case "credit":
            return rows.filter(kind=Invoice.Kind.CREDIT_NOTE)
    return rows
