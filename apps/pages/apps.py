"""The pages app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PagesConfig(AppConfig):
    """The account owner's pages."""

    name = "apps.pages"
    label = "pages"
    verbose_name = _("Account pages")
