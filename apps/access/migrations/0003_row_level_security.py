"""The second fence of overrides and of requests for access."""

from django.db import migrations

from apps.accounts.tenancy import Fenced


class Migration(migrations.Migration):
    dependencies = [("access", "0002_audited"), ("accounts", "0003_row_level_security")]

    operations = [Fenced("Override"), Fenced("AccessRequest")]
