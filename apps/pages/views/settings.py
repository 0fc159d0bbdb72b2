"""The settings of an account: what there is to set, who may, and the pages of the account itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from apps.access.context import AccessContext
from apps.access.reasons import tooltip
from apps.accounts.time_zones import zone_in_words
from apps.changes.preferences import MANAGES
from apps.pages.forms.accounts import AccountForm, TransferForm
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.switching import SwitchSchemeForm
from apps.pages.views.page import EVERYBODY, change_page, page, show
from apps.roles.schemes import scheme, scheme_keys

CHANGES = "change_account"


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """A page of the settings, as the overview offers it: where it leads, and the permission that opens it.

    `barred` says why the account cannot have it, for any person; `state` is the current value.
    """

    name: str
    label: str
    text: str
    icon: str
    permission: str
    barred: Callable[[AccessContext], str] | None = None
    state: Callable[[AccessContext], str] | None = None


def _account(access: AccessContext) -> str:
    return f"{access.account}, {access.account.currency}" if access.account else ""


def _system(access: AccessContext) -> str:
    return access.account.role_system.name if access.account else ""


def _time_zone(access: AccessContext) -> str:
    return zone_in_words(access.account.preferences.time_zone) if access.account else ""


def _no_transfer(access: AccessContext) -> str:
    return TransferForm.barred(access, access.account)


# The groups in their order; apps above enter theirs with `offer_setting`.
SETTINGS: dict[str, list[SettingsPage]] = {
    noop("Account"): [
        SettingsPage(
            "pages:settings-account",
            noop("Name and currency"),
            noop("The account’s name and default currency."),
            "edit",
            CHANGES,
            state=_account,
        ),
        SettingsPage(
            "pages:branches",
            noop("Branches"),
            noop("Add, rename and close branches."),
            "account_tree",
            "view_branch",
        ),
        SettingsPage(
            "pages:second-factor",
            noop("Two-factor authentication"),
            noop("Require an authenticator app or a passkey at sign-in."),
            "phonelink_lock",
            CHANGES,
        ),
        SettingsPage(
            "pages:settings-scheme",
            noop("Role system"),
            noop("Switch to another role system and choose a new role for each current one."),
            "badge",
            CHANGES,
            state=_system,
        ),
    ],
    noop("Customisation"): [
        SettingsPage(
            "pages:settings-preferences",
            noop("Preferences"),
            noop("Time zone, date and time formats, and defaults for new tasks."),
            "tune",
            MANAGES,
            state=_time_zone,
        ),
    ],
    noop("Ownership and closing"): [
        SettingsPage(
            "pages:settings-ownership",
            noop("Transfer ownership"),
            noop("Give the top role to another member."),
            "key",
            "transfer_account",
            barred=_no_transfer,
        ),
        SettingsPage(
            "pages:settings-closing",
            noop("Close and delete"),
            noop("Export your data, then close the account."),
            "delete",
            "delete_account",
        ),
    ],
}


def offer_setting(group: str, setting: SettingsPage) -> None:
    """Let the overview offer a page, at the end of its group."""
    SETTINGS[group].append(setting)


@page(EVERYBODY)
def settings(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """All that can be set; what the person may not is there, and says what is missing."""
    groups = [(_(group), [_offered(access, each) for each in found]) for group, found in SETTINGS.items() if found]
    return show(request, access, "pages/settings/overview.html", _("Settings"), {"groups": groups})


def _offered(access: AccessContext, setting: SettingsPage) -> dict[str, Any]:
    assert access.account is not None
    lacking = "" if access.may_anywhere(setting.permission) else tooltip(access, setting.permission)
    return {
        "label": _(setting.label),
        "text": _(setting.text),
        "icon": setting.icon,
        "why": lacking or (setting.barred(access) if setting.barred else ""),
        "state": setting.state(access) if setting.state and not lacking else "",
        "address": reverse(setting.name, args=[access.account.slug]),
    }


def crumbs_of(access: AccessContext) -> list[tuple[str, str]]:
    """The way back to the overview."""
    assert access.account is not None
    return [(reverse("pages:settings", args=[access.account.slug]), _("Settings"))]


def settings_change(
    request: HttpRequest,
    access: AccessContext,
    form: type[ChangeForm],
    subject: str,
    *,
    row: Any = None,
    back: str = "",
) -> HttpResponse:
    """A page of the settings on which one change is made, or that says why there is nothing to change.

    Raises:
        MissingPermission: the person may not.
    """
    target = access.account if row is None else row
    crumbs = crumbs_of(access)
    if why := form.barred(access, target):
        form(access=access, row=target).require()
        return show(request, access, "pages/settings/barred.html", subject, {"barred": why, "crumbs": crumbs})
    filled = form(request.POST if request.method == "POST" else None, access=access, row=target)
    return change_page(request, access, filled, back=back or crumbs[0][0], subject=subject, crumbs=crumbs)


@page(CHANGES, sends=True)
def account_settings(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The account's name and currency."""
    return settings_change(request, access, AccountForm, _("Name and currency"))


@page("transfer_account", sends=True)
def ownership(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The transfer of the single top role."""
    return settings_change(request, access, TransferForm, _("Transfer ownership"))


@page(CHANGES, sends=True)
def systems(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The published systems of roles; with `?to=` one of them, what becomes of each role, and the switch.

    Raises:
        Http404: there is no such system, or the account follows it.
    """
    assert access.account is not None
    others = [scheme(key) for key in scheme_keys() if key != access.account.scheme]
    to = request.GET.get("to")
    if to is not None:
        new = next((each for each in others if each.key == to), None)
        if new is None:
            raise Http404
        subject = _("Switch to %(system)s") % {"system": new.name}
        return settings_change(request, access, SwitchSchemeForm.towards(new.key), subject)
    context = {
        "now": access.account.role_system,
        "others": [(each, sorted(each.roles.values(), key=lambda role: (role.kind, -role.rank))) for each in others],
        "crumbs": crumbs_of(access),
    }
    return show(request, access, "pages/settings/systems.html", _("Role system"), context)
