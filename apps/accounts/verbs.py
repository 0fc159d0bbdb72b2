"""The accounts app's words of the log."""

from apps.audit import verbs

ACCOUNT_IMPORTED = verbs.register("accounts.account.imported", label="imported the account from a file")
PREFERENCES_CHANGED = verbs.register("accounts.preferences.changed", label="changed the account's preferences")
OPERATOR_MADE = verbs.register("accounts.operator.made", label="made a platform operator")
SECURITY_CHANGED = verbs.register("accounts.security.changed", label="changed how they sign in")
SESSIONS_ENDED = verbs.register("accounts.sessions.ended", label="signed somebody out")
