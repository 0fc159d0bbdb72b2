"""The second fence of who is where; and what people read before they work in an account: their own places in all of them."""

from django.db import migrations

from apps.accounts.tenancy import ExtraReadPolicy, Fenced, RunAsOwner

MINE = "user_id = {user}"
MY_ACCOUNTS = (
    "id IN (SELECT account_id FROM teams_membership WHERE user_id = {user}"
    " UNION ALL SELECT account_id FROM teams_parentmembership WHERE user_id = {user})"
)
MY_BRANCHES = "id IN (SELECT branch_id FROM teams_membership WHERE user_id = {user})"
INVITED = "email = (SELECT email FROM accounts_user WHERE id = {user})"

# Whoever has the token may know where it leads, and is told nothing else.
INVITING_ACCOUNT = """
CREATE FUNCTION teams_inviting_account(digest text) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT account_id FROM teams_invitation WHERE token_digest = digest';
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION teams_inviting_account(text) SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_row_level_security"), ("teams", "0002_audited")]

    operations = [
        *(Fenced(name) for name in ("Membership", "ParentMembership", "Team", "TeamMember", "Invitation")),
        ExtraReadPolicy("Membership", "of_user", MINE),
        ExtraReadPolicy("ParentMembership", "of_user", MINE),
        ExtraReadPolicy("Invitation", "of_user", INVITED),
        ExtraReadPolicy("accounts.Account", "of_user", MY_ACCOUNTS),
        ExtraReadPolicy("accounts.Branch", "of_user", MY_BRANCHES),
        RunAsOwner("teams_membership_role_fits", "teams_parentmembership_role_fits"),
        migrations.RunSQL(INVITING_ACCOUNT, "DROP FUNCTION teams_inviting_account(text)"),
    ]
