"""The people of a choice, found as one types."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.access.context import AccessContext
from apps.pages.forms.picker import LONGEST_WORDS, ids_of
from apps.pages.forms.pool import PickablePeople
from apps.pages.views.page import EVERYBODY, page

FIELD = re.compile(r"[a-zA-Z][\w-]{0,60}")


@page(EVERYBODY)
def people(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """Return the members of the visible branches who match the words: names, and addresses that the person may read.

    The choice narrows them down (`on` branches, on `every` one of them, without those in `but`); it never widens what
    is visible. The form checks the choice itself.
    """
    on = ids_of(request.GET["on"].split(",")) if "on" in request.GET else None
    pool = PickablePeople(
        access,
        on=None if on is None else frozenset(on),
        every="every" in request.GET,
        but=frozenset(ids_of(request.GET.get("but", "").split(","))),
    )
    sent = next((name for name in request.GET if name.endswith("_words")), "")
    found, more = pool.search(request.GET.get(sent, "")[:LONGEST_WORDS])
    field = sent.removesuffix("_words")
    context = {"people": found, "more": more, "field": field if FIELD.fullmatch(field) else "people"}
    return render(request, "access/found_people.html", context)
