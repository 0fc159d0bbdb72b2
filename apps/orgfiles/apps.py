"""The orgfiles app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrgfilesConfig(AppConfig):
    """A whole account as a file; generated load; the demo."""

    name = "apps.orgfiles"
    label = "orgfiles"
    verbose_name = _("Organisation files")
