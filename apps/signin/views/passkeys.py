"""Passkeys that did not count: whoever tries again is still led to where they wanted to go."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import passthrough_next_redirect_url
from allauth.mfa.webauthn.views import LoginWebAuthnView, ReauthenticateWebAuthnView
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse


class SignInByPasskeyView(LoginWebAuthnView):
    """allauth's, which forgets the way on where a passkey does not count."""

    def form_invalid(self, form: Any) -> HttpResponse:
        """Back to the page of signing in, with the way on where it is one of ours."""
        super().form_invalid(form)
        return _back(self.request, "account_login")


class ShowWhoByPasskeyView(ReauthenticateWebAuthnView):
    """As above, for somebody who is signed in and shows once more who they are."""

    def form_invalid(self, form: Any) -> HttpResponse:
        """Back to the same page: the one of signing in would lead somebody who is in away."""
        super().form_invalid(form)
        return _back(self.request, "mfa_reauthenticate_webauthn")


def _back(request: HttpRequest, name: str) -> HttpResponse:
    return HttpResponseRedirect(passthrough_next_redirect_url(request, reverse(name), REDIRECT_FIELD_NAME))
