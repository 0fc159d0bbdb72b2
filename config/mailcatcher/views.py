"""The pages that show the demo's emails."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from apps.accounts.origins import is_ours
from config.mailcatcher.emails import letter, letters

SHOWN = 100


def listing(request: HttpRequest) -> HttpResponse:
    """List the latest emails that Mandate sent."""
    found = list(islice(letters(Path(settings.CAUGHT_MAIL)), SHOWN))
    return render(request, "demo/mail.html", {"letters": found})


def reading(request: HttpRequest, name: str) -> HttpResponse:
    """Show one email as plain text; URLs of our own pages become links.

    Raises:
        Http404: no email has that name.
    """
    found = letter(Path(settings.CAUGHT_MAIL), name)
    if found is None:
        raise Http404
    addresses = [paragraph for paragraph in found.paragraphs if is_ours(paragraph)]
    return render(request, "demo/letter.html", {"letter": found, "addresses": addresses})
