"""The projects app."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    """Projects with their talks, events, goals and client pages."""

    name = "apps.projects"
    label = "projects"
    verbose_name = "Projects"
