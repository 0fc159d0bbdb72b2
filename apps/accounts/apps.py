"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, accounts and branches."""

    name = "apps.accounts"
    label = "accounts"
    verbose_name = "Accounts"
