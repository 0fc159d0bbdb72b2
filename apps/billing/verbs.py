"""The billing app's words of the log."""

from django.utils.translation import gettext_noop as _

from apps.audit import verbs

SUBSCRIBED = verbs.register("billing.subscription.began", label=_("started the subscription"))
PLAN_CHOSEN = verbs.register("billing.plan.chosen", label=_("changed the plan and seats"))
BILLED_BY = verbs.register("billing.payers.chosen", label=_("changed the payer"))
GROWTH_CHANGED = verbs.register("billing.growth.changed", label=_("changed whether invitations add seats"))
CANCELLED = verbs.register("billing.subscription.cancelled", label=_("cancelled the subscription"))
KEPT = verbs.register("billing.subscription.kept", label=_("kept the subscription"))
METHOD_CHANGED = verbs.register("billing.method.changed", label=_("changed the payment method"))
DETAILS_CHANGED = verbs.register("billing.payer.changed", label=_("changed billing details"))
ENTITLED = verbs.register("billing.entitlements.changed", label=_("changed the plan's features"))
INVOICED = verbs.register("billing.invoice.issued", label=_("issued an invoice"))
CREDITED = verbs.register("billing.invoice.credited", label=_("issued a credit note"))
PAID = verbs.register("billing.payment.entered", label=_("recorded a payment"))
SUSPENDED = verbs.register("billing.account.suspended", label=_("made the account read-only"))
RESUMED = verbs.register("billing.account.resumed", label=_("made the account writable again"))
ROLLED = verbs.register("billing.period.began", label=_("started a billing period"))
