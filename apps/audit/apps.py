"""The audit app: the append-only log and its hash chains. The lowest floor, which knows no other app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from apps.audit import checks, functions


class AuditConfig(AppConfig):
    """Collects the verbs that each app registers in its `verbs` module."""

    name = "apps.audit"
    verbose_name = _("audit log")

    def ready(self) -> None:
        """Load every app's `verbs` module, so that the registry is complete before the first request."""
        checks.register()
        post_migrate.connect(functions.pin_functions, sender=self)
        autodiscover_modules("verbs")
