"""In which accounts somebody has a place: asked where it matters that there are others, and which ones is told nobody."""

from django.db import migrations

ACCOUNTS_OF = """
CREATE FUNCTION teams_accounts_of(person bigint) RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT account_id FROM teams_membership WHERE user_id = person
        UNION SELECT account_id FROM teams_parentmembership WHERE user_id = person ORDER BY 1';
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION teams_accounts_of(bigint) SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("teams", "0003_row_level_security")]

    operations = [migrations.RunSQL(ACCOUNTS_OF, "DROP FUNCTION teams_accounts_of(bigint)")]
