"""The teams app."""

from django.apps import AppConfig


class TeamsConfig(AppConfig):
    """Who is where, as what."""

    name = "apps.teams"
    label = "teams"
    verbose_name = "Teams"
