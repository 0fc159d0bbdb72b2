"""Who the invoices are written to."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.access.errors import MissingPermission
from apps.billing.details import change_details
from apps.billing.forms import DetailsForm
from apps.billing.models import Invoice, Payer
from apps.billing.sellers import seller
from apps.billing.sight import BillingScope
from apps.billing.tax import taxed
from apps.billing.views.acts import answer
from apps.pages.views.page import page


@page("manage_billing", sends=True)
def details(request: HttpRequest, access: AccessContext, payer: int) -> HttpResponse:
    """A payer's name, address, VAT number, currency, and where its invoices go."""
    found = managed(access, payer)
    fixed = Invoice.objects.filter(account=access.account_id, payer=found).exists()
    form = DetailsForm(request.POST or None, payer=found, fixed=fixed)

    def tried() -> Iterator[str]:
        given = form.details()
        due = taxed(seller().country, given["country"], given["vat_number"])
        yield _("New invoices are addressed to %(name)s and sent to %(email)s.") % given
        yield _("Tax: %(rate)s percent. %(note)s") % {
            "rate": f"{due.rate.normalize():f}",
            "note": due.treatment.note,
        }
        yield _("Existing invoices don't change.")

    def act(reason: str) -> None:
        change_details(access.account_id, found.pk, form.details(), actor=access.user, reason=reason)

    return answer(request, access, form, tried=tried, act=act)


def managed(access: AccessContext, payer_id: int) -> Payer:
    """Return the payer if the member may manage its billing.

    Raises:
        Http404: no visible payer has this id.
        MissingPermission: the payer is visible, but the member may not manage it.
    """
    assert access.account is not None
    assert access.mandate is not None
    found = Payer.objects.filter(account=access.account_id, pk=payer_id).select_related("branch").first()
    if found is None or not BillingScope.of(access.mandate, "view_billing").has(found):
        raise Http404
    found.account = access.account
    if not BillingScope.of(access.mandate, "manage_billing").has(found):
        raise MissingPermission("manage_billing", found.branch or access.branches[0])
    return found
