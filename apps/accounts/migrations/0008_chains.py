"""The results of verifications stand behind the fence, and the queue's worker asks which chains are due."""

from django.db import migrations

from apps.accounts.tenancy import ExtraReadPolicy, Fenced

OPERATOR = "EXISTS (SELECT FROM accounts_user WHERE id = {user} AND is_superuser AND is_active)"
DUE_TO_VERIFY = """
CREATE FUNCTION accounts_due_to_verify() RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT account.id FROM accounts_account AS account
        LEFT JOIN audit_verification AS verified ON verified.account_id = account.id
        WHERE (verified.id IS NULL OR verified.at < statement_timestamp() - interval ''1 day'')
        AND EXISTS (SELECT FROM audit_link WHERE account_id = account.id)
        ORDER BY verified.at NULLS FIRST, account.id';
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION accounts_due_to_verify() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_second_factor"), ("audit", "0003_verification")]

    operations = [
        Fenced("audit.Verification"),
        ExtraReadPolicy("audit.Verification", "of_platform", f"account_id = 0 AND {OPERATOR}"),
        migrations.RunSQL(DUE_TO_VERIFY, "DROP FUNCTION accounts_due_to_verify()"),
    ]
