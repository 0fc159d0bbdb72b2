"""What the access app lets people do: shares, the responsible, the log and other members' second factor."""

from apps.roles.catalogue import Permission, Target, register

for _permission in (
    Permission(
        "grant_record_access",
        "access",
        "Grant client access",
        "access_control",
        Target.RECORD,
        "Share a record with a person or a team.",
        danger=True,
        needs_view=True,
    ),
    Permission(
        "revoke_record_access",
        "access",
        "Revoke client access",
        "access_control",
        Target.RECORD,
        "End a share of a record.",
        danger=True,
        needs_view=True,
    ),
    Permission(
        "change_record_access",
        "access",
        "Update client access",
        "access_control",
        Target.RECORD,
        "Change what a share of a record gives.",
        danger=True,
        needs_view=True,
    ),
    Permission(
        "view_access_history",
        "access",
        "View access history",
        "access_control",
        Target.RECORD,
        "See who had access to a record, and when.",
        needs_view=True,
    ),
    Permission(
        "assign_record",
        "access",
        "Change the responsible",
        "access_control",
        Target.RECORD,
        "Make somebody else answer for a record.",
        needs_view=True,
    ),
    Permission(
        "view_audit_log",
        "access",
        "View audit log",
        "audit_reports",
        Target.BRANCH,
        "Read who changed which right, when and why.",
    ),
    Permission(
        "reset_mfa",
        "access",
        "Reset another member's MFA",
        "security",
        Target.BRANCH,
        "Let a member set up their second factor anew; never one's own.",
        danger=True,
    ),
):
    register(_permission)
