"""Parent roles: who holds one over the whole account; granted, changed, revoked."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.pages.forms.parent_roles import ChangeParentForm, GrantParentForm, ParentForm, RevokeParentForm
from apps.pages.forms.people import ParentFilter
from apps.pages.views.acts import PageAction, acts, address, changing, page_action
from apps.pages.views.listing import Order, by_name, part_of
from apps.pages.views.member import parent_of
from apps.pages.views.page import page, show
from apps.roles.models import Role
from apps.teams.models import ParentMembership

VIEWS = "view_parent_roles"


@page(VIEWS)
def parent_roles(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """The members with a parent role, and the parent roles of the role system, if it has any."""
    assert access.account is not None
    published = Role.objects.usable_in(access.account_id, access.account.scheme).filter(kind=Role.Kind.PARENT)
    known = ParentMembership.objects.filter(account=access.account_id).select_related("user", "role")
    asked = ParentFilter(request.GET, access=access, places=[])
    part = part_of(request, asked.narrow(known), known, Order("", [by_name()]))
    context = {
        "roles": list(published.order_by("-rank", "name")),
        "filter": asked,
        "filtered": bool(asked.narrowed) or not asked.is_valid(),
        "part": part,
        "lines": [(held, _acts(access, held)) for held in part.rows],
        "grant": page_action(access, GrantParentForm, None, "add_moderator", address(access, "parent-grant")),
    }
    return show(request, access, "pages/parents/list.html", _("Parent roles"), context)


@page(VIEWS, sends=True)
def grant(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """Grant a parent role; a link may name the member."""
    back = address(access, "parent-roles")
    chosen = {name: request.GET[name] for name in ("user", "role") if name in request.GET}
    crumbs = [(back, _("Parent roles"))]
    return changing(
        request,
        access,
        GrantParentForm,
        None,
        back=back,
        subject=str(GrantParentForm.title),
        crumbs=crumbs,
        initial=chosen,
    )


@page(VIEWS, sends=True)
def change(request: HttpRequest, access: AccessContext, member: int) -> HttpResponse:
    """Change a parent role."""
    return _change(request, access, ChangeParentForm, member)


@page(VIEWS, sends=True)
def revoke(request: HttpRequest, access: AccessContext, member: int) -> HttpResponse:
    """Revoke it."""
    return _change(request, access, RevokeParentForm, member)


def _change(request: HttpRequest, access: AccessContext, kind: type[ParentForm], member: int) -> HttpResponse:
    held = parent_of(access, member)
    if held is None:
        raise Http404
    back = address(access, "parent-roles")
    subject = _("%(who)s as %(role)s") % {"who": held.user, "role": held.role}
    chosen = {name: request.GET[name] for name in ("role",) if name in request.GET}
    crumbs = [(back, _("Parent roles"))]
    return changing(request, access, kind, held, back=back, subject=subject, crumbs=crumbs, initial=chosen)


def _acts(access: AccessContext, held: ParentMembership) -> list[PageAction]:
    changing_it, revoking_it = (address(access, name, held.user_id) for name in ("parent-change", "parent-revoke"))
    return acts(
        page_action(access, ChangeParentForm, held, "switch_account", changing_it, _("Change")),
        page_action(access, RevokeParentForm, held, "remove_moderator", revoking_it, _("Revoke")),
    )
