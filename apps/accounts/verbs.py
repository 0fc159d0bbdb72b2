"""The accounts app's words of the log."""

from django.utils.translation import gettext_noop as _

from apps.audit import verbs

ACCOUNT_IMPORTED = verbs.register("accounts.account.imported", label=_("imported the account from a file"))
PREFERENCES_CHANGED = verbs.register("accounts.preferences.changed", label=_("changed the account's preferences"))
OPERATOR_MADE = verbs.register("accounts.operator.made", label=_("created a platform operator"))
SECURITY_CHANGED = verbs.register("accounts.security.changed", label=_("changed sign-in settings"))
SESSIONS_ENDED = verbs.register("accounts.sessions.ended", label=_("signed out a user"))
