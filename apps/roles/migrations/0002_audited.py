"""Own roles and what they give are logged; published ones are part of the product, and refuse every change."""

from django.db import migrations

from apps.audit.operations import Audited

ACCOUNT = "(SELECT account_id FROM roles_role WHERE id = {x}.role_id)"


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_guards"), ("roles", "0001_initial")]

    operations = [
        Audited("Role", text="{x}.name", when="{x}.account_id IS NOT NULL"),
        Audited(
            "RoleGrant",
            account=ACCOUNT,
            # A line whose role is gone already is of no account: it is refused, since nobody could log it.
            when="NOT EXISTS (SELECT FROM roles_role WHERE id = {x}.role_id AND account_id IS NULL)",
            text="{x}.permission",
            names={"role": "SELECT name FROM roles_role WHERE id = {x}.role_id"},
        ),
    ]
