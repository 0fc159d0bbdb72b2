"""The web role reads the password of one person at a time. A mark says whether a password has changed."""

from django.db import migrations, models

import apps.accounts.hidden

READ_ONE = """
CREATE FUNCTION accounts_password() RETURNS varchar LANGUAGE sql STABLE SECURITY DEFINER
    AS $body$ SELECT password FROM accounts_user WHERE id = nullif(current_setting('mandate.user', true), '')::bigint $body$;
DO $do$ BEGIN
    EXECUTE format('ALTER FUNCTION accounts_password() SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $do$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0016_texts_without_hidden_characters")]

    operations = [
        migrations.AddField(
            "user",
            "password_mark",
            models.GeneratedField(
                db_persist=True,
                expression=apps.accounts.hidden.PasswordMark("password"),
                output_field=models.CharField(max_length=64),
            ),
        ),
        migrations.RunSQL(READ_ONE, "DROP FUNCTION accounts_password()"),
    ]
