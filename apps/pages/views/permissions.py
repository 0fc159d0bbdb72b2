"""“Update permissions”: one member on one branch."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.flow import answer
from apps.pages.forms.live import effect
from apps.pages.forms.permissions import PermissionsForm
from apps.pages.views.page import AccountChangePages, page, show
from apps.roles import catalogue
from apps.teams.models import Membership

MANAGE = "manage_member_permissions"


@page(MANAGE, sends=True)
def permissions(request: HttpRequest, access: AccessContext, member: int, branch: str) -> HttpResponse:
    """Show a member's effective permissions on a branch next to the role's, with a control to override each.

    With htmx, what the choices would change.

    Raises:
        Http404: there is no such visible active member.
        MissingPermission: the person may not change it there.
    """
    membership = _in_sight(access, member, branch)
    access.require(MANAGE, membership.branch)
    if barred := PermissionsForm.barred(access, membership):
        context = {"barred": barred, "membership": membership, "crumbs": _crumbs(access, membership)}
        return show(request, access, "pages/permissions/barred.html", _title(membership), context)
    form = PermissionsForm(request.POST or None, access=access, row=membership, initial=_chosen(request))
    if request.method == "POST" and request.htmx:  # type: ignore[attr-defined]
        result = effect(form)
        caps = form.caps(result["preview"]) if "preview" in result else []
        return render(request, "pages/permissions/effect.html", {**result, "caps": caps})
    pages = PermissionsPages(request, access, membership)
    return answer(request, form, pages, back=pages.back, subject=_title(membership))


class PermissionsPages(AccountChangePages):
    """The page with its tabs; the confirmation looks like any other."""

    def __init__(self, request: HttpRequest, access: AccessContext, membership: Membership) -> None:
        super().__init__(request, access, crumbs=_crumbs(access, membership))
        self.membership = membership
        tab = request.POST.get("tab", "")
        self.back = f"{request.path}?tab={tab}" if tab.isidentifier() else request.path

    def show(self, page: str, form: ChangeForm, context: dict[str, Any]) -> HttpResponse:
        """The page itself, or the preview."""
        if page != "change" or not isinstance(form, PermissionsForm):
            return super().show(page, form, context)
        tabs = form.tabs()
        chosen = self.request.POST.get("tab") or self.request.GET.get("tab")
        failing = {name.removeprefix("end_").removeprefix("choice_") for name in form.errors}
        wrong = (tab.key for tab, *_rest in tabs if failing & {each.codename for each in tab.permissions})
        known = [tab.key for tab, *_rest in tabs]
        context |= {
            "tabs": tabs,
            "open": next(wrong, chosen if chosen in known else known[0]),
            "membership": self.membership,
            "chosen": bool(form.initial),
            "parent": form.mandate.facts.parent,
            "crumbs": self.crumbs,
        }
        return show(self.request, self.access, "pages/permissions/page.html", context["subject"], context)


def _chosen(request: HttpRequest) -> dict[str, str]:
    """Return the scopes that a link preselects. They apply only once the form is sent."""
    if request.method == "POST":
        return {}
    known = {permission.codename for permission in catalogue.permissions()}
    return {f"choice_{name}": str(request.GET[name]) for name in request.GET if name in known}


def _in_sight(access: AccessContext, member: int, slug: str) -> Membership:
    """The active membership, where the person may see who works on the branch or change what they may."""
    branch = next((branch for branch in access.branches if branch.slug == slug), None)
    if branch is None or not (access.may("view_members", branch) or access.may(MANAGE, branch)):
        raise Http404
    rows = Membership.objects.active().filter(branch=branch, user=member).select_related("user", "role")
    membership = rows.first()
    if membership is None:
        raise Http404
    membership.branch = branch
    return membership


def _title(membership: Membership) -> str:
    return _("Permissions of %(who)s on %(where)s") % {"who": membership.user, "where": membership.branch}


def _crumbs(access: AccessContext, membership: Membership) -> list[tuple[str, str]]:
    assert access.account is not None
    slug = access.account.slug
    return [
        (reverse("pages:members", args=[slug]), _("Members")),
        (reverse("pages:member", args=[slug, membership.user_id]), str(membership.user)),
    ]
