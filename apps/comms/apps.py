"""The comms app."""

from django.apps import AppConfig


class CommsConfig(AppConfig):
    """Templates, sequences, bulk e-mail and the dialer."""

    name = "apps.comms"
    label = "comms"
    verbose_name = "Communication"
