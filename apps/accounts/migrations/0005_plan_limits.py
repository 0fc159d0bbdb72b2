"""What a plan limits besides its features: how many people there is room for, and whether anything is to be changed."""

from django.db import migrations, models

RAISED = """
CREATE OR REPLACE FUNCTION accounts_raise_own_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF ({}) IS DISTINCT FROM ({}) THEN
        NEW.access_version := OLD.access_version + 1;
    END IF;
    RETURN NEW;
END $$;
"""
BEFORE = ("status", "scheme", "features")
AFTER = (*BEFORE, "read_only")


def raised_by(columns: tuple[str, ...]) -> str:
    return RAISED.format(*(", ".join(f"{row}.{column}" for column in columns) for row in ("NEW", "OLD")))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_due_to_close")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="read_only",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name="account",
            name="seats",
            field=models.PositiveIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="branch",
            name="seats",
            field=models.PositiveIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.RunSQL(raised_by(AFTER), raised_by(BEFORE)),
    ]
