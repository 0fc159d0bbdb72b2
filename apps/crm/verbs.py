"""The crm app's words of the log."""

from apps.audit import verbs

ACCOUNT_GENERATED = verbs.register("crm.account.generated", label="generated people and records for load tests")
RECORD_DELETED = verbs.register("crm.record.deleted", label="deleted a record, and with it its shares")
RECORDS_REASSIGNED = verbs.register("crm.records.reassigned", label="moved the responsibility for records")
