"""The access app."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """Who may do what, and why."""

    name = "apps.access"
    label = "access"
    verbose_name = "Access"
