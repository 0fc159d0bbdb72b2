"""What the billing app lets people do: see what is owed, pay it, and choose the plan."""

from apps.roles.catalogue import Permission, Target, register

for _permission in (
    Permission(
        "view_billing",
        "billing",
        "View billing",
        "billing",
        Target.BRANCH,
        "See invoices, charges and upcoming fees.",
    ),
    Permission(
        "manage_billing",
        "billing",
        "Manage billing",
        "billing",
        Target.BRANCH,
        "Change payment methods and billing details, and pay.",
        danger=True,
        unsuspended=True,
    ),
    Permission(
        "manage_subscription",
        "billing",
        "Manage subscription",
        "billing",
        Target.ACCOUNT,
        "Choose the plan and the seats, renew and cancel.",
        danger=True,
        unsuspended=True,
    ),
):
    register(_permission)
