"""What the database itself does for the log: it refuses changes, dates operations, and writes the chain (`guards`)."""

from django.db import migrations

from apps.audit.operations import AppendOnly, InstallGuards

TRIGGERS = """
CREATE TRIGGER audit_stamp BEFORE INSERT ON audit_operation
    FOR EACH ROW EXECUTE FUNCTION audit_stamp_operation();
CREATE TRIGGER audit_from_entries BEFORE INSERT ON audit_link
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_link();
CREATE TRIGGER audit_chain AFTER INSERT ON audit_entry REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION audit_write_links();
"""
NO_TRIGGERS = """
DROP TRIGGER audit_stamp ON audit_operation;
DROP TRIGGER audit_from_entries ON audit_link;
DROP TRIGGER audit_chain ON audit_entry;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_operation_entry_link")]

    operations = [
        InstallGuards(),
        AppendOnly("Operation"),
        AppendOnly("Entry"),
        AppendOnly("Link"),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
