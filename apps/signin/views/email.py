"""Pages to change the user's email address: nothing is written until the link sent to the new address is opened."""

from __future__ import annotations

import json

from allauth.account.decorators import reauthentication_required
from allauth.decorators import rate_limit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.context import access_of
from apps.accounts.change_email import AddressMoved, move_address
from apps.accounts.limits import may_send, too_often
from apps.accounts.sealing import Unsealable, seal, unseal
from apps.accounts.sessions import end_sessions
from apps.accounts.sign_in_emails import ask_to_change_address
from apps.signin.forms import EmailForm

PURPOSE = "another address"
# Seconds until a link expires: one day.
GOOD_FOR = 24 * 3600
GONE = 410


@login_required
@reauthentication_required
@rate_limit(action="manage_email")
def change_email(request: HttpRequest) -> HttpResponse:
    """Ask for the new email address and send a link to it. Only its owner learns that it is already in use."""
    user = access_of(request).user
    form = EmailForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        if may_send(request, to=email):
            request_data = {"user": user.pk, "from": user.email, "to": email}
            path = reverse("confirm-email", args=[seal(json.dumps(request_data), PURPOSE)])
            ask_to_change_address(email, str(user), user.email, path)
            sent = _("We sent a link to %(email)s. Open it within one day to change your email address.")
            messages.success(request, sent % {"email": email})
            return HttpResponseRedirect(reverse("me"))
        form.add_error("email", too_often())
    return render(request, "signin/email.html", {"access": access_of(request), "form": form})


@login_required
def confirm_email(request: HttpRequest, sealed: str) -> HttpResponse:
    """Show both email addresses; a POST changes the address."""
    access = access_of(request)
    try:
        request_data = json.loads(unseal(sealed, PURPOSE, max_age=GOOD_FOR))
    except Unsealable:
        return _gone(request, _("It is more than one day old or incomplete. Request another link."))
    if request_data["user"] != access.user.pk:
        return _gone(request, _("It was sent to another user. Sign out, then sign in as the user who requested it."))
    if request_data["from"] != access.user.email:
        return _gone(request, _("Your email address changed after the link was sent. Request another link."))
    if request.method != "POST":
        return render(request, "signin/email_confirm.html", {"access": access, "email": request_data["to"]})
    try:
        move_address(access.user, request_data["to"])
    except AddressMoved:
        return _gone(request, _("Your email address changed after the link was sent. Request another link."))
    except IntegrityError:
        return _gone(request, _("Another user already signs in with that email address. Choose a different one."))
    end_sessions(access.user, but=request.session.session_key)
    messages.success(request, _("You now sign in as %(email)s.") % {"email": request_data["to"]})
    return HttpResponseRedirect(reverse("me"))


def _gone(request: HttpRequest, sentence: str) -> HttpResponse:
    context = {"access": access_of(request), "sentence": sentence}
    return render(request, "signin/email_confirm.html", context, status=GONE)
