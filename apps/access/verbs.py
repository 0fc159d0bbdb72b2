"""The access app's words of the log."""

from apps.audit import verbs

OPERATOR_SESSION_OPENED = verbs.register("access.operator_session.opened", label="opened an operator session")
OPERATOR_SESSION_ENDED = verbs.register("access.operator_session.ended", label="ended an operator session")
OPERATOR_WROTE = verbs.register("access.operator.wrote", label="wrote a record in an operator session")
RECORDS_EXPORTED = verbs.register("access.records.exported", label="exported records")
ROLE_CHANGED = verbs.register("access.role.changed", label="changed a member's role")
OVERRIDE_SET = verbs.register("access.override.set", label="set an override")
OVERRIDE_CLEARED = verbs.register("access.override.cleared", label="cleared an override")
