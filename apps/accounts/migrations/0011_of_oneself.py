"""What somebody changes about how they sign in stands in the platform's chain: they add it there, and read it."""

from django.db import migrations

from apps.accounts.tenancy import Addable, ExtraReadPolicy

ENTRY = "account_id = 0 AND user_id = {user}"
OPERATION = f"EXISTS (SELECT FROM audit_entry WHERE operation_id = audit_operation.id AND {ENTRY})"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_api_tokens")]

    operations = [
        Addable("audit.Entry", "about_oneself", f"{ENTRY} AND target_type = 'accounts.sign_in'"),
        ExtraReadPolicy("audit.Entry", "of_oneself", ENTRY),
        ExtraReadPolicy("audit.Operation", "of_oneself", OPERATION),
    ]
