"""The access app's permissions: shares, record owners, the log and resets of two-factor authentication."""

from django.utils.translation import gettext_noop as _

from apps.roles.catalogue import Permission, Target, register

for _permission in (
    Permission(
        "grant_record_access",
        "access",
        _("Grant client access"),
        "access_control",
        Target.RECORD,
        _("Share a record with a person or a team."),
        danger=True,
        needs_view=True,
    ),
    Permission(
        "revoke_record_access",
        "access",
        _("Revoke client access"),
        "access_control",
        Target.RECORD,
        _("End a share of a record."),
        danger=True,
        needs_view=True,
    ),
    Permission(
        "change_record_access",
        "access",
        _("Update client access"),
        "access_control",
        Target.RECORD,
        _("Change what a share of a record gives."),
        danger=True,
        needs_view=True,
    ),
    Permission(
        "view_access_history",
        "access",
        _("View access history"),
        "access_control",
        Target.RECORD,
        _("See who had access to a record, and when."),
        needs_view=True,
    ),
    Permission(
        "assign_record",
        "access",
        _("Change the responsible"),
        "access_control",
        Target.RECORD,
        _("Change the owner of a record."),
        needs_view=True,
    ),
    Permission(
        "view_audit_log",
        "access",
        _("View audit log"),
        "audit_reports",
        Target.BRANCH,
        _("Read who changed which access, when and why."),
    ),
    Permission(
        "reset_mfa",
        "access",
        _("Reset another member's MFA"),
        "security",
        Target.BRANCH,
        _("Reset a member's two-factor authentication. Members can't reset their own."),
        danger=True,
    ),
):
    register(_permission)
