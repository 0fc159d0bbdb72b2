"""The crm app's words of the log."""

from apps.audit import verbs

ACCOUNT_GENERATED = verbs.register("crm.account.generated", label="generated people and records for load tests")
