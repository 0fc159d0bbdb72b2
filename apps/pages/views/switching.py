"""The account switcher."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.access.mandate_cache import accounts_of
from apps.accounts.models import User
from apps.pages.middleware import SESSION_KEY


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
