"""The roles app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class RolesConfig(AppConfig):
    """What roles exist, and what each gives."""

    name = "apps.roles"
    label = "roles"
    verbose_name = _("Roles")

    def ready(self) -> None:
        """Fill the catalogue from every app's `permissions.py`; hear every app's system checks and publish hooks."""
        autodiscover_modules("permissions", "checks", "publishing")
