"""What the comms app lets people do: call, text and write, one by one or to many."""

from django.utils.translation import gettext_noop as _

from apps.roles.catalogue import Permission, Target, register

for _permission in (
    Permission(
        "use_dialer",
        "comms",
        _("Call and text from the dialer"),
        "communication",
        Target.BRANCH,
        _("Call and text people from within the CRM."),
    ),
    Permission(
        "manage_phone_numbers",
        "comms",
        _("Manage group phone numbers"),
        "communication",
        Target.BRANCH,
        _("Add and route the numbers that a group shares."),
    ),
    Permission(
        "manage_team_views",
        "comms",
        _("Manage team Clear Views"),
        "communication",
        Target.BRANCH,
        _("Keep the lists that the whole team works from."),
    ),
    Permission(
        "manage_email_templates",
        "comms",
        _("Manage e-mail templates"),
        "communication",
        Target.BRANCH,
        _("Write the templates that everybody uses."),
    ),
    Permission(
        "manage_sequences",
        "comms",
        _("Manage e-mail sequences"),
        "communication",
        Target.BRANCH,
        _("Write the sequences that everybody uses."),
    ),
    Permission(
        "send_bulk_email",
        "comms",
        _("Bulk e-mail and bulk sequence enrolment"),
        "communication",
        Target.BRANCH,
        _("Write to many people at once."),
        danger=True,
    ),
):
    register(_permission)
