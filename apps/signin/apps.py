"""The signin app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SigninConfig(AppConfig):
    """Sign-up, sign-in, two-factor authentication, sessions and tokens."""

    name = "apps.signin"
    label = "signin"
    verbose_name = _("Sign-in")
