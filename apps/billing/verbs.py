"""The billing app's words of the log."""

from django.utils.translation import gettext_noop as _

from apps.audit import verbs

SUBSCRIBED = verbs.register("billing.subscription.began", label=_("began the subscription"))
PLAN_CHOSEN = verbs.register("billing.plan.chosen", label=_("chose the plan and the seats"))
BILLED_BY = verbs.register("billing.payers.chosen", label=_("chose who pays"))
GROWTH_CHANGED = verbs.register("billing.growth.changed", label=_("chose whether seats are added by invitations"))
CANCELLED = verbs.register("billing.subscription.cancelled", label=_("cancelled the subscription"))
KEPT = verbs.register("billing.subscription.kept", label=_("took the cancelling of the subscription back"))
METHOD_CHANGED = verbs.register("billing.method.changed", label=_("changed how is paid"))
DETAILS_CHANGED = verbs.register("billing.payer.changed", label=_("changed billing details"))
ENTITLED = verbs.register("billing.entitlements.changed", label=_("changed what the plan gives"))
INVOICED = verbs.register("billing.invoice.issued", label=_("issued an invoice"))
CREDITED = verbs.register("billing.invoice.credited", label=_("issued a credit note"))
PAID = verbs.register("billing.payment.entered", label=_("entered a payment"))
SUSPENDED = verbs.register("billing.account.suspended", label=_("made the account read-only"))
RESUMED = verbs.register("billing.account.resumed", label=_("ended the account's being read-only"))
ROLLED = verbs.register("billing.period.began", label=_("began a period"))
