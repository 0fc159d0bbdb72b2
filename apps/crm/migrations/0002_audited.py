"""Shares are logged under the record that they are of, by its reference."""

from django.db import migrations

from apps.accounts.audited import person
from apps.audit.operations import Audited

PERMISSION = "(SELECT codename FROM auth_permission WHERE id = {x}.permission_id)"
TEAM = "(SELECT name FROM teams_team WHERE group_id = {x}.group_id)"


def _audited(record_type: str) -> list[Audited]:
    record = f"FROM crm_{record_type} WHERE id = {{x}}.content_object_id"
    reference = f"(SELECT reference {record})"
    logged = {"branch": f"(SELECT branch_id {record})", "target": "{x}.content_object_id"}
    names = {"record": reference, "permission": PERMISSION, "granted_by": person("granted_by_id")}
    return [
        Audited(
            f"{record_type.capitalize()}UserShare",
            user="{x}.user_id",
            text=f"{reference} || ' with ' || {person()}",
            names=names | {"user": person()},
            **logged,
        ),
        Audited(
            f"{record_type.capitalize()}TeamShare",
            text=f"{reference} || ' with the team ' || {TEAM}",
            names=names | {"team": TEAM},
            **logged,
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_audited"),
        ("audit", "0002_guards"),
        ("crm", "0001_initial"),
        ("teams", "0002_audited"),
    ]

    operations = [
        *(
            operation
            for record_type in ("company", "contact", "lead", "opportunity", "task")
            for operation in _audited(record_type)
        ),
    ]
