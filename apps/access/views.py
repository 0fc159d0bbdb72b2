"""The pages of access itself: the account switcher, and the page that says why somebody may not."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.access.admin.site import site
from apps.access.desk import desk_of
from apps.access.errors import MissingPermission
from apps.access.forms.requests import asking_address
from apps.access.mandates import accounts_of
from apps.access.middleware import SESSION_KEY
from apps.access.reasons import why_not
from apps.accounts.models import User


@login_required
@require_POST
def switch_account(request: HttpRequest, slug: str) -> HttpResponse:
    """Work in another account from now on; 404 for one that the user does not belong to, as for one that is not."""
    if not isinstance(request.user, User):
        raise Http404
    account = accounts_of(request.user).filter(slug=slug).first()
    if account is None:
        raise Http404
    request.session[SESSION_KEY] = account.pk
    return HttpResponseRedirect(reverse("admin:index"))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403, naming the missing permission, why it is missing, and who can grant it."""
    if not site.has_permission(request):
        return render(request, "403.html", {"why": None, "layout": "bare.html"}, status=403)
    desk = desk_of(request)
    context: dict[str, Any] = {**site.each_context(request), "title": "Not allowed", "layout": "admin/base_site.html"}
    if isinstance(exception, MissingPermission):
        context |= {"why": why_not(desk, exception.codename, exception.target), "target": exception.target}
        if desk.account is not None:
            context["asking"] = asking_address(desk, exception.codename, exception.target)
    return render(request, "403.html", context, status=403)
