"""What the comms app lets people do: call, text and write, one by one or to many."""

from apps.roles.catalogue import Permission, Target, register

for _permission in (
    Permission(
        "use_dialer",
        "comms",
        "Call and text from the dialer",
        "communication",
        Target.BRANCH,
        "Call and text people from within the CRM.",
    ),
    Permission(
        "manage_phone_numbers",
        "comms",
        "Manage group phone numbers",
        "communication",
        Target.BRANCH,
        "Add and route the numbers that a group shares.",
    ),
    Permission(
        "manage_team_views",
        "comms",
        "Manage team Clear Views",
        "communication",
        Target.BRANCH,
        "Keep the lists that the whole team works from.",
    ),
    Permission(
        "manage_email_templates",
        "comms",
        "Manage e-mail templates",
        "communication",
        Target.BRANCH,
        "Write the templates that everybody uses.",
    ),
    Permission(
        "manage_sequences",
        "comms",
        "Manage e-mail sequences",
        "communication",
        Target.BRANCH,
        "Write the sequences that everybody uses.",
    ),
    Permission(
        "send_bulk_email",
        "comms",
        "Bulk e-mail and bulk sequence enrolment",
        "communication",
        Target.BRANCH,
        "Write to many people at once.",
        danger=True,
    ),
):
    register(_permission)
