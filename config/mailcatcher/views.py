"""The pages that show the demo's mail, to whoever sits at this machine."""

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
    """The last mails that Mandate has sent."""
    found = list(islice(letters(Path(settings.CAUGHT_MAIL)), SHOWN))
    return render(request, "demo/mail.html", {"letters": found})


def reading(request: HttpRequest, name: str) -> HttpResponse:
    """One of them, as plain text; a paragraph that is the address of one of our pages can be followed.

    Raises:
        Http404: there is none of that name.
    """
    found = letter(Path(settings.CAUGHT_MAIL), name)
    if found is None:
        raise Http404
    addresses = [paragraph for paragraph in found.paragraphs if is_ours(paragraph)]
    return render(request, "demo/letter.html", {"letter": found, "addresses": addresses})
