"""What the second fence costs: the same questions as the tables' owner, and as the web role inside the account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet

from apps.access.facts import load
from apps.access.lists import capped_count, page
from apps.access.mandate import Mandate
from apps.access.mandate_cache import mandate_for
from apps.accounts.fence import WEB_ROLE, tell
from apps.accounts.models import Account
from apps.crm.models import Lead
from apps.crm.querysets import search
from bench.by_hand import SIZE
from bench.cast import askers
from bench.lists import Disagreement
from bench.measure import interleaved
from bench.tables import Row, milliseconds, ratio

HEADS = ("what", "found", "owner", "web role", "web/owner")
T = TypeVar("T")


def costs(account: Account) -> Iterator[Row]:
    """Pages, counts, searches and the loading of facts, for whoever sees a branch and for the hardest reaches."""
    sought = Lead.objects.filter(account=account).order_by("-pk")[0]
    company = sought.company_name.split()[0]
    web = web_connection()
    for asker in askers(account):
        if asker.reach not in ("all", "mixed"):
            continue
        mandate = mandate_for(asker.user, account.pk)
        questions: dict[str, Callable[[], Any]] = {
            "page": partial(_page, mandate),
            "count": partial(capped_count, mandate, "view_lead"),
            **{
                f"search {what}, {kind}": partial(ask, mandate, text)
                for what, text in (("a word", company), ("a whole name", sought.name), ("an address", sought.emails[0]))
                for kind, ask in (("page", _searched_page), ("count", _searched_count))
            },
            "facts": partial(load, asker.user.pk, account.pk),
        }
        with acting_as(web):
            tell(account.pk, asker.user.pk)
        for what, ask in questions.items():
            yield _row(f"{asker.reach}: {what}", web, ask)


def _row(what: str, web: BaseDatabaseWrapper, ask: Callable[[], Any]) -> Row:
    as_web = partial(_ask_as, web, ask)
    found = ask()
    if as_web() != found and not what.endswith("facts"):
        raise Disagreement(f"{what}: the web role finds {as_web()}, and the owner {found}.")
    taken = interleaved({"owner": ask, "web": as_web})
    size = f"{found:,}" if isinstance(found, int) else f"{len(found):,}" if isinstance(found, list) else "–"
    return (what, size, milliseconds(taken["owner"]), milliseconds(taken["web"]), ratio(taken["web"], taken["owner"]))


def _page(mandate: Mandate) -> list[int]:
    return [lead.pk for lead in page(mandate, "view_lead", size=SIZE)]


def _searched_page(mandate: Mandate, text: str) -> list[int]:
    return [lead.pk for lead in page(mandate, "view_lead", size=SIZE, narrow=partial(_narrow, text))]


def _searched_count(mandate: Mandate, text: str) -> int:
    return capped_count(mandate, "view_lead", narrow=partial(_narrow, text))


def _narrow(text: str, rows: QuerySet[Lead]) -> QuerySet[Lead]:
    return search(rows, text)


def _ask_as(web: BaseDatabaseWrapper, ask: Callable[[], T]) -> T:
    with acting_as(web):
        return ask()


def web_connection() -> BaseDatabaseWrapper:
    """A connection to the bench's database as the web role, yet to be opened."""
    web = connections.create_connection("default")
    web.settings_dict = {**connections["default"].settings_dict, "USER": WEB_ROLE}
    return web


@contextmanager
def acting_as(web: BaseDatabaseWrapper) -> Iterator[None]:
    """Everything inside goes through this connection."""
    owner = connections["default"]
    connections["default"] = web
    try:
        yield
    finally:
        connections["default"] = owner
