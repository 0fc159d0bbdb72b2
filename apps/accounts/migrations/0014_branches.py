"""More than one branch are branches."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_preferences"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="branch",
            options={"default_permissions": (), "verbose_name_plural": "branches"},
        ),
    ]
