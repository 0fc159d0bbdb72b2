"""What the billing app lets people do: see what is owed, pay it, and choose the plan."""

from django.utils.translation import gettext_noop as _

from apps.roles.catalogue import Permission, Target, register

for _permission in (
    Permission(
        "view_billing",
        "billing",
        _("View billing"),
        "billing",
        Target.BRANCH,
        _("View invoices, charges and upcoming fees."),
    ),
    Permission(
        "manage_billing",
        "billing",
        _("Manage billing"),
        "billing",
        Target.BRANCH,
        _("Change payment methods and billing details, and pay."),
        danger=True,
        unsuspended=True,
    ),
    Permission(
        "manage_subscription",
        "billing",
        _("Manage subscription"),
        "billing",
        Target.ACCOUNT,
        _("Choose the plan and the seats, renew and cancel."),
        danger=True,
        unsuspended=True,
    ),
):
    register(_permission)
