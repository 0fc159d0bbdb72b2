"""The sidebar: what the person may open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.context import access_of
from apps.crm.models import Task

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_GROUPS = (
    (
        gettext_lazy("Sales"),
        (("lead", gettext_lazy("Leads"), "bolt"), ("opportunity", gettext_lazy("Opportunities"), "trending_up")),
    ),
    (
        gettext_lazy("Clients"),
        (("contact", gettext_lazy("Contacts"), "person"), ("company", gettext_lazy("Companies"), "apartment")),
    ),
    (
        gettext_lazy("Work"),
        (("task", gettext_lazy("Tasks"), "task_alt"), ("activity", gettext_lazy("Activities"), "forum")),
    ),
)
# Each with the permission that shows it; requests are everybody's own.
_ACCESS: tuple[tuple[str, str, StrOrPromise, str, str | None], ...] = (
    ("teams", "membership", gettext_lazy("Members"), "group", "view_members"),
    ("teams", "invitation", gettext_lazy("Invitations"), "mail", "view_members"),
    ("teams", "team", gettext_lazy("Teams"), "groups", "view_members"),
    ("teams", "parentmembership", gettext_lazy("Parent roles"), "supervisor_account", "view_parent_roles"),
    ("access", "override", gettext_lazy("Overrides"), "tune", "view_member_permissions"),
    ("roles", "role", gettext_lazy("Roles"), "badge", "view_members"),
    ("access", "accessrequest", gettext_lazy("Requests"), "waving_hand", None),
    ("accounts", "branch", gettext_lazy("Branches"), "home_work", "view_branch"),
    ("audit", "operation", gettext_lazy("Audit log"), "history", "view_audit_log"),
    ("billing", "invoice", gettext_lazy("Invoices"), "receipt_long", "view_billing"),
)
MOST = 99


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of the sidebar; a record type is there for those who may view some of its records."""
    access = access_of(request)
    index = reverse("admin:index")
    today = _item(_("Today"), "space_dashboard", index, active=request.path == index)
    groups: list[dict[str, Any]] = [{"items": [today]}]
    for title, entries in _GROUPS:
        items: list[dict[str, Any]] = []
        for record_type, label, icon in entries:
            if not access.may_anywhere(f"view_{record_type}"):
                continue
            link = reverse(f"admin:crm_{record_type}_changelist")
            item = _item(label, icon, link, active=request.path.startswith(link))
            if record_type == "task":
                item |= {"badge": overdue_badge(request), "badge_variant": "danger"}
            items.append(item)
        if items:
            groups.append({"title": title, "items": items})
    if access.account is not None and (items := access_items(request)):
        groups.append({"title": _("People and access"), "items": items})
    if access.user.is_superuser:
        link = reverse("admin:operator")
        item = _item(_("Operator session"), "shield_person", link, active=request.path == link)
        groups.append({"title": _("Platform"), "items": [item]})
    return groups


def access_items(request: HttpRequest) -> list[dict[str, Any]]:
    """The tables of access that the person may look at."""
    access, found = access_of(request), []
    for app, model, label, icon, codename in _ACCESS:
        if codename is None or access.may_anywhere(codename):
            link = reverse(f"admin:{app}_{model}_changelist")
            found.append(_item(label, icon, link, active=request.path.startswith(link)))
    return found


def _item(title: StrOrPromise, icon: str, link: str, *, active: bool) -> dict[str, Any]:
    """A line of the sidebar. Unfold prints its title as HTML, so it is escaped."""
    return {"title": conditional_escape(title), "icon": icon, "link": link, "active": active}


def overdue(request: HttpRequest) -> QuerySet[Task]:
    """The user's own open tasks whose time has passed."""
    access = access_of(request)
    return access.rows("view_task", "task").filter(responsible=access.user, done=False, due_at__lt=timezone.now())


def overdue_badge(request: HttpRequest) -> str | None:
    """Return how many of the person's tasks are overdue: an index of open tasks by person answers it."""
    count = access_of(request).once("overdue", lambda: overdue(request)[: MOST + 1].count())
    if not count:
        return None
    return f"{MOST}+" if count > MOST else str(count)
