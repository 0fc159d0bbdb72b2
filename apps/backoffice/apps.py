"""The backoffice app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BackofficeConfig(AppConfig):
    """The admin site and its base classes; people, roles and the log in it."""

    name = "apps.backoffice"
    label = "backoffice"
    verbose_name = _("Back office")
