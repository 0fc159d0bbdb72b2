"""Changes the email address that a user signs in with."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.db import transaction

from apps.accounts import mail
from apps.accounts.addresses import vouch_for
from apps.accounts.models import User
from apps.accounts.verbs import SECURITY_CHANGED
from apps.audit.services import operation


class AddressMoved(Exception):
    """The user has another address by now."""


@transaction.atomic
def move_address(user: User, email: str) -> None:
    """Let the user sign in with this address, which they have shown to be theirs, and not with the one before.

    Logs it in the platform's chain and notifies the previous address, so that its owner can object.

    Raises:
        AddressMoved: they have another address than `user` says.
        IntegrityError: another user has the address. Nothing was written in either case.
    """
    before = user.email
    with operation(verb=SECURITY_CHANGED, actor=user, reason=f"{user} changed their address"):
        if not User.objects.filter(pk=user.pk, email=before).update(email=email):
            raise AddressMoved
    EmailAddress.objects.filter(user=user).delete()
    vouch_for([User(pk=user.pk, email=email)])
    mail.send("email_changed", before, {"name": str(user), "email": email})
