"""How allauth signs people in here: its mails go out as ours, its secrets are sealed, what fails is logged."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.accounts import fence, mail
from apps.accounts.models import User
from apps.accounts.network import client_ip
from apps.accounts.sealing import seal, unseal
from apps.accounts.security_log import log_change
from apps.accounts.sign_in_emails import password_link
from apps.accounts.sign_in_log import password_failed, signed_in
from apps.accounts.tokens import end_tokens

# Log texts for changes of sign-in settings, by the name of the email that notifies the user.
EVENTS = {
    "password_changed": "changed their password",
    "password_reset": "set a new password by mail",
    "password_set": "set a password",
    "totp_activated": "added an authenticator app",
    "totp_deactivated": "removed an authenticator app",
    "recovery_codes_generated": "made new recovery codes",
    "webauthn_added": "added a passkey",
    "webauthn_removed": "removed a passkey",
}
NEW_PASSWORD = frozenset({EVENTS["password_changed"], EVENTS["password_reset"]})


class AccountAdapter(DefaultAccountAdapter):
    """Signing in by password, and the mails around it."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _("The email address or password is incorrect. Try again, or reset your password."),
        "incorrect_password": _("This password is incorrect. Try again."),
        "enter_current_password": _("This is not your current password. Try again."),
        "too_many_login_attempts": _("Too many attempts. Wait a few minutes and try again."),
        "rate_limited": _("Too many attempts. Wait a few minutes and try again."),
    }

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Hand the mail to the queue; ours is named like the end of allauth's name."""
        mail.send(template_prefix.rsplit("/", 1)[-1], email, {**context, "email": email, "request": None})

    def send_notification_mail(
        self,
        template_prefix: str,
        user: AbstractBaseUser,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell the person what has changed about their signing in, and the log."""
        event = EVENTS[template_prefix.rsplit("/", 1)[-1]]
        assert isinstance(user, User)
        # A user who resets a password by email is not signed in yet.
        with fence.tenant(None, user.pk), transaction.atomic():
            # The user may reset the password because an attacker was signed in.
            tokens = end_tokens(user) if event in NEW_PASSWORD else 0
            log_change(user, event, **({"tokens": tokens} if tokens else {}))
            super().send_notification_mail(template_prefix, user, context, email or user.email)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The link of a mail, at our own address whatever the request said."""
        number, _dash, token = key.partition("-")
        return mail.link(reverse("account_reset_password_from_key", kwargs={"uidb36": number, "key": token}))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        """Return the link that verifies an address: it also sets the password, since earlier passwords don't count."""
        return password_link(emailconfirmation.email_address.user)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address by which tries are counted and sessions are listed.

        Raises:
            PermissionDenied: nothing says where the request comes from.
        """
        address = client_ip(request)
        if address is None:
            raise PermissionDenied(gettext("The IP address of the request is unknown."))
        return address

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **options: Any) -> HttpResponse:
        """Log the sign-in, and answer as allauth does."""
        signed_in(request, user, get_authentication_records(request, user))
        response: HttpResponse = super().post_login(request, user, **options)
        return response

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Log that a password was wrong."""
        password_failed(request, str(credentials.get("email", "")))


class MfaAdapter(DefaultMFAAdapter):
    """The second factor."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _(
            "This code is incorrect or already used. Enter the newest code from your app, or an unused recovery code."
        ),
    }

    def encrypt(self, text: str) -> str:
        """Encrypt the secret, so that a reader of the database can't create codes."""
        return seal(text, "second factor")

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, "second factor")

    def get_totp_issuer(self) -> str:
        return "Mandate"

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:
        """Return the default name of a new passkey."""
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return gettext("Passkey") if not count else gettext("Passkey %(number)s") % {"number": count + 1}
