"""Where the admin's own look is served; the settings name these functions."""

from __future__ import annotations

from django.http import HttpRequest
from django.templatetags.static import static


def stylesheet(request: HttpRequest) -> str:
    """The stylesheet beside unfold's."""
    return static("mandate/admin.css")


def logo(request: HttpRequest) -> str:
    """The logo, which is the favicon too."""
    return static("mandate/logo.svg")
