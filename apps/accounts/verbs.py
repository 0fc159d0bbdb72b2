"""The accounts app's words of the log."""

from apps.audit import verbs

ACCOUNT_IMPORTED = verbs.register("accounts.account.imported", label="imported the account from a file")
