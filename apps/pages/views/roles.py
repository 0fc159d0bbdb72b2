"""Roles: those of the scheme and the account's own, side by side, one in full, compared, copied, edited, deleted."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.access.roletable import holders_of, roles_of, table_of
from apps.accounts.models import User
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.custom_roles import (
    CopyRoleForm,
    DeleteRoleForm,
    EditRoleForm,
    MoveHoldersForm,
    OwnRoleForm,
    no_own_roles,
)
from apps.pages.forms.flow import answer
from apps.pages.forms.live import effect
from apps.pages.views.page import AccountChangePages, change_page, page, show
from apps.roles.models import Role
from apps.teams.models import Membership, ParentMembership

SHOWN = 50


@page("view_members")
def roles(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The roles that the account can give, a column each."""
    assert access.account is not None
    result = roles_of(access.account)
    context = {
        "roles": [(role, _holders(access).get(role.pk, 0)) for role in result],
        "table": table_of(access.account, result),
        "own": any(role.account_id is not None for role in result),
        "without": no_own_roles(access),
    }
    return show(request, access, "pages/roles/table.html", _("Roles"), context)


@page("view_members")
def role(request: HttpRequest, access: AccessContext, key: str) -> HttpResponse:
    """Show one role in full with its members, and (`?with=`) another role beside it.

    Raises:
        Http404: the account has no such role.
    """
    assert access.account is not None
    result = _role(access, key)
    others = [each for each in roles_of(access.account) if each.pk != result.pk]
    other = next((each for each in others if each.key == request.GET.get("with")), None)
    differing = other is not None and "all" not in request.GET
    people, many = _people(access, result)
    context = {
        "role": result,
        "others": others,
        "other": other,
        "differing": differing,
        "table": table_of(access.account, [result, *([other] if other is not None else [])], differing=differing),
        "people": people,
        "more": many - len(people),
        "many": many,
        "copy_barred": CopyRoleForm.barred(access, result) or _only_branch_roles(result),
        "own_barred": OwnRoleForm.barred(access, result),
        "crumbs": _crumbs(access),
    }
    return show(request, access, "pages/roles/role.html", result.name, context)


@page("manage_roles", sends=True)
def copy_role(request: HttpRequest, access: AccessContext, key: str) -> HttpResponse:
    """An own role is made of a published one."""
    return _change(request, access, CopyRoleForm, _role(access, key), back=_crumbs(access)[0][0])


@page("manage_roles", sends=True)
def delete_role(request: HttpRequest, access: AccessContext, key: str) -> HttpResponse:
    """Delete a custom role; a role with members moves them first."""
    result = _role(access, key)
    if MoveHoldersForm.applies(access, result):
        return _change(request, access, MoveHoldersForm, result, back=request.path)
    return _change(request, access, DeleteRoleForm, result, back=_crumbs(access)[0][0])


@page("manage_roles", sends=True)
def edit_role(request: HttpRequest, access: AccessContext, key: str) -> HttpResponse:
    """An own role gets other grants. With htmx, what that would change."""
    result = _role(access, key)
    if barred := _barred(EditRoleForm, access, result):
        return _closed(request, access, result, barred)
    form = EditRoleForm(request.POST or None, access=access, row=result)
    if request.method == "POST" and request.htmx:  # type: ignore[attr-defined]
        return render(request, "pages/permissions/effect.html", effect(form))
    pages = RoleEditPages(request, access, crumbs=[*_crumbs(access), (_address(access, result), result.name)])
    return answer(request, form, pages, back=_address(access, result), subject=result.name)


class RoleEditPages(AccountChangePages):
    """The page on which a role is edited has tabs, as that of a member's permissions."""

    def show(self, page: str, form: ChangeForm, context: dict[str, Any]) -> HttpResponse:
        """The page itself, or the preview."""
        if page != "change" or not isinstance(form, EditRoleForm):
            return super().show(page, form, context)
        tabs = form.tabs()
        chosen = self.request.POST.get("tab")
        known = [tab.key for tab, *_rest in tabs]
        context |= {"tabs": tabs, "open": chosen if chosen in known else known[0], "crumbs": self.crumbs}
        return show(self.request, self.access, "pages/roles/edit.html", context["subject"], context)


def _change(
    request: HttpRequest, access: AccessContext, kind: type[ChangeForm], found: Role, *, back: str
) -> HttpResponse:
    if barred := _barred(kind, access, found):
        return _closed(request, access, found, barred)
    form = kind(request.POST or None, access=access, row=found)
    crumbs = [*_crumbs(access), (_address(access, found), found.name)]
    return change_page(request, access, form, back=back, subject=found.name, crumbs=crumbs)


def _barred(kind: type[ChangeForm], access: AccessContext, found: Role) -> str:
    if barred := kind.barred(access, found):
        return barred
    if kind is CopyRoleForm:
        return _only_branch_roles(found)
    return (
        ""
        if kind.applies(access, found)
        else _("You can’t change %(role)s: it is a built-in role. Copy it instead.") % {"role": found.name}
    )


def _only_branch_roles(found: Role) -> str:
    if found.kind == Role.Kind.PARENT:
        return _("You can copy branch roles only.")
    return (
        "" if found.account_id is None else _("You can copy built-in roles only. Copy the one this role is based on.")
    )


def _closed(request: HttpRequest, access: AccessContext, found: Role, barred: str) -> HttpResponse:
    context = {"barred": barred, "crumbs": [*_crumbs(access), (_address(access, found), found.name)]}
    return show(request, access, "pages/permissions/barred.html", found.name, context)


def _role(access: AccessContext, key: str) -> Role:
    assert access.account is not None
    usable = Role.objects.usable_in(access.account_id, access.account.scheme).select_related("based_on")
    row = usable.filter(key=key).first()
    if row is None:
        raise Http404
    return row


def _address(access: AccessContext, found: Role) -> str:
    assert access.account is not None
    return reverse("pages:role", args=[access.account.slug, found.key])


def _crumbs(access: AccessContext) -> list[tuple[str, str]]:
    assert access.account is not None
    return [(reverse("pages:roles", args=[access.account.slug]), _("Roles"))]


def _holders(access: AccessContext) -> dict[int, int]:
    """Return the number of visible members of each role."""
    account = access.account
    assert account is not None
    parents = access.may_anywhere("view_parent_roles")
    return access.once("holders", lambda: holders_of(account, access.branches_where("view_members"), parents=parents))


def _people(access: AccessContext, found: Role) -> tuple[list[tuple[User, str]], int]:
    """The first of those who hold the role where the person may see it, each with the branch, and how many they are."""
    if found.kind == Role.Kind.PARENT:
        if not access.may_anywhere("view_parent_roles"):
            return [], 0
        above = ParentMembership.objects.filter(account=access.account_id, role=found, user__is_active=True)
        held = above.select_related("user").order_by("user__name", "pk")
        return [(each.user, _("the whole account")) for each in held[:SHOWN]], held.count()
    places = {branch.pk: branch.name for branch in access.branches_where("view_members")}
    rows = Membership.objects.active().filter(role=found, branch__in=places, user__is_active=True)
    listed = rows.select_related("user").order_by("user__name", "pk")[:SHOWN]
    return [(each.user, places[each.branch_id]) for each in listed], rows.count()
