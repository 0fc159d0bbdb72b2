"""The crm app."""

from django.apps import AppConfig


class CrmConfig(AppConfig):
    """Companies, contacts, leads, opportunities, tasks and activities."""

    name = "apps.crm"
    label = "crm"
    verbose_name = "CRM"
