"""The second fence of accounts, branches, own roles and the log: what the web role reads and writes of them.

An operator sees every account (they choose one), and the platform's own log. Own roles and the log lie on lower floors,
which know nothing of accounts.
"""

from django.db import migrations

from apps.accounts.tenancy import ExtraReadPolicy, Fenced, RunAsOwner

OPERATOR = "EXISTS (SELECT FROM accounts_user WHERE id = {user} AND is_superuser AND is_active)"
PUBLISHED = "EXISTS (SELECT FROM roles_role WHERE id = role_id AND account_id IS NULL)"
OWN = "EXISTS (SELECT FROM roles_role WHERE id = role_id AND account_id = {account})"
LOGGED = "EXISTS (SELECT FROM audit_link WHERE operation_id = audit_operation.id AND account_id = {account})"
PLATFORM = "EXISTS (SELECT FROM audit_link WHERE operation_id = audit_operation.id AND account_id = 0)"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_audited"),
        ("audit", "0002_guards"),
        ("roles", "0002_audited"),
    ]

    operations = [
        Fenced("Account", "id = {account}"),
        ExtraReadPolicy("Account", "of_operator", OPERATOR),
        Fenced("Branch"),
        Fenced("roles.Role"),
        ExtraReadPolicy("roles.Role", "published", "account_id IS NULL"),
        Fenced("roles.RoleGrant", OWN),
        ExtraReadPolicy("roles.RoleGrant", "published", PUBLISHED),
        RunAsOwner("roles_rolegrant_refuse_published"),
        Fenced("audit.Operation", LOGGED),
        ExtraReadPolicy("audit.Operation", "of_platform", f"{OPERATOR} AND {PLATFORM}"),
        Fenced("audit.Entry"),
        ExtraReadPolicy("audit.Entry", "of_platform", f"account_id = 0 AND {OPERATOR}"),
        Fenced("audit.Link"),
        ExtraReadPolicy("audit.Link", "of_platform", f"account_id = 0 AND {OPERATOR}"),
    ]
