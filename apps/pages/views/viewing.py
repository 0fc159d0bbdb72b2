"""View as: started from the account's pages, stopped from the banner."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.access.context import AccessContext, access_of
from apps.accounts.models import User
from apps.changes.view_as import NEEDS, ViewingRefused, start, stop, why_not
from apps.pages.forms.viewing import ViewingForm
from apps.pages.views.page import page, show
from apps.teams.models import Membership, ParentMembership


@page(NEEDS, sends=True)
def view_as(request: HttpRequest, access: AccessContext, member: int) -> HttpResponse:
    """Say why, and look as a member; or read why that is not for this person.

    Raises:
        Http404: there is no such visible member.
    """
    assert access.account is not None
    person = _in_sight(access, member)
    home, back = (
        reverse("pages:home", args=[access.account.slug]),
        reverse("pages:member", args=[access.account.slug, member]),
    )
    form = ViewingForm(request.POST or None)
    barred = why_not(access.user, access.account, person)
    if request.method == "POST" and form.is_valid() and not barred:
        try:
            start(request.session, access.user, access.account, person, reason=form.cleaned_data["reason"])
        except ViewingRefused as refusal:
            form.add_error("reason", str(refusal))
        else:
            return HttpResponseRedirect(home)
    crumbs = [(reverse("pages:members", args=[access.account.slug]), _("Members")), (back, str(person))]
    context = {"form": form, "person": person, "barred": barred, "back": back, "crumbs": crumbs}
    return show(request, access, "pages/viewing/start.html", _("View as %(who)s") % {"who": person}, context)


@login_required
@require_POST
def stop_viewing(request: HttpRequest) -> HttpResponse:
    """Be oneself again."""
    account = stop(request.session, access_of(request).user, how="Stopped by hand")
    if account is None:
        return HttpResponseRedirect(reverse("crm:work"))
    messages.success(request, _("Viewing ended."))
    return HttpResponseRedirect(reverse("pages:home", args=[account.slug]))


def _in_sight(access: AccessContext, member: int) -> User:
    """A member of a branch where the person gives permissions, or the holder of a parent role."""
    places = [branch.pk for branch in access.branches_where(NEEDS)]
    members = Membership.objects.active().filter(branch__in=places, user=member)
    row = members.select_related("user").first()
    if row is None and access.may_anywhere("view_parent_roles"):
        holders = ParentMembership.objects.filter(account=access.account_id, user=member)
        row = holders.select_related("user").first()  # type: ignore[assignment] # both have a user
    if row is None:
        raise Http404
    return row.user
