"""Views as somebody might write them who forgot every filter, beside the product's own."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from apps.crm.models import Lead
from config.urls import handler403
from config.urls import urlpatterns as own

__all__ = ["handler403", "urlpatterns"]


def names() -> str:
    """The names of all leads there are."""
    return ", ".join(Lead.objects.order_by("name").values_list("name", flat=True))


def everything(request: HttpRequest) -> HttpResponse:
    return HttpResponse(names())


def on_a_new_connection(request: HttpRequest) -> HttpResponse:
    connection.close()
    return HttpResponse(names())


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        yield "All: "
        yield names()

    return StreamingHttpResponse(parts())


def broken(request: HttpRequest) -> HttpResponse:
    raise ValueError("A mistake")


def broken_in_a_transaction(request: HttpRequest) -> HttpResponse:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    return HttpResponse()


def cut_off(request: HttpRequest) -> HttpResponse:
    raw = connection.connection
    raw.close()
    return HttpResponse("cut off")


urlpatterns = [
    *own,
    path("everything/", everything),
    path("new-connection/", on_a_new_connection),
    path("streamed/", streamed),
    path("broken/", broken),
    path("broken-in-a-transaction/", broken_in_a_transaction),
    path("cut-off/", cut_off),
]
