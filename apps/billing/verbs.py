"""The billing app's words of the log."""

from apps.audit import verbs

SUBSCRIBED = verbs.register("billing.subscription.began", label="began the subscription")
PLAN_CHOSEN = verbs.register("billing.plan.chosen", label="chose the plan and the seats")
BILLED_BY = verbs.register("billing.payers.chosen", label="chose who pays")
GROWTH_CHANGED = verbs.register("billing.growth.changed", label="chose whether seats are added by invitations")
CANCELLED = verbs.register("billing.subscription.cancelled", label="cancelled the subscription")
KEPT = verbs.register("billing.subscription.kept", label="took the cancelling of the subscription back")
METHOD_CHANGED = verbs.register("billing.method.changed", label="changed how is paid")
DETAILS_CHANGED = verbs.register("billing.payer.changed", label="changed billing details")
ENTITLED = verbs.register("billing.entitlements.changed", label="changed what the plan gives")
INVOICED = verbs.register("billing.invoice.issued", label="issued an invoice")
CREDITED = verbs.register("billing.invoice.credited", label="issued a credit note")
PAID = verbs.register("billing.payment.entered", label="entered a payment")
SUSPENDED = verbs.register("billing.account.suspended", label="made the account read-only")
RESUMED = verbs.register("billing.account.resumed", label="ended the account's being read-only")
ROLLED = verbs.register("billing.period.began", label="began a period")
