"""What the projects app lets people do: projects with their talks, events, goals and client pages."""

from django.utils.translation import gettext_noop as _
from django.utils.translation import ngettext

from apps.roles.catalogue import Permission, RecordType, Target, register, register_record_type

_ALL = ("add", "view", "change", "delete", "export")

for _record_type in (
    RecordType(
        "project",
        "projects",
        _("Project"),
        _("Projects"),
        _ALL,
        _("projects"),
        lambda number: ngettext("%(number)s project", "%(number)s projects", number),
    ),
    RecordType(
        "event",
        "projects",
        _("Event"),
        _("Events"),
        _ALL,
        _("events"),
        lambda number: ngettext("%(number)s event", "%(number)s events", number),
    ),
    RecordType(
        "goal",
        "projects",
        _("Goal"),
        _("Goals"),
        _ALL,
        _("goals"),
        lambda number: ngettext("%(number)s goal", "%(number)s goals", number),
    ),
    RecordType(
        "page",
        "projects",
        _("Page"),
        _("Client pages"),
        _ALL,
        _("client pages"),
        lambda number: ngettext("%(number)s page", "%(number)s client pages", number),
    ),
):
    register_record_type(_record_type)

for _permission in (
    Permission(
        "lead_project",
        "projects",
        _("Be a project's leader"),
        "projects",
        Target.BRANCH,
        _("Be chosen as the leader of a project."),
    ),
    Permission(
        "view_client_talk",
        "projects",
        _("Client Talk in projects"),
        "projects",
        Target.RECORD,
        _("Take part in the project's conversation with the client."),
        needs=("view_project",),
        record_types=("project",),
    ),
    Permission(
        "view_team_talk",
        "projects",
        _("Team Talk in projects"),
        "projects",
        Target.RECORD,
        _("Take part in the project's internal conversation."),
        needs=("view_project",),
        record_types=("project",),
    ),
):
    register(_permission)
