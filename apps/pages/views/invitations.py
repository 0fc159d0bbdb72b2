"""Invitations: sent, sent again, cancelled. The link is shown this once to whoever sends it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.access.context import Desk
from apps.pages.forms.flow import answer
from apps.pages.forms.invitations import CancelForm, InvitationForm, InviteForm, ResendForm
from apps.pages.forms.people import invitations_in_sight
from apps.pages.views.acts import OwnFace, address, changing
from apps.pages.views.page import page

INVITES = "invite_members"


@page(INVITES, sends=True)
def invite(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Somebody is asked to join."""
    back = address(desk, "members-invited")
    crumbs = [(address(desk, "members"), _("Members")), (back, _("Invited"))]
    chosen = {name: request.GET[name] for name in ("email", "branch", "role") if name in request.GET}
    form = InviteForm(request.POST or None, desk=desk, row=None, initial=chosen)
    form.require()
    face = OwnFace(request, desk, "pages/members/invite.html", {}, crumbs=crumbs)
    return answer(request, form, face, back=back, subject=str(InviteForm.title))


@page(INVITES, sends=True)
def resend(request: HttpRequest, desk: Desk, invitation: int) -> HttpResponse:
    """It is sent again, with another link."""
    return _change(request, desk, ResendForm, invitation)


@page(INVITES, sends=True)
def cancel(request: HttpRequest, desk: Desk, invitation: int) -> HttpResponse:
    """It is taken back."""
    return _change(request, desk, CancelForm, invitation)


def _change(request: HttpRequest, desk: Desk, kind: type[InvitationForm], invitation: int) -> HttpResponse:
    row = invitations_in_sight(desk).filter(pk=invitation).first()
    if row is None or not kind.applies(desk, row):
        raise Http404
    back = address(desk, "members-invited")
    crumbs = [(address(desk, "members"), _("Members")), (back, _("Invited"))]
    subject = f"{kind.title}: {row.email}"
    return changing(request, desk, kind, row, back=back, subject=subject, crumbs=crumbs)
