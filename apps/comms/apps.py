"""The comms app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommsConfig(AppConfig):
    """Templates, sequences, bulk email and the dialer."""

    name = "apps.comms"
    label = "comms"
    verbose_name = _("Communication")
