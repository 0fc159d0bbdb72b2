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
        _("Call and text people from the CRM."),
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
        _("Manage the lists that the whole team works from."),
    ),
    Permission(
        "manage_email_templates",
        "comms",
        _("Manage email templates"),
        "communication",
        Target.BRANCH,
        _("Write the templates that all members use."),
    ),
    Permission(
        "manage_sequences",
        "comms",
        _("Manage email sequences"),
        "communication",
        Target.BRANCH,
        _("Write the sequences that all members use."),
    ),
    Permission(
        "send_bulk_email",
        "comms",
        _("Bulk email and bulk sequence enrolment"),
        "communication",
        Target.BRANCH,
        _("Email many people at once."),
        danger=True,
    ),
):
    register(_permission)
