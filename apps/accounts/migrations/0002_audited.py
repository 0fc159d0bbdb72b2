from django.db import migrations, models

from apps.audit.operations import Audited


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_guards"),
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="closes_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("status", "closing"), ("closes_at", None), _connector="OR"),
                name="only_closing_accounts_know_when",
            ),
        ),
        Audited("Account", account="{x}.id", text="{x}.name", without=["access_version"]),
        Audited("Branch", branch="{x}.id", text="{x}.name"),
        Audited(
            "User",
            account="0",
            user="{x}.id",
            text="coalesce(nullif({x}.name, ''), {x}.email)",
            only=["email", "name", "is_active", "is_staff", "is_superuser"],
            on_insert="{x}.is_superuser",
        ),
    ]
