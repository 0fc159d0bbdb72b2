"""Changes of members: name, role, a further branch, removal with its plan, leaving, and the way back."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.accounts.models import Branch
from apps.pages.forms.flow import answer
from apps.pages.forms.members import (
    ACTIVE,
    REMOVED,
    AddToBranchForm,
    DeleteForm,
    DepartureForm,
    LeaveForm,
    NameForm,
    RemoveEverywhereForm,
    RemoveForm,
    ResetMfaForm,
    RestoreForm,
    RoleForm,
)
from apps.pages.views.acts import OwnPage, address, changing
from apps.pages.views.member import member_crumbs, membership_in_sight, memberships_of, records_of
from apps.pages.views.page import EVERYBODY, page, show
from apps.roles.models import Role
from apps.teams.models import Membership

EVERYWHERE = "all"


@page("change_members", sends=True)
def name(request: HttpRequest, access: AccessContext, member: int) -> HttpResponse:
    """Another name."""
    row = _first(memberships_of(access, member, ACTIVE))
    crumbs = member_crumbs(access, row.user)
    return changing(request, access, NameForm, row, back=crumbs[-1][0], subject=str(row.user), crumbs=crumbs)


@page("reset_mfa", sends=True)
def reset_second_factor(request: HttpRequest, access: AccessContext, member: int) -> HttpResponse:
    """Reset the two-factor authentication of a member who lost it."""
    row = _first(memberships_of(access, member, ACTIVE))
    crumbs = member_crumbs(access, row.user)
    return changing(request, access, ResetMfaForm, row, back=crumbs[-1][0], subject=str(row.user), crumbs=crumbs)


@page("change_roles", sends=True)
def role(request: HttpRequest, access: AccessContext, member: int, branch: str) -> HttpResponse:
    """Another role on a branch, with the rules of the scheme beside the choice."""
    row = membership_in_sight(access, member, branch, ACTIVE)
    chosen = {name: request.GET[name] for name in ("role",) if name in request.GET}
    form = RoleForm(request.POST or None, access=access, row=row, initial=chosen)
    form.require()
    crumbs = member_crumbs(access, row.user)
    subject = _("Role of %(who)s on %(where)s") % {"who": row.user, "where": row.branch}
    if barred := form.barred(access, row):
        return show(request, access, "pages/members/barred.html", subject, {"barred": barred, "crumbs": crumbs})
    assert access.account is not None
    choices = _role_choices(access, row, form)
    context = {
        "membership": row,
        "choices": choices,
        "up_only": access.account.role_system.up_only,
        "down": any(choice["lower"] and choice["chosen"] for choice in choices),
        "plan": f"{address(access, 'member-remove', row.user_id)}?from={row.branch.slug}",
    }
    pages = OwnPage(request, access, "pages/members/role.html", context, crumbs=crumbs)
    return answer(request, form, pages, back=crumbs[-1][0], subject=subject)


def _role_choices(access: AccessContext, row: Membership, form: RoleForm) -> list[dict[str, Any]]:
    """The roles that can be given, the highest first, each compared with the current one."""
    assert access.account is not None
    usable = Role.objects.usable_in(access.account_id, access.account.scheme)
    given = usable.filter(kind=Role.Kind.BRANCH, single=False).order_by("-rank", "name")
    chosen = str(form["role"].value() or "")
    return [
        {
            "role": each,
            "stands": each.pk == row.role_id,
            "higher": each.rank > row.role.rank,
            "lower": each.rank <= row.role.rank and each.pk != row.role_id,
            "chosen": str(each.pk) == chosen,
        }
        for each in given
    ]


@page("remove_members", sends=True)
def remove(request: HttpRequest, access: AccessContext, member: int) -> HttpResponse:
    """The offboarding plan, for one branch (`?from=`) or for all of them."""
    rows = memberships_of(access, member, ACTIVE)
    row = _first(rows)
    if row.user == access.user:
        raise Http404
    everywhere = len(rows) > 1 and len(access.branches) == _open_branches(access)
    known = [each.branch.slug for each in rows]
    asked = request.GET.get("from", known[0])
    if asked not in known and not (everywhere and asked == EVERYWHERE):
        raise Http404
    tabs = [(each.branch.slug, each.branch.name) for each in rows]
    if everywhere:
        tabs.append((EVERYWHERE, _("All branches")))
    kind = RemoveEverywhereForm if asked == EVERYWHERE else RemoveForm
    row = next((each for each in rows if each.branch.slug == asked), row)
    title = _("Remove %(who)s") % {"who": row.user}
    return _departure(request, access, kind, row, title, {"tabs": tabs if len(tabs) > 1 else [], "asked": asked})


@page(EVERYBODY, sends=True)
def leave(request: HttpRequest, access: AccessContext, branch: str) -> HttpResponse:
    """Leaving a branch by oneself, with the same plan."""
    place = next((each for each in access.branches if each.slug == branch), None)
    own = Membership.objects.filter(account=access.account_id, branch=place, user=access.user, status=ACTIVE)
    row = own.select_related("user", "role").first() if place is not None else None
    if row is None or place is None:
        raise Http404
    row.branch = place
    return _departure(request, access, LeaveForm, row, _("Leave %(branch)s") % {"branch": row.branch}, {})


def _departure(
    request: HttpRequest,
    access: AccessContext,
    kind: type[DepartureForm],
    row: Membership,
    title: str,
    context: dict[str, Any],
) -> HttpResponse:
    form = kind(request.POST or None, access=access, row=row)
    form.require()
    sees = access.may("view_members", row.branch)
    crumbs = member_crumbs(access, row.user) if sees else []
    if barred := form.barred(access, row):
        return show(request, access, "pages/members/barred.html", title, {"barred": barred, "crumbs": crumbs})
    many = records_of(access, row.user, None if kind is RemoveEverywhereForm else row.branch_id)
    context |= {
        "membership": row,
        "handed": [(form[f"to_{name}"], many.get(name, 0)) for name in form.types],
        "own": kind is LeaveForm,
        "everywhere": kind is RemoveEverywhereForm,
    }
    pages = OwnPage(request, access, "pages/members/departure.html", context, crumbs=crumbs)
    back = address(access, "home") if kind is LeaveForm else address(access, "members")
    return answer(request, form, pages, back=back, subject=title)


@page("remove_members", sends=True)
def restore(request: HttpRequest, access: AccessContext, member: int, branch: str) -> HttpResponse:
    """Back from the removed members."""
    row = membership_in_sight(access, member, branch, REMOVED)
    subject = _("Restore %(who)s on %(where)s") % {"who": row.user, "where": row.branch}
    crumbs = [(address(access, "members-restore"), _("Restore")), member_crumbs(access, row.user)[-1]]
    return changing(request, access, RestoreForm, row, back=crumbs[-1][0], subject=subject, crumbs=crumbs)


@page("remove_members", sends=True)
def delete(request: HttpRequest, access: AccessContext, member: int, branch: str) -> HttpResponse:
    """Off the removed members, for good."""
    row = membership_in_sight(access, member, branch, REMOVED)
    subject = _("Delete %(who)s from %(where)s permanently") % {"who": row.user, "where": row.branch}
    back = address(access, "members-restore")
    crumbs = [(back, _("Restore")), member_crumbs(access, row.user)[-1]]
    return changing(request, access, DeleteForm, row, back=back, subject=subject, crumbs=crumbs)


@page("add_to_branches", sends=True)
def add(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """Add a member of the account to another branch; a link may say who."""
    back = address(access, "members")
    chosen = {name: request.GET[name] for name in ("user", "branch", "role") if name in request.GET}
    return changing(
        request,
        access,
        AddToBranchForm,
        None,
        back=back,
        subject=str(AddToBranchForm.title),
        crumbs=[(back, _("Members"))],
        initial=chosen,
    )


def _first(rows: list[Membership]) -> Membership:
    if not rows:
        raise Http404
    return rows[0]


def _open_branches(access: AccessContext) -> int:
    return Branch.objects.filter(account=access.account_id, status=Branch.Status.ACTIVE).count()
