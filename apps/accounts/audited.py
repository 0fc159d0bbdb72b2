"""How the log calls people, roles and places: SQL about a row `{x}`, for the migrations that hang tables on the log."""


def person(column: str = "user_id") -> str:
    """The name of the user that a column points at, or the address where there is no name."""
    return f"(SELECT coalesce(nullif(name, ''), email) FROM accounts_user WHERE id = {{x}}.{column})"  # noqa: S608 - a column of ours


ACCOUNT = "(SELECT name FROM accounts_account WHERE id = {x}.account_id)"
BRANCH = "(SELECT name FROM accounts_branch WHERE id = {x}.branch_id)"
ROLE = "(SELECT name FROM roles_role WHERE id = {x}.role_id)"
