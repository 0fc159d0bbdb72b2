"""The permissions of the CRM: record types, reports, data tools and sales."""

from django.utils.translation import gettext_noop as _
from django.utils.translation import ngettext

from apps.roles.catalogue import Permission, RecordType, Target, register, register_record_type

_ALL = ("add", "view", "change", "delete", "export")

for _record_type in (
    RecordType(
        "lead",
        "crm",
        _("Lead"),
        _("Leads"),
        (*_ALL, "merge"),
        _("leads"),
        lambda number: ngettext("%(number)s lead", "%(number)s leads", number),
    ),
    RecordType(
        "contact",
        "crm",
        _("Contact"),
        _("Contacts"),
        (*_ALL, "merge"),
        _("contacts"),
        lambda number: ngettext("%(number)s contact", "%(number)s contacts", number),
    ),
    RecordType(
        "company",
        "crm",
        _("Company"),
        _("Companies"),
        (*_ALL, "merge"),
        _("companies"),
        lambda number: ngettext("%(number)s company", "%(number)s companies", number),
    ),
    RecordType(
        "opportunity",
        "crm",
        _("Opportunity"),
        _("Opportunities"),
        _ALL,
        _("opportunities"),
        lambda number: ngettext("%(number)s opportunity", "%(number)s opportunities", number),
    ),
    RecordType(
        "task",
        "crm",
        _("Task"),
        _("Tasks"),
        ("add", "view", "change", "delete"),
        _("tasks"),
        lambda number: ngettext("%(number)s task", "%(number)s tasks", number),
    ),
    RecordType(
        "activity",
        "crm",
        _("Activity"),
        _("Notes and activities"),
        ("add", "view", "change", "delete"),
        _("notes and activities"),
        lambda number: ngettext("%(number)s activity", "%(number)s notes and activities", number),
        follows_about=True,
        shareable=False,
    ),
):
    register_record_type(_record_type)

for _permission in (
    Permission(
        "sync_company",
        "crm",
        _("Sync clients"),
        "records",
        Target.RECORD,
        _("Start the synchronisation of a company."),
        needs=("view_company",),
        record_types=("company",),
    ),
    Permission(
        "own_private_contacts",
        "crm",
        _("Own private contacts"),
        "records",
        Target.BRANCH,
        _("Keep contacts that only the owner can see."),
    ),
    Permission(
        "view_reports", "crm", _("View reports"), "audit_reports", Target.BRANCH, _("View the reports of the branch.")
    ),
    Permission(
        "manage_reports",
        "crm",
        _("Create and edit reports"),
        "audit_reports",
        Target.BRANCH,
        _("Create and change reports."),
    ),
    Permission(
        "view_activity_page",
        "crm",
        _("View Activity page"),
        "audit_reports",
        Target.BRANCH,
        _("View the page of recent activities."),
    ),
    Permission("import_records", "crm", _("Import"), "data_tools", Target.BRANCH, _("Import records from a file.")),
    Permission(
        "bulk_edit",
        "crm",
        _("Bulk edit"),
        "data_tools",
        Target.BRANCH,
        _("Edit many records at once. You also need the permission to edit each record."),
    ),
    Permission(
        "bulk_delete",
        "crm",
        _("Bulk delete"),
        "data_tools",
        Target.BRANCH,
        _("Delete many records at once. You also need the permission to delete each record."),
        danger=True,
    ),
    Permission(
        "bulk_change_status",
        "crm",
        _("Bulk update status"),
        "data_tools",
        Target.BRANCH,
        _("Change the status of many records at once."),
    ),
    Permission(
        "bulk_change_owner",
        "crm",
        _("Bulk update owner"),
        "data_tools",
        Target.BRANCH,
        _("Change the owner of many records at once."),
    ),
    Permission(
        "download_vcard",
        "crm",
        _("Download vCard"),
        "data_tools",
        Target.BRANCH,
        _("Download a contact as a vCard file."),
    ),
    Permission(
        "save_to_google_contacts",
        "crm",
        _("Save to Google Contacts"),
        "data_tools",
        Target.BRANCH,
        _("Copy a contact to your Google Contacts."),
    ),
    Permission(
        "view_pipeline",
        "crm",
        _("View Pipeline page"),
        "sales",
        Target.BRANCH,
        _("View the pipeline of opportunities."),
    ),
    Permission(
        "change_own_targets",
        "crm",
        _("Edit own targets"),
        "sales",
        Target.BRANCH,
        _("Set your own sales targets."),
        needs=("view_pipeline",),
    ),
    Permission(
        "change_deal_items",
        "crm",
        _("Add and edit deal items"),
        "sales",
        Target.BRANCH,
        _("Add and edit the items of an opportunity."),
    ),
    Permission(
        "manage_autoflows",
        "crm",
        _("Manage autoflows"),
        "sales",
        Target.BRANCH,
        _("Create and change automations."),
        danger=True,
        feature="automation",
    ),
):
    register(_permission)
