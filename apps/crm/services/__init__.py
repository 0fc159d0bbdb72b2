from apps.crm.services.customisation import create_defaults
from apps.crm.services.duplicates import visible_duplicates
from apps.crm.services.history import history_of
from apps.crm.services.records import (
    assign_record,
    check_changes,
    check_new,
    complete_task,
    create_record,
    delete_record,
    reopen_task,
    set_private,
    update_record,
)
from apps.crm.services.references import number, raise_counters

__all__ = [
    "assign_record",
    "check_changes",
    "check_new",
    "complete_task",
    "create_defaults",
    "create_record",
    "delete_record",
    "history_of",
    "number",
    "raise_counters",
    "reopen_task",
    "set_private",
    "update_record",
    "visible_duplicates",
]
