"""Opening an account: by somebody new, whose address is shown to be theirs first, or by somebody who is signed in.

Nothing is written before that: what somebody new has filled in travels, sealed, in the link that is sent to them. So no
address and no name is held by whoever does not follow it, and nobody learns here who signs in already. The password is
chosen where the link leads, by a reader of that address.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from allauth.decorators import rate_limit
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts import fence
from apps.accounts.limits import may_send, too_often
from apps.accounts.models import Account, User
from apps.accounts.sealing import Unsealable, seal, unseal
from apps.accounts.sign_in_emails import ask_to_sign_up
from apps.billing import subscribing
from apps.changes.opening import OpenAccount
from apps.changes.refusals import Refusal
from apps.pages.middleware import SESSION_KEY
from apps.roles.schemes import scheme, scheme_keys
from apps.signin.forms import AccountForm, NewUserForm, SignupForm

WHY = "Signed up"
PURPOSE = "sign-up"
# A link to follow is good for three days.
GOOD_FOR = 3 * 24 * 3600
GONE = 410


@rate_limit(action="signup")
def signup(request: HttpRequest) -> HttpResponse:
    """Show the sign-up form; a POST sends the confirmation link, or creates the account of a signed-in user."""
    user = request.user if isinstance(request.user, User) else None
    account = AccountForm(request.POST or None)
    person = None if user is not None else SignupForm(request.POST or None)
    if request.method == "POST" and account.is_valid() & (person is None or person.is_valid()):
        answer = _sent(request, account.opened(), person) if person is not None else _opened(request, account)
        if answer is not None:
            return answer
    schemes = [scheme(key) for key in scheme_keys()]
    return render(request, "account/signup.html", {"account": account, "person": person, "schemes": schemes})


@rate_limit(action="signup")
def finish(request: HttpRequest, sealed: str) -> HttpResponse:
    """Show the account from the emailed link; a POST creates it."""
    try:
        request_data = json.loads(unseal(sealed, PURPOSE, max_age=GOOD_FOR))
    except Unsealable:
        return _gone(request, _("It is more than three days old or incomplete. Sign up again."))
    wanted, email = OpenAccount(**request_data["account"]), request_data["email"]
    if User.objects.filter(email=email).exists():
        return _gone(request, _("It was already used. Sign in to create more accounts."))
    form = NewUserForm(request.POST or None, email=email, name=request_data["name"])
    if request.method != "POST" or not form.is_valid():
        context = {"wanted": wanted, "scheme": scheme(wanted.scheme), "email": email, "form": form}
        return render(request, "signin/finish.html", context)
    try:
        with transaction.atomic():
            user = form.prove()
            opened = _open(wanted, user)
    except (Refusal, IntegrityError):
        return _gone(request, _("This web address is now taken. Sign up again with a different one."))
    response: HttpResponse = perform_login(
        request, Login(user=user, redirect_url=reverse("pages:home", args=[opened.slug]))
    )
    return response


def _open(wanted: OpenAccount, user: User) -> Account:
    """The account with its trial, or nothing."""
    with transaction.atomic():
        opened = wanted.apply(actor=user, reason=WHY)
        with fence.tenant(opened.pk, user.pk):
            subscribing.begin(opened, actor=user, reason=WHY)
    return opened


def _opened(request: HttpRequest, account: AccountForm) -> HttpResponse | None:
    """Open a further account of the user's; None where that is refused, which the form says."""
    assert isinstance(request.user, User)
    try:
        opened = _open(account.opened(), request.user)
    except Refusal as refusal:
        account.add_error("slug", str(refusal))
        return None
    request.session[SESSION_KEY] = opened.pk
    return HttpResponseRedirect(reverse("pages:home", args=[opened.slug]))


def _sent(request: HttpRequest, wanted: OpenAccount, person: SignupForm) -> HttpResponse | None:
    """Have the link sent; None where that was too often, which the form says."""
    email, name = person.cleaned_data["email"], person.cleaned_data["name"]
    if not may_send(request, to=email):
        person.add_error("email", too_often())
        return None
    request_data = {"account": asdict(wanted), "email": email, "name": name}
    path = reverse("finish-signup", args=[seal(json.dumps(request_data), PURPOSE)])
    ask_to_sign_up(email, name, wanted.name, path)
    return HttpResponseRedirect(reverse("account_email_verification_sent"))


def _gone(request: HttpRequest, sentence: str) -> HttpResponse:
    return render(request, "signin/finish.html", {"sentence": sentence}, status=GONE)
