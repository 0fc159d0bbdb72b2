"""What the accounts app lets people do: the organisation, its branches and its customisation."""

from django.utils.translation import gettext_noop as _

from apps.roles.catalogue import Permission, Target, register

for _permission in (
    Permission(
        "view_branch",
        "accounts",
        _("View organisation"),
        "organisation",
        Target.BRANCH,
        _("View the branch's details and settings."),
    ),
    Permission(
        "change_branch",
        "accounts",
        _("Update branch"),
        "organisation",
        Target.BRANCH,
        _("Change the branch's name and settings."),
    ),
    Permission(
        "delete_branch",
        "accounts",
        _("Delete branch"),
        "organisation",
        Target.BRANCH,
        _("Close the branch and move its records to another one."),
        danger=True,
    ),
    Permission(
        "add_branch",
        "accounts",
        _("Create branches"),
        "organisation",
        Target.ACCOUNT,
        _("Add branches to the account."),
        feature="branches",
    ),
    Permission(
        "change_account",
        "accounts",
        _("Manage account settings"),
        "organisation",
        Target.ACCOUNT,
        _("Change the account's name, currency and settings."),
    ),
    Permission(
        "delete_account",
        "accounts",
        _("Delete account"),
        "organisation",
        Target.ACCOUNT,
        _("Close the account and all its data."),
        danger=True,
        unsuspended=True,
    ),
    Permission(
        "transfer_account",
        "accounts",
        _("Transfer ownership"),
        "organisation",
        Target.ACCOUNT,
        _("Hand the account's top role to another member."),
        danger=True,
    ),
    Permission(
        "manage_statuses",
        "accounts",
        _("Manage statuses, sources, call results and pipelines"),
        "customisation",
        Target.ACCOUNT,
        _("Change the statuses, sources, call results and pipelines that all members use."),
    ),
    Permission(
        "manage_custom_fields",
        "accounts",
        _("Manage custom fields"),
        "customisation",
        Target.ACCOUNT,
        _("Add and change the account's custom fields."),
    ),
    Permission(
        "manage_integration_links",
        "accounts",
        _("Manage integration links"),
        "customisation",
        Target.ACCOUNT,
        _("Add and change links to other systems."),
    ),
    Permission(
        "manage_preferences",
        "accounts",
        _("Manage localisation, next-action and display preferences"),
        "customisation",
        Target.ACCOUNT,
        _("Choose how dates, names and next actions are shown to all members."),
    ),
):
    register(_permission)
