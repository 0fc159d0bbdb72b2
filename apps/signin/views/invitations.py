"""The page to accept an invitation, for known users and for new ones."""

from __future__ import annotations

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from allauth.decorators import rate_limit
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from apps.accounts import fence
from apps.accounts.limits import may_send, too_often
from apps.accounts.models import User
from apps.accounts.preferences import as_read_by
from apps.accounts.proof import is_proven
from apps.changes.invitations import (
    AcceptInvitation,
    address_of,
    find_invitation,
    inviting_account,
    is_proof,
    send_by_mail,
    why_ended,
)
from apps.changes.refusals import Refusal
from apps.pages.middleware import SESSION_KEY
from apps.signin.forms import NewUserForm
from apps.teams.models import Invitation

WHY = "Accepted the invitation"
GONE = 410


@rate_limit(action="signup")
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show an invitation; a POST accepts it.

    Raises:
        Http404: no invitation has this token.
    """
    account_id = inviting_account(token)
    if account_id is None:
        raise Http404
    user = request.user if isinstance(request.user, User) else None
    with fence.tenant(account_id, None if user is None else user.pk):
        found = find_invitation(account_id, token)
        if found is None:
            raise Http404
        with as_read_by(user, found.account):
            return _answer(request, found, token, user)


def _answer(request: HttpRequest, found: Invitation, token: str, user: User | None) -> HttpResponse:
    ended = why_ended(found, timezone.now())
    if ended is not None:
        return _show(request, found, {"refusal": ended}, status=GONE)
    if user is None:
        return _stranger(request, found, token)
    if user.email != found.email:
        return _show(request, found, {"another": True})
    if request.method == "POST":
        return _accept(request, found, token, user)
    return _show(request, found, {"mine": True})


def _show(request: HttpRequest, found: Invitation, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    return render(request, "signin/invitation.html", {"invitation": found, **context}, status=status)


def _accept(request: HttpRequest, found: Invitation, token: str, user: User) -> HttpResponse:
    """Accept the invitation and redirect to the account."""
    try:
        AcceptInvitation(account_id=found.account_id, token=token).apply(actor=user, reason=WHY)
    except Refusal as refusal:
        return _show(request, found, {"refusal": refusal}, status=GONE)
    request.session[SESSION_KEY] = found.account_id
    return HttpResponseRedirect(reverse("pages:home", args=[found.account.slug]))


def _stranger(request: HttpRequest, found: Invitation, token: str) -> HttpResponse:
    """Let a visitor with the link from the email set a name and password, then accept."""
    proof = (request.POST or request.GET).get("proof", "")
    if not is_proof(token, proof):
        return _by_hand(request, found, token)
    known = User.objects.filter(email=found.email).first()
    if known is not None and is_proven(known):
        return _show(request, found, {"known": True, "page": address_of(token)})
    form = NewUserForm(request.POST or None, email=found.email, user=known)
    if request.method != "POST" or not form.is_valid():
        return _show(request, found, {"form": form, "proof": proof})
    try:
        with transaction.atomic():
            user = form.prove()
            with fence.tenant(found.account_id, user.pk):
                AcceptInvitation(account_id=found.account_id, token=token).apply(actor=user, reason=WHY)
    except Refusal as refusal:
        return _show(request, found, {"refusal": refusal}, status=GONE)
    except IntegrityError:
        # Another request was faster, most likely a second click.
        return HttpResponseRedirect(address_of(token))
    onwards = reverse("pages:home", args=[found.account.slug])
    response: HttpResponse = perform_login(request, Login(user=user, redirect_url=onwards))
    return response


def _by_hand(request: HttpRequest, found: Invitation, token: str) -> HttpResponse:
    """Offer to send the email to a visitor with a link that was passed on; looks up no user."""
    context: dict[str, object] = {"by_hand": True, "page": address_of(token)}
    if request.method == "POST":
        if may_send(request, to=found.email, account_id=found.account_id):
            send_by_mail(found, token)
            context["sent_to"] = masked(found.email)
        else:
            context["too_often"] = too_often()
    return _show(request, found, context)


def masked(email: str) -> str:
    """Return the email address as others may see it: `z***@acme.example`."""
    name, _at, host = email.rpartition("@")
    return f"{name[:1]}***@{host}"
