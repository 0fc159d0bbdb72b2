"""The access app."""

from django.apps import AppConfig
from django.db.models import Field, ForeignObject
from django.utils.translation import gettext_lazy as _

from apps.access.among import Among


class AccessConfig(AppConfig):
    """Who may do what, and why."""

    name = "apps.access"
    label = "access"
    verbose_name = _("Access")

    def ready(self) -> None:
        """Register the lookup for columns and foreign keys."""
        Field.register_lookup(Among)
        ForeignObject.register_lookup(Among)
