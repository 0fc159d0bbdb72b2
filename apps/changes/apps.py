"""The changes app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChangesConfig(AppConfig):
    """Every change of access: its guards, its preview, its undo."""

    name = "apps.changes"
    label = "changes"
    verbose_name = _("Changes of access")
