"""Pages to list, create and revoke the user's API tokens."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from apps.access.context import access_of
from apps.accounts.tokens import (
    MOST,
    NameTaken,
    OperatorsCannotHaveTokens,
    TooManyTokens,
    end_token,
    make_token,
    tokens_of,
)
from apps.signin.forms import TokenForm


@login_required
@require_GET
def tokens(request: HttpRequest) -> HttpResponse:
    """Every token that counts, and when it was last used."""
    access = access_of(request)
    return render(request, "signin/tokens.html", {"access": access, "tokens": tokens_of(access.user)})


@login_required
@reauthentication_required
@sensitive_variables("token")
def new_token(request: HttpRequest) -> HttpResponse:
    """A form; then the token, which is shown this once."""
    access = access_of(request)
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            token = make_token(access.user, form.cleaned_data["name"], form.cleaned_data["days"])
        except NameTaken:
            form.add_error(
                "name",
                _("You already have a token with this name. Choose another name, or revoke the old token first."),
            )
        except TooManyTokens:
            form.add_error(
                None, _("You already have %(most)s tokens, which is the limit. Revoke one first.") % {"most": MOST}
            )
        except OperatorsCannotHaveTokens:
            form.add_error(None, _("Platform operators can't have API tokens. Use a user without operator rights."))
        else:
            context = {"access": access, "token": token, "name": form.cleaned_data["name"]}
            return render(request, "signin/token.html", context)
    return render(request, "signin/token.html", {"access": access, "form": form})


@login_required
@require_POST
def end_one_token(request: HttpRequest, number: int) -> HttpResponse:
    """End a token at once. Nothing has to be shown for it: it takes away, and may be in a hurry.

    Raises:
        Http404: it is nobody's, or somebody else's.
    """
    if not end_token(access_of(request).user, number):
        raise Http404
    messages.success(request, _("Token revoked."))
    return HttpResponseRedirect(reverse("my-tokens"))
