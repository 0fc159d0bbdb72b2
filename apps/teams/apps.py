"""The teams app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TeamsConfig(AppConfig):
    """Who is where, as what."""

    name = "apps.teams"
    label = "teams"
    verbose_name = _("Teams")
