"""Mail that a stranger can ask for by an address: a job decides what is sent, if anything.

So the request does the same for every address: it seals what was asked and puts one job into the queue. Nothing in its
answer, nor how long it takes, depends on whether the address is known.
"""

from __future__ import annotations

import json
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.urls import reverse
from procrastinate.contrib.django import app

from apps.accounts import mail
from apps.accounts.models import User
from apps.accounts.sealing import seal, unseal

PURPOSE = "asked for by an address"


def ask_for_password(email: str) -> None:
    """Have a link sent to this address that sets a new password, where a user has it who may sign in."""
    password_asked.defer(sealed=_sealed(email=email))


def ask_to_sign_up(email: str, name: str, organisation: str, path: str) -> None:
    """Have the link of this path sent, which opens an account; who signs in with the address already reads that."""
    sign_up_asked.defer(sealed=_sealed(email=email, name=name, organisation=organisation, path=path))


def ask_to_change_address(email: str, name: str, before: str, path: str) -> None:
    """Have the link of this path sent, which changes an address; who signs in with it already reads that."""
    change_asked.defer(sealed=_sealed(email=email, name=name, before=before, path=path))


def password_link(user: User) -> str:
    """An address that sets a new password, once and within an hour: who has it reads the user's mail."""
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    return str(get_adapter().get_reset_password_from_key_url(key))


@app.task(queue="mail")
def password_asked(sealed: str) -> None:
    """Send a password reset link; sends nothing if no active user has the address."""
    email = _asked(sealed)["email"]
    user = User.objects.filter(email=User.objects.normalize_email(email), is_active=True).first()
    if user is not None:
        mail.send("password_reset_key", user.email, {"user": str(user), "password_reset_url": password_link(user)})


@app.task(queue="mail")
def sign_up_asked(sealed: str) -> None:
    """Send the link that opens an account."""
    _send_by_address("sign_up", sealed)


@app.task(queue="mail")
def change_asked(sealed: str) -> None:
    """Send the link that changes an address."""
    _send_by_address("email_change", sealed)


def _send_by_address(name: str, sealed: str) -> None:
    """The mail of this name, or the one for an address that is known."""
    asked = _asked(sealed)
    if User.objects.filter(email=asked["email"]).exists():
        mail.send(f"{name}_known", asked["email"], {"sign_in": mail.link(reverse("account_login"))})
    else:
        mail.send(name, asked["email"], {**asked, "address": mail.link(asked["path"])})


def _sealed(**asked: str) -> str:
    return seal(json.dumps(asked), PURPOSE)


def _asked(sealed: str) -> dict[str, Any]:
    asked: dict[str, Any] = json.loads(unseal(sealed, PURPOSE))
    return asked
