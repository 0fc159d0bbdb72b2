"""Every address of the admin: who may use it, and what it answers. An address that is missing here fails a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.factories import FACTORIES

LIST, NEW, RECORD = "list", "new", "record"


@dataclass(frozen=True, slots=True)
class Route:
    """One address and method.

    `permission` is what it needs; `right` is what somebody with it gets. `kind` says what the address speaks of: a
    list, a new record, or one record (which is 404 for those who may not view it).
    """

    pattern: str
    method: str
    permission: str
    right: int
    kind: str
    record_type: str


@dataclass(frozen=True, slots=True)
class Frame:
    """An address of the admin itself, open to all staff; it shows nothing but what the engine gives."""

    pattern: str
    query: str
    status: int
    signed_out: int = 302


def routes() -> Iterator[Route]:
    """The addresses of all record types."""
    for record_type in FACTORIES:
        base = f"admin/crm/{record_type}/"
        one = f"{base}<path:object_id>/"
        table = [
            (base, "GET", "view", 200, LIST),
            (base, "POST", "view", 200, LIST),
            (f"{base}add/", "GET", "add", 200, NEW),
            (f"{base}add/", "POST", "add", 200, NEW),
            (f"{one}change/", "GET", "view", 200, RECORD),
            (f"{one}change/", "POST", "change", 200, RECORD),
            (f"{one}delete/", "GET", "delete", 200, RECORD),
            (f"{one}delete/", "POST", "delete", 302, RECORD),
            (f"{one}history/", "GET", "view", 200, RECORD),
            (f"{one}rights/", "GET", "view", 200, RECORD),
            (f"{one}share/", "GET", "view", 404 if record_type == "activity" else 200, RECORD),
            (f"{one}share/", "POST", "view", 404 if record_type == "activity" else 200, RECORD),
        ]
        if record_type == "task":
            table += [
                (f"{one}complete/", "GET", "view", 405, RECORD),
                (f"{one}complete/", "POST", "change", 302, RECORD),
                (f"{one}reopen/", "GET", "view", 405, RECORD),
                (f"{one}reopen/", "POST", "change", 302, RECORD),
            ]
        for pattern, method, verb, right, kind in table:
            yield Route(pattern, method, f"{verb}_{record_type}", right, kind, record_type)


@dataclass(frozen=True, slots=True)
class AccessRoute:
    """One address and method of the tables of access.

    `permission` is what it needs, None where all staff may; `right` is what somebody with everything gets of a row that
    is there, 404 for an unknown one. `table` is the model that the address speaks of.
    """

    pattern: str
    method: str
    permission: str | None
    right: int
    table: str
    row: bool = False


def access_routes() -> Iterator[AccessRoute]:
    """The addresses of the tables of access, and of the log."""
    tables = (
        ("teams", "membership", "view_members", "add_to_branches", "remove_members"),
        ("teams", "invitation", "view_members", "invite_members", None),
        ("teams", "team", "view_members", "manage_teams", "manage_teams"),
        ("teams", "parentmembership", "view_parent_roles", "grant_parent_roles", "revoke_parent_roles"),
        ("access", "override", "view_member_permissions", "manage_member_permissions", "manage_member_permissions"),
        ("roles", "role", "view_members", None, "manage_roles"),
        ("accounts", "branch", "view_branch", "add_branch", None),
    )
    for app, model, views, adds, removes in tables:
        table, base = f"{app}.{model}", f"admin/{app}/{model}/"
        one = f"{base}<path:object_id>/"
        for method in ("GET", "POST"):
            yield AccessRoute(base, method, views, 200, table)
            yield AccessRoute(f"{one}change/", method, views, 200, table, row=True)
            if adds is not None:
                yield AccessRoute(f"{base}add/", method, adds, 200, table)
            if removes is not None:
                yield AccessRoute(f"{one}delete/", method, removes, 200, table, row=True)
        yield AccessRoute(f"{one}history/", "GET", "view_audit_log", 200, table, row=True)
    asked = "admin/access/accessrequest/"
    for method in ("GET", "POST"):
        yield AccessRoute(asked, method, None, 200, "access.accessrequest")
        yield AccessRoute(f"{asked}add/", method, None, 200, "access.accessrequest")
        yield AccessRoute(f"{asked}<path:object_id>/change/", method, None, 200, "access.accessrequest", row=True)
    yield AccessRoute(
        f"{asked}<path:object_id>/history/", "GET", "view_audit_log", 200, "access.accessrequest", row=True
    )
    bills = "admin/billing/invoice/"
    for method in ("GET", "POST"):
        yield AccessRoute(bills, method, "view_billing", 200, "billing.invoice")
        yield AccessRoute(f"{bills}<path:object_id>/change/", method, "view_billing", 200, "billing.invoice", row=True)
    yield AccessRoute(f"{bills}<path:object_id>/history/", "GET", "view_audit_log", 200, "billing.invoice", row=True)
    log = "admin/audit/operation/"
    yield AccessRoute(log, "GET", "view_audit_log", 200, "audit.operation")
    yield AccessRoute(log, "POST", "view_audit_log", 200, "audit.operation")
    yield AccessRoute(f"{log}export/<str:kind>/", "GET", "view_audit_log", 405, "audit.operation")
    yield AccessRoute(f"{log}export/<str:kind>/", "POST", "view_audit_log", 200, "audit.operation")
    for page in ("change", "undo"):
        yield AccessRoute(f"{log}<path:object_id>/{page}/", "GET", "view_audit_log", 200, "audit.operation", row=True)


# Django's old address of a record leads to the new one, whether or not there is such a record.
REDIRECTS = tuple(f"admin/crm/{record_type}/<path:object_id>/" for record_type in FACTORIES)

FRAMES = (
    Frame("admin/", "", 200),
    Frame("admin/login/", "", 302),
    Frame("admin/logout/", "", 405),
    Frame("admin/password_change/", "", 302),
    Frame("admin/password_change/done/", "", 302),
    Frame("admin/jsi18n/", "", 200),
    Frame("admin/search/", "?s=printers&extended=1", 200),
    Frame("admin/autocomplete/", "?app_label=crm&model_name=lead&field_name=company&term=x", 200),
    Frame("admin/operator/", "", 404),
    Frame("admin/operator/end/", "", 404),
    Frame("admin/^(?P<app_label>teams|access|roles|accounts|audit|crm|billing)/$", "", 200),
    Frame("admin/(?P<url>.*)$", "", 404),
)
