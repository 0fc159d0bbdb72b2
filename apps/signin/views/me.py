"""The user's profile page: name, time zone, and links to password, two-factor authentication and sessions."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.context import access_of
from apps.accounts import fence
from apps.accounts.models import User
from apps.accounts.second_factor import factors_of
from apps.accounts.sessions import sessions_of
from apps.accounts.tokens import tokens_of
from apps.changes.details import ChangeDetails
from apps.changes.refusals import Refusal
from apps.signin.forms import DetailsForm
from apps.teams.models import Membership, ParentMembership

WHY = "Changed on the profile page"


@login_required
def me(request: HttpRequest) -> HttpResponse:
    """Show and change the user's details. A new name is written in one of their accounts, by that account's rules."""
    user = access_of(request).user
    home = _home(user)
    form = DetailsForm(request.POST or None, user=user, nameless=home is None)
    if request.method == "POST" and form.is_valid():
        try:
            _change(user, form, home)
        except Refusal as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, _("Changes saved."))
            return HttpResponseRedirect(reverse("me"))
    factors = factors_of(user)
    context = {
        "access": access_of(request),
        "form": form,
        "passkeys": factors[Authenticator.Type.WEBAUTHN],
        "has_app": bool(factors[Authenticator.Type.TOTP]),
        "sessions": sessions_of(user).count(),
        "tokens": tokens_of(user).count(),
    }
    return render(request, "signin/details.html", context)


def _home(user: User) -> int | None:
    """Return the id of an account where the user has a role, preferably the current one; None if there is none."""
    parent_accounts = ParentMembership.objects.filter(user=user).values_list("account", flat=True)
    places = {*Membership.objects.active().filter(user=user).values_list("account", flat=True), *parent_accounts}
    current = user.current_account
    return current.pk if current is not None and current.pk in places else min(places, default=None)


def _change(user: User, form: DetailsForm, home: int | None) -> None:
    if "name" in form.changed_data and home is not None:
        with fence.tenant(home, user.pk):
            ChangeDetails(account_id=home, user_id=user.pk, name=form.cleaned_data["name"]).apply(
                actor=user, reason=WHY
            )
    # The time zone doesn't affect access, so it is not logged.
    User.objects.filter(pk=user.pk).update(time_zone=form.cleaned_data["time_zone"])
