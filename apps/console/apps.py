"""The console app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    """The base of the commands, and commands for access, the log, accounts and roles."""

    name = "apps.console"
    label = "console"
    verbose_name = _("Console")
