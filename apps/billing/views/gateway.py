"""The way to the gateway's page for a payment method, and the address at which the gateway tells us things."""

from __future__ import annotations

import logging

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.access.context import AccessContext
from apps.billing.collecting import begin_setup, hear
from apps.billing.gateways import current_gateway
from apps.billing.gateways.base import GatewayError, InvalidSignature
from apps.billing.refusals import BillingRefused
from apps.billing.views.acts import home_of
from apps.billing.views.payers import managed
from apps.pages.views.page import page

logger = logging.getLogger(__name__)


@page("manage_billing", sends=True)
def method(request: HttpRequest, access: AccessContext, payer: int) -> HttpResponse:
    """Lead to the gateway's page, from which people come back to billing. Opened without a form, it leads back."""
    found = managed(access, payer)
    back = home_of(access)
    if request.method != "POST":
        return HttpResponseRedirect(back)
    try:
        there = begin_setup(access.account_id, found.pk, back=request.build_absolute_uri(back), actor=access.user)
    except BillingRefused as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(back)
    return HttpResponseRedirect(there)


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """What the gateway tells. What it has not signed is refused; what cannot be dealt with yet it tells again."""
    gateway = current_gateway()
    try:
        message = gateway.read(request.body, request.headers.get("Stripe-Signature", ""))
    except InvalidSignature:
        return HttpResponseBadRequest("This is not signed by the payment gateway.\n", content_type="text/plain")
    try:
        outcome = hear(gateway, message)
    except GatewayError as error:
        logger.warning("Message %s is to be told again: %s", message.id, error)
        return HttpResponse("Tell it again later.\n", status=503, content_type="text/plain")
    return HttpResponse(f"{outcome}\n", content_type="text/plain")
