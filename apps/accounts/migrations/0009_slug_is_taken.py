"""Whether some account has a slug: asked by whoever opens one, and is shown none of the others."""

from django.db import migrations

SLUG_IS_TAKEN = """
CREATE FUNCTION accounts_slug_is_taken(wanted text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT EXISTS (SELECT FROM accounts_account WHERE slug = wanted)';
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION accounts_slug_is_taken(text) SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_chains")]

    operations = [migrations.RunSQL(SLUG_IS_TAKEN, "DROP FUNCTION accounts_slug_is_taken(text)")]
