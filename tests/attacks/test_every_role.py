"""Each role of each role system asks every address of the tables for what is another tenant's, private or unseen.

A new route joins by itself: the numbers in its address become those of the other tenant.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from apps.access import policy
from tests.admin import routes as admin
from tests.attacks.asking import ask, faults_of
from tests.attacks.roles import ROLES, Attacker, attacker
from tests.attacks.world import FOREIGN, NOTHING, World
from tests.pages.canary import CANARY
from tests.pages.table import NOTHING as NO_TEXT
from tests.pages.table import ROUTES
from tests.pages.test_routes import ARGUMENT

pytestmark = pytest.mark.django_db
NUMBER = re.compile(r"<int:(\w+)>")
# A method, an address and what is sent; in two forms that must be answered alike.
Pair = tuple[str, str, str, dict[str, Any]]


def own_pages(world: World, slug: str) -> Iterator[Pair]:
    """The addresses of an account's pages, of what is the other tenant's and of what is nobody's."""
    texts = {
        "branch": world.there.branch.slug,
        "key": f"{CANARY}-{FOREIGN}",
        "reference": f"{CANARY}-{FOREIGN}",
        "kind": "lead",
        "act": NO_TEXT.get("act", ""),
    }
    for route in ROUTES:
        if route.row:
            foreign = _address(route.pattern, slug, FOREIGN, texts)
            nothing = _address(route.pattern, slug, NOTHING, {**texts, **NO_TEXT})
            yield route.method, foreign, nothing, dict(route.data)


def _address(pattern: str, slug: str, number: int, texts: dict[str, str]) -> str:
    """The pattern with the account's slug, the number for each number, and the texts by their names."""
    numbers = dict.fromkeys(NUMBER.findall(pattern), str(number))
    known = {**texts, **numbers, "account": slug}
    return "/" + ARGUMENT.sub(lambda at: known[at[1]], pattern)


def other_accounts_pages(world: World) -> Iterator[Pair]:
    """The addresses of the other tenant's own pages, and of those of an account that is not there."""
    for route in ROUTES:
        if not route.row:
            foreign, nothing = (
                "/" + route.pattern.replace("<slug:account>", slug)
                for slug in (world.there.account.slug, "no-such-account")
            )
            yield route.method, foreign, nothing, dict(route.data)


def admin_pages() -> Iterator[Pair]:
    """The addresses of the admin's rows, of the other tenant's and of nobody's."""
    every: list[Any] = [*admin.routes(), *admin.access_routes()]
    for route in every:
        if "<path:object_id>" in route.pattern:
            foreign, nothing = ("/" + route.pattern.replace("<path:object_id>", str(pk)) for pk in (FOREIGN, NOTHING))
            yield route.method, foreign, nothing, {"post": "yes"} if route.method == "POST" else {}


def hidden_records(world: World, someone: Attacker) -> Iterator[Pair]:
    """The addresses of the private contact and of what is on another branch, where the role does not show it."""
    house = someone.house
    for records in (house.private, house.unseen):
        for name, record in records.items():
            if policy.may(someone.user, f"view_{name}", record):
                continue
            for route in admin.routes():
                if route.record_type == name and route.kind == admin.RECORD:
                    seen, nothing = (
                        "/" + route.pattern.replace("<path:object_id>", str(pk)) for pk in (record.pk, NOTHING)
                    )
                    yield route.method, seen, nothing, {"post": "yes"} if route.method == "POST" else {}


def unlike(someone: Attacker, pairs: Iterable[Pair]) -> Iterator[str]:
    """What is wrong with the answers, one line each."""
    client = someone.client
    ask(client, "GET", "/me/")
    for method, foreign, nothing, data in pairs:
        sent = (*foreign.split("/"), *nothing.split("/"))
        sent = tuple(
            sorted({part for part in sent if CANARY in part or part.isdigit() or "no" in part}, key=len, reverse=True)
        )
        answers = [ask(client, method, address, data) for address in (foreign, nothing)]
        for address, answer in zip((foreign, nothing), answers, strict=True):
            for fault in faults_of(answer, signed_in=True, hidden=someone.hidden, sent=sent):
                yield f"{method} {address}: {fault}"
        one, other = (answer.without(*sent) for answer in answers)
        if one != other:
            yield f"{method} {foreign}: {difference(one, other)}"
        if answers[0].status not in {302, 403, 404, 405}:
            yield f"{method} {foreign}: answers {answers[0].status}"


def difference(one: tuple[Any, ...], other: tuple[Any, ...]) -> str:
    """The first part in which two answers differ."""
    for name, left, right in zip(("status", "location", "body", "headers", "queries"), one, other, strict=True):
        if left != right:
            at = (
                next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), 0)
                if name in {"body", "queries"}
                else 0
            )
            if name in {"body", "queries"}:
                left, right = (
                    left[at : at + (1 if name == "queries" else 80)],
                    right[at : at + (1 if name == "queries" else 80)],
                )
            return f"its {name} is {left!r} and of nothing {right!r}"
    return ""


@pytest.mark.parametrize("number", range(len(ROLES)), ids=["-".join(each) for each in ROLES])
def test_what_is_anothers_is_answered_as_nothing_is(world: World, number: int) -> None:
    """The addresses are dealt out among the roles; `ATTACK_EVERYTHING` has each role ask them all, which takes long."""
    someone = attacker(world, *ROLES[number])
    slug = someone.house.account.slug
    pairs = [*own_pages(world, slug), *admin_pages(), *other_accounts_pages(world)]
    asked = pairs if os.environ.get("ATTACK_EVERYTHING") else pairs[number :: len(ROLES)]
    hidden = list(hidden_records(world, someone))
    asked += hidden if os.environ.get("ATTACK_EVERYTHING") else hidden[number % 5 :: 20]
    found = list(unlike(someone, asked))
    assert not found, "\n".join(found)
