"""How many days back the pages of an account show its log, where its plan limits that; the log itself keeps all."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_of_oneself")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="log_days",
            field=models.PositiveIntegerField(blank=True, editable=False, null=True),
        ),
    ]
