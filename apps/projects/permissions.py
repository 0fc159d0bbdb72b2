"""What the projects app lets people do: projects with their talks, events, goals and client pages."""

from apps.roles.catalogue import Permission, RecordType, Target, register, register_record_type

_ALL = ("add", "view", "change", "delete", "export")

for _record_type in (
    RecordType("project", "projects", "Project", "Projects", _ALL),
    RecordType("event", "projects", "Event", "Events", _ALL),
    RecordType("goal", "projects", "Goal", "Goals", _ALL),
    RecordType("page", "projects", "Page", "Client pages", _ALL),
):
    register_record_type(_record_type)

for _permission in (
    Permission(
        "lead_project",
        "projects",
        "Be a project's leader",
        "projects",
        Target.BRANCH,
        "Be chosen as the leader of a project.",
    ),
    Permission(
        "view_client_talk",
        "projects",
        "Client Talk in projects",
        "projects",
        Target.RECORD,
        "Take part in a project's talk with the client.",
        needs=("view_project",),
        record_types=("project",),
    ),
    Permission(
        "view_team_talk",
        "projects",
        "Team Talk in projects",
        "projects",
        Target.RECORD,
        "Take part in a project's internal talk.",
        needs=("view_project",),
        record_types=("project",),
    ),
):
    register(_permission)
