"""The access app's words of the log."""

from apps.audit import verbs

RECORDS_EXPORTED = verbs.register("access.records.exported", label="exported records")
