"""The platform's chain is no account's: account 0 shows nothing of it, and adds nothing to it.

What the web role may read of it and add to it has policies of its own, by user.
"""

from django.db import migrations

CURRENT_ACCOUNT = "(SELECT NULLIF(NULLIF(current_setting('mandate.account', true), '')::bigint, {none}))"
ROWS = {
    "audit_operation": "EXISTS (SELECT FROM audit_link"
    " WHERE audit_link.operation_id = audit_operation.id AND account_id = {account})",
    "audit_entry": "account_id = {account}",
    "audit_link": "account_id = {account}",
    "audit_verification": "account_id = {account}",
}


def policies(none: str) -> str:
    """SQL for the policies of the four tables, in which the number `none` is no account."""
    account = CURRENT_ACCOUNT.format(none=none)
    return ";".join(
        f"ALTER POLICY of_account ON {table} USING ({rows.format(account=account)})" for table, rows in ROWS.items()
    )


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_pinned_guards"), ("accounts", "0008_chains")]

    operations = [migrations.RunSQL(policies("0"), policies("NULL"))]
