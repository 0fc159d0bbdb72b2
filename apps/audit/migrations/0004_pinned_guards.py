"""Functions that call nothing outside of PostgreSQL's own schema, and values that are never the JSON value null.

That value would have the same digest as a missing one.
"""

from django.db import migrations

from apps.audit.operations import InstallGuards

VALUES = """
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_values
    CHECK (jsonb_typeof(before) <> 'null' AND jsonb_typeof(after) <> 'null')
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_verification")]

    operations = [
        InstallGuards(replacing=True),
        migrations.RunSQL(VALUES, "ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_values"),
    ]
