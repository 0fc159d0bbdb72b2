"""Addresses of the admin's style sheets and icons; the settings name these functions."""

from __future__ import annotations

from django.http import HttpRequest
from django.templatetags.static import static


def tokens(request: HttpRequest) -> str:
    """The colours, type and spacing that the owner's pages have too."""
    return static("mandate/tokens.css")


def components(request: HttpRequest) -> str:
    """What is built of them, for both."""
    return static("mandate/components.css")


def stylesheet(request: HttpRequest) -> str:
    """The stylesheet of what only the admin has."""
    return static("mandate/admin.css")


def logo(request: HttpRequest) -> str:
    """The logo, which is the favicon too."""
    return static("mandate/logo.svg")
