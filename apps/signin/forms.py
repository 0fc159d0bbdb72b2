"""The forms of signing in: allauth's, in our words and without words that vanish as one types."""

from __future__ import annotations

import struct
from typing import Any, ClassVar

from allauth.account import forms as account
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.http import HttpRequest
from django.utils.text import slugify
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.accounts.addresses import vouch_for
from apps.accounts.models import User, slug_is_taken, validate_slug
from apps.accounts.proof import is_proven, prove_address
from apps.accounts.sign_in_emails import ask_for_password
from apps.accounts.sign_in_log import second_factor_failed
from apps.accounts.time_zones import time_zone_choices
from apps.accounts.tokens import LIFETIMES
from apps.audit.text import SingleLineEmailInput, SingleLineInput
from apps.audit.untrusted import LimitedDecoder
from apps.changes.opening import OpenAccount
from apps.roles.schemes import scheme_keys

PASSWORD = _("Password")
NEW_PASSWORD = _("New password")
ONCE_MORE = _("Confirm password")
CODE = _("Code")
EMAIL = _("Email address")


class PlainLabels:
    """Labels of ours above the fields, and nothing inside of them."""

    labels: ClassVar[dict[str, Any]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():  # type: ignore[attr-defined] # a form's
            field.widget.attrs.pop("placeholder", None)
            if name in self.labels:
                field.label = self.labels[name]


class LoginForm(PlainLabels, account.LoginForm):
    """Who signs in, and with which password."""

    labels = {"login": EMAIL, "password": PASSWORD}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs["autofocus"] = True
        # The page links to the password reset beside the form.
        self.fields["password"].help_text = ""


class ReauthenticateForm(PlainLabels, account.ReauthenticateForm):
    """The password once more."""

    labels = {"password": PASSWORD}


class ResetPasswordForm(PlainLabels, account.ResetPasswordForm):
    """The email address for a password reset. A queued job looks up the user, not this form."""

    labels = {"email": EMAIL}

    def clean_email(self) -> str:
        """Return the normalised email address."""
        return User.objects.normalize_email(self.cleaned_data["email"])

    def save(self, request: HttpRequest, **_: Any) -> str:
        """Have the link sent, where a user has the address; returns the address."""
        email: str = self.cleaned_data["email"]
        ask_for_password(email)
        return email


class ResetPasswordKeyForm(PlainLabels, account.ResetPasswordKeyForm):
    """A password for who came by a link, which only the user's mail had."""

    labels = {"password1": NEW_PASSWORD, "password2": ONCE_MORE}

    def save(self) -> None:
        """Set the password; this also verifies the email address."""
        if is_proven(self.user):
            super().save()
        else:
            prove_address(self.user, self.cleaned_data["password1"])


class ChangePasswordForm(PlainLabels, account.ChangePasswordForm):
    """Change the password."""

    labels = {"oldpassword": _("Current password"), "password1": NEW_PASSWORD, "password2": ONCE_MORE}


class SetPasswordForm(PlainLabels, account.SetPasswordForm):
    """Set a password for a user without one."""

    labels = {"password1": NEW_PASSWORD, "password2": ONCE_MORE}


class LoggedCode:
    """A code that does not count is logged."""

    def clean_code(self) -> str:
        """The code."""
        try:
            code: str = super().clean_code()  # type: ignore[misc] # a form's
        except forms.ValidationError:
            second_factor_failed(context.request, self.user)  # type: ignore[attr-defined] # a form's
            raise
        return code


class CodeForm(LoggedCode, PlainLabels, mfa.AuthenticateForm):
    """A code from an authenticator app, or a recovery code."""

    labels = {"code": CODE}


class ReauthenticateByCodeForm(LoggedCode, PlainLabels, mfa.ReauthenticateForm):
    """The same, for a signed-in user."""

    labels = {"code": CODE}


class ActivateTOTPForm(PlainLabels, totp.ActivateTOTPForm):
    """The first code from the app, to confirm the set-up."""

    labels = {"code": _("Code from the app")}


# What the libraries raise for an answer of a passkey that no browser gives.
NO_PASSKEY = (AttributeError, LookupError, RecursionError, TypeError, ValueError, struct.error)


class LimitedCredential:
    """A passkey's answer, read as JSON within limits: anyone sends one, before signing in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credential"].decoder = LimitedDecoder  # type: ignore[attr-defined] # a form's


class CompletePasskey(LimitedCredential):
    """A passkey's answer that is not whole does not count, as one that is wrong."""

    def clean_credential(self) -> Any:
        """Whose it is, where it counts."""
        try:
            return super().clean_credential()  # type: ignore[misc] # a form's
        except (forms.ValidationError, *NO_PASSKEY) as error:
            second_factor_failed(context.request, self.user)  # type: ignore[attr-defined] # a form's
            if isinstance(error, forms.ValidationError):
                raise
            raise get_adapter().validation_error("incorrect_code") from error


class SignInByPasskeyForm(CompletePasskey, webauthn.LoginWebAuthnForm):
    """A passkey instead of a password."""


class PasskeyForm(CompletePasskey, webauthn.AuthenticateWebAuthnForm):
    """A passkey after the password."""


class ReauthenticateByPasskeyForm(CompletePasskey, webauthn.ReauthenticateWebAuthnForm):
    """The same, for a signed-in user."""


class AddPasskeyForm(LimitedCredential, webauthn.AddWebAuthnForm):
    """A new passkey."""

    name = SingleLineInput(required=False)

    def clean(self) -> dict[str, Any]:
        """See `CompletePasskey`."""
        try:
            data: dict[str, Any] = super().clean()
        except NO_PASSKEY as error:
            raise get_adapter().validation_error("incorrect_code") from error
        return data


class RenamePasskeyForm(webauthn.EditWebAuthnForm):
    """Another name for a passkey."""

    name = SingleLineInput(required=True)


def _own_time_zones() -> list[tuple[str, str]]:
    return [("", gettext("Use each account's time zone")), *time_zone_choices()]


class DetailsForm(forms.Form):
    """The user's name and time zone. A user without an account can't change the name."""

    name = SingleLineInput(label=_("Name"), max_length=150)
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=_own_time_zones,
        required=False,
        help_text=_("All times are shown in this time zone."),
    )

    def __init__(self, data: Any = None, *, user: User, nameless: bool) -> None:
        super().__init__(data, initial={"name": user.name, "time_zone": user.time_zone})
        if nameless:
            self.fields["name"].disabled = True
            self.fields["name"].help_text = _("You can change your name after you join an account.")


class EmailForm(forms.Form):
    """A new email address for the user."""

    email = SingleLineEmailInput(
        label=_("New email address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        self.user = user

    def clean_email(self) -> str:
        """Return the normalised email address; refuses the current one."""
        email = User.objects.normalize_email(self.cleaned_data["email"])
        if email == self.user.email:
            raise forms.ValidationError(gettext("This is already your email address. Enter a different one."))
        return email


class TokenForm(forms.Form):
    """What an API token is for, and how long it lasts."""

    name = SingleLineInput(label=_("Name"), max_length=60, help_text=_("Name the program that uses the token."))
    days = forms.TypedChoiceField(
        label=_("Expires after"),
        coerce=int,
        choices=lambda: [
            (days, ngettext("%(days)s day", "%(days)s days", days) % {"days": days}) for days in LIFETIMES
        ],
        initial=LIFETIMES[1],
    )


class NewUserForm(forms.Form):
    """The owner of an email address chooses a name and password. The address is fixed.

    `user` is the existing user of an unverified address, who keeps their name; None for a new user.
    """

    name = SingleLineInput(label=_("Your name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label=PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 12 characters. A few unrelated words are easy to remember."),
    )

    def __init__(self, data: Any = None, *, email: str, name: str = "", user: User | None = None) -> None:
        super().__init__(data, initial={"name": name})
        self.address = email
        self.user = user
        if user is not None:
            del self.fields["name"]

    def clean(self) -> dict[str, Any]:
        """Validate the password, also against the name and the email address."""
        data: dict[str, Any] = super().clean() or {}
        if "password" in data:
            user = self.user or User(email=self.address, name=data.get("name", ""))
            try:
                validate_password(data["password"], user)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return data

    @transaction.atomic
    def prove(self) -> User:
        """The user, whose address counts as theirs. A new one may open the admin, which shows what their roles give.

        Raises:
            IntegrityError: there is one with that address by now.
        """
        data = self.cleaned_data
        if self.user is not None:
            prove_address(self.user, data["password"])
            return self.user
        user = User.objects.create_user(self.address, data["password"], name=data["name"], is_staff=True)
        vouch_for([user])
        return user


class AccountForm(forms.Form):
    """A new account: its name, web address, role system and first branch."""

    organisation = SingleLineInput(label=_("Organisation name"), max_length=150)
    slug = forms.CharField(
        label=_("Web address"),
        max_length=60,
        required=False,
        help_text=_("Lowercase letters, digits and hyphens, such as “north-sea”. Leave empty to use the name."),
    )
    branch = SingleLineInput(
        label=_("First branch"),
        max_length=150,
        initial=_("Head office"),
        help_text=_("A part of the organisation with its own members and records. Some role systems allow several."),
    )
    scheme = forms.ChoiceField(label=_("Role system"), choices=lambda: [(key, key) for key in scheme_keys()])

    def clean(self) -> dict[str, Any]:
        """Refuse a slug that is taken."""
        data: dict[str, Any] = super().clean() or {}
        slug = data.get("slug") or slugify(data.get("organisation", ""))[:60].strip("-")
        if "organisation" not in data or "slug" in self.errors:
            return data
        try:
            validate_slug(slug)
        except forms.ValidationError as error:
            self.add_error("slug", error)
        else:
            if slug_is_taken(slug):
                self.add_error("slug", _("“%(slug)s” is taken. Choose another one.") % {"slug": slug})
        data["slug"] = slug
        return data

    def opened(self) -> OpenAccount:
        """Return the change that creates the account."""
        data = self.cleaned_data
        return OpenAccount(name=data["organisation"], slug=data["slug"], scheme=data["scheme"], branch=data["branch"])


class SignupForm(forms.Form):
    """The person who creates an account. They choose a password after they verify the email address."""

    name = SingleLineInput(label=_("Your name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = SingleLineEmailInput(label=EMAIL, max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}))

    def clean_email(self) -> str:
        """Return the normalised email address."""
        return User.objects.normalize_email(self.cleaned_data["email"])
