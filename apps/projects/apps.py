"""The projects app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProjectsConfig(AppConfig):
    """Projects with their talks, events, goals and client pages."""

    name = "apps.projects"
    label = "projects"
    verbose_name = _("Projects")
