"""The crm app's words of the log."""

from django.utils.translation import gettext_noop as _

from apps.audit import verbs

ACCOUNT_GENERATED = verbs.register("crm.account.generated", label=_("generated people and records for load tests"))
RECORD_DELETED = verbs.register("crm.record.deleted", label=_("deleted a record and its shares"))
RECORDS_REASSIGNED = verbs.register("crm.records.reassigned", label=_("changed the owner of records"))
