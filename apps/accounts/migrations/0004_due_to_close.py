"""Which accounts are due to be closed: asked by the queue's worker, whom the database shows one account at a time."""

from django.db import migrations

DUE_TO_CLOSE = """
CREATE FUNCTION accounts_due_to_close() RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT id FROM accounts_account WHERE status = ''closing'' AND closes_at <= statement_timestamp() ORDER BY id';
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION accounts_due_to_close() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_row_level_security")]

    operations = [migrations.RunSQL(DUE_TO_CLOSE, "DROP FUNCTION accounts_due_to_close()")]
