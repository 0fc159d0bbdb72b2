"""The crm app."""

from importlib import import_module

from django.apps import AppConfig


class CrmConfig(AppConfig):
    """Companies, contacts, leads, opportunities, tasks and activities."""

    name = "apps.crm"
    label = "crm"
    verbose_name = "CRM"

    def ready(self) -> None:
        """Have a part in every hand-over and every move of records, and in what an account begins with."""
        import_module("apps.crm.services.handover")
        import_module("apps.crm.services.customisation")
