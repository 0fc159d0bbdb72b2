"""Failed passkeys: a second attempt still leads to the page that the user wanted."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import passthrough_next_redirect_url
from allauth.mfa.webauthn.views import LoginWebAuthnView, ReauthenticateWebAuthnView
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse


class SignInByPasskeyView(LoginWebAuthnView):
    """allauth's view, but a failed passkey keeps the `next` address."""

    def form_invalid(self, form: Any) -> HttpResponse:
        """Redirect to the sign-in page and keep `next` if it is one of our pages."""
        super().form_invalid(form)
        return _back(self.request, "account_login")


class ShowWhoByPasskeyView(ReauthenticateWebAuthnView):
    """As above, for a signed-in user who confirms their identity."""

    def form_invalid(self, form: Any) -> HttpResponse:
        """Redirect to the same page: the sign-in page would redirect a signed-in user."""
        super().form_invalid(form)
        return _back(self.request, "mfa_reauthenticate_webauthn")


def _back(request: HttpRequest, name: str) -> HttpResponse:
    return HttpResponseRedirect(passthrough_next_redirect_url(request, reverse(name), REDIRECT_FIELD_NAME))
