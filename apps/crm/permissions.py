"""What the CRM lets people do: its record types, reports, data tools and sales."""

from apps.roles.catalogue import Permission, RecordType, Target, register, register_record_type

_ALL = ("add", "view", "change", "delete", "export")

for _record_type in (
    RecordType("lead", "crm", "Lead", "Leads", (*_ALL, "merge")),
    RecordType("contact", "crm", "Contact", "Contacts", (*_ALL, "merge")),
    RecordType("company", "crm", "Company", "Companies", (*_ALL, "merge")),
    RecordType("opportunity", "crm", "Opportunity", "Opportunities", _ALL),
    RecordType("task", "crm", "Task", "Tasks", ("add", "view", "change", "delete")),
    RecordType(
        "activity",
        "crm",
        "Activity",
        "Notes and activities",
        ("add", "view", "change", "delete"),
        follows_about=True,
        shareable=False,
    ),
):
    register_record_type(_record_type)

for _permission in (
    Permission(
        "sync_company",
        "crm",
        "Sync clients",
        "records",
        Target.RECORD,
        "Trigger the synchronisation of a company now.",
        needs=("view_company",),
        record_types=("company",),
    ),
    Permission(
        "own_private_contacts",
        "crm",
        "Own private contacts",
        "records",
        Target.BRANCH,
        "Keep contacts that nobody else sees.",
    ),
    Permission(
        "view_reports", "crm", "View reports", "audit_reports", Target.BRANCH, "Open the branch's reports."
    ),
    Permission(
        "manage_reports",
        "crm",
        "Create and edit reports",
        "audit_reports",
        Target.BRANCH,
        "Make reports and change them.",
    ),
    Permission(
        "view_activity_page",
        "crm",
        "View Activity page",
        "audit_reports",
        Target.BRANCH,
        "See the page of everything that happened lately.",
    ),
    Permission(
        "import_records", "crm", "Import", "data_tools", Target.BRANCH, "Bring records in from a file."
    ),
    Permission(
        "bulk_edit",
        "crm",
        "Bulk edit",
        "data_tools",
        Target.BRANCH,
        "Edit many records at once; each needs its own right to edit.",
    ),
    Permission(
        "bulk_delete",
        "crm",
        "Bulk delete",
        "data_tools",
        Target.BRANCH,
        "Delete many records at once; each needs its own right to delete.",
        danger=True,
    ),
    Permission(
        "bulk_change_status",
        "crm",
        "Bulk update status",
        "data_tools",
        Target.BRANCH,
        "Set the status of many records at once.",
    ),
    Permission(
        "bulk_change_owner",
        "crm",
        "Bulk update owner",
        "data_tools",
        Target.BRANCH,
        "Change the responsible of many records at once.",
    ),
    Permission(
        "download_vcard",
        "crm",
        "Download vCard",
        "data_tools",
        Target.BRANCH,
        "Take a contact along as a vCard file.",
    ),
    Permission(
        "save_to_google_contacts",
        "crm",
        "Save to Google Contacts",
        "data_tools",
        Target.BRANCH,
        "Copy a contact into one's Google Contacts.",
    ),
    Permission(
        "view_pipeline",
        "crm",
        "View Pipeline page",
        "sales",
        Target.BRANCH,
        "See the pipeline of opportunities.",
    ),
    Permission(
        "change_own_targets",
        "crm",
        "Edit own targets",
        "sales",
        Target.BRANCH,
        "Set one's own sales targets.",
        needs=("view_pipeline",),
    ),
    Permission(
        "change_deal_items",
        "crm",
        "Add and edit deal items",
        "sales",
        Target.BRANCH,
        "Say what an opportunity consists of.",
    ),
    Permission(
        "manage_autoflows",
        "crm",
        "Manage autoflows",
        "sales",
        Target.BRANCH,
        "Make and change what happens by itself.",
        danger=True,
        feature="automation",
    ),
):
    register(_permission)
