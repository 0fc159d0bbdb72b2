"""Invitations: sent, resent, cancelled. The sender sees the link once."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.access.context import AccessContext
from apps.pages.forms.flow import answer
from apps.pages.forms.invitations import CancelForm, InvitationForm, InviteForm, ResendForm
from apps.pages.forms.people import invitations_in_sight
from apps.pages.views.acts import OwnPage, address, changing
from apps.pages.views.page import page

INVITES = "invite_members"


@page(INVITES, sends=True)
def invite(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """Invite a member."""
    back = address(access, "members-invited")
    crumbs = [(address(access, "members"), _("Members")), (back, _("Invitations"))]
    chosen = {name: request.GET[name] for name in ("email", "branch", "role") if name in request.GET}
    form = InviteForm(request.POST or None, access=access, row=None, initial=chosen)
    form.require()
    pages = OwnPage(request, access, "pages/members/invite.html", {}, crumbs=crumbs)
    return answer(request, form, pages, back=back, subject=str(InviteForm.title))


@page(INVITES, sends=True)
def resend(request: HttpRequest, access: AccessContext, invitation: int) -> HttpResponse:
    """Resend the invitation with a new link."""
    return _change(request, access, ResendForm, invitation)


@page(INVITES, sends=True)
def cancel(request: HttpRequest, access: AccessContext, invitation: int) -> HttpResponse:
    """Cancel it."""
    return _change(request, access, CancelForm, invitation)


def _change(request: HttpRequest, access: AccessContext, kind: type[InvitationForm], invitation: int) -> HttpResponse:
    row = invitations_in_sight(access).filter(pk=invitation).first()
    if row is None or not kind.applies(access, row):
        raise Http404
    back = address(access, "members-invited")
    crumbs = [(address(access, "members"), _("Members")), (back, _("Invitations"))]
    subject = f"{kind.title}: {row.email}"
    return changing(request, access, kind, row, back=back, subject=subject, crumbs=crumbs)
