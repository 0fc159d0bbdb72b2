"""Roles: those of the scheme and the account's own, side by side, one in full, compared, copied, edited, deleted."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.context import Desk
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
from apps.pages.views.page import PageFace, change_page, page, show
from apps.roles.models import Role
from apps.teams.models import Membership, ParentMembership

SHOWN = 50


@page("view_members")
def roles(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The roles that the account can give, a column each."""
    assert desk.account is not None
    found = roles_of(desk.account)
    context = {
        "roles": [(role, _holders(desk).get(role.pk, 0)) for role in found],
        "table": table_of(desk.account, found),
        "own": any(role.account_id is not None for role in found),
        "without": no_own_roles(desk),
    }
    return show(request, desk, "pages/roles/table.html", _("Roles"), context)


@page("view_members")
def role(request: HttpRequest, desk: Desk, key: str) -> HttpResponse:
    """One role in full, who holds it, and (`?with=`) another one beside it.

    Raises:
        Http404: the account has no such role.
    """
    assert desk.account is not None
    found = _role(desk, key)
    others = [each for each in roles_of(desk.account) if each.pk != found.pk]
    other = next((each for each in others if each.key == request.GET.get("with")), None)
    differing = other is not None and "all" not in request.GET
    people, many = _people(desk, found)
    context = {
        "role": found,
        "others": others,
        "other": other,
        "differing": differing,
        "table": table_of(desk.account, [found, *([other] if other is not None else [])], differing=differing),
        "people": people,
        "more": many - len(people),
        "many": many,
        "copy_barred": CopyRoleForm.barred(desk, found) or _only_branch_roles(found),
        "own_barred": OwnRoleForm.barred(desk, found),
        "crumbs": _crumbs(desk),
    }
    return show(request, desk, "pages/roles/role.html", found.name, context)


@page("manage_roles", sends=True)
def copy_role(request: HttpRequest, desk: Desk, key: str) -> HttpResponse:
    """An own role is made of a published one."""
    return _change(request, desk, CopyRoleForm, _role(desk, key), back=_crumbs(desk)[0][0])


@page("manage_roles", sends=True)
def delete_role(request: HttpRequest, desk: Desk, key: str) -> HttpResponse:
    """An own role goes; as long as somebody holds it, its members are moved first."""
    found = _role(desk, key)
    if MoveHoldersForm.applies(desk, found):
        return _change(request, desk, MoveHoldersForm, found, back=request.path)
    return _change(request, desk, DeleteRoleForm, found, back=_crumbs(desk)[0][0])


@page("manage_roles", sends=True)
def edit_role(request: HttpRequest, desk: Desk, key: str) -> HttpResponse:
    """An own role gets other grants. With htmx, what that would change."""
    found = _role(desk, key)
    if barred := _barred(EditRoleForm, desk, found):
        return _closed(request, desk, found, barred)
    form = EditRoleForm(request.POST or None, desk=desk, row=found)
    if request.method == "POST" and request.htmx:  # type: ignore[attr-defined]
        return render(request, "pages/permissions/effect.html", effect(form))
    face = EditFace(request, desk, crumbs=[*_crumbs(desk), (_address(desk, found), found.name)])
    return answer(request, form, face, back=_address(desk, found), subject=found.name)


class EditFace(PageFace):
    """The page on which a role is edited has tabs, as that of a member's permissions."""

    def show(self, page: str, form: ChangeForm, context: dict[str, Any]) -> HttpResponse:
        """The page itself, or the preview."""
        if page != "change" or not isinstance(form, EditRoleForm):
            return super().show(page, form, context)
        tabs = form.tabs()
        chosen = self.request.POST.get("tab")
        known = [tab.key for tab, *_rest in tabs]
        context |= {"tabs": tabs, "open": chosen if chosen in known else known[0], "crumbs": self.crumbs}
        return show(self.request, self.desk, "pages/roles/edit.html", context["subject"], context)


def _change(request: HttpRequest, desk: Desk, kind: type[ChangeForm], found: Role, *, back: str) -> HttpResponse:
    if barred := _barred(kind, desk, found):
        return _closed(request, desk, found, barred)
    form = kind(request.POST or None, desk=desk, row=found)
    crumbs = [*_crumbs(desk), (_address(desk, found), found.name)]
    return change_page(request, desk, form, back=back, subject=found.name, crumbs=crumbs)


def _barred(kind: type[ChangeForm], desk: Desk, found: Role) -> str:
    if barred := kind.barred(desk, found):
        return barred
    if kind is CopyRoleForm:
        return _only_branch_roles(found)
    return (
        ""
        if kind.applies(desk, found)
        else _("%(role)s is published, and nobody redefines it. Copy it instead.") % {"role": found.name}
    )


def _only_branch_roles(found: Role) -> str:
    if found.kind == Role.Kind.PARENT:
        return _("Only branch roles are copied.")
    return (
        "" if found.account_id is None else _("Copies are made of published roles. Copy the one that this comes from.")
    )


def _closed(request: HttpRequest, desk: Desk, found: Role, barred: str) -> HttpResponse:
    context = {"barred": barred, "crumbs": [*_crumbs(desk), (_address(desk, found), found.name)]}
    return show(request, desk, "pages/permissions/barred.html", found.name, context)


def _role(desk: Desk, key: str) -> Role:
    assert desk.account is not None
    usable = Role.objects.usable_in(desk.account_id, desk.account.scheme).select_related("based_on")
    found = usable.filter(key=key).first()
    if found is None:
        raise Http404
    return found


def _address(desk: Desk, found: Role) -> str:
    assert desk.account is not None
    return reverse("pages:role", args=[desk.account.slug, found.key])


def _crumbs(desk: Desk) -> list[tuple[str, str]]:
    assert desk.account is not None
    return [(reverse("pages:roles", args=[desk.account.slug]), _("Roles"))]


def _holders(desk: Desk) -> dict[int, int]:
    """How many hold each role, of those whom the person may see."""
    account = desk.account
    assert account is not None
    parents = desk.may_anywhere("view_parent_roles")
    return desk.once("holders", lambda: holders_of(account, desk.branches_where("view_members"), parents=parents))


def _people(desk: Desk, found: Role) -> tuple[list[tuple[User, str]], int]:
    """The first of those who hold the role where the person may see it, each with the branch, and how many they are."""
    if found.kind == Role.Kind.PARENT:
        if not desk.may_anywhere("view_parent_roles"):
            return [], 0
        above = ParentMembership.objects.filter(account=desk.account_id, role=found, user__is_active=True)
        held = above.select_related("user").order_by("user__name", "pk")
        return [(each.user, _("the whole account")) for each in held[:SHOWN]], held.count()
    places = {branch.pk: branch.name for branch in desk.branches_where("view_members")}
    rows = Membership.objects.active().filter(role=found, branch__in=places, user__is_active=True)
    listed = rows.select_related("user").order_by("user__name", "pk")[:SHOWN]
    return [(each.user, places[each.branch_id]) for each in listed], rows.count()
