"""Every case of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.test import Client

from apps.access.mandate_cache import forget_kept
from tests.attacks.actors import Actor, actors
from tests.attacks.asking import Answer, ask, faults_of
from tests.attacks.cases import CASES, Case
from tests.attacks.expected import Attempt
from tests.attacks.places import Places
from tests.attacks.world import World
from tests.pages.reading import read

pytestmark = pytest.mark.django_db


def test_no_two_cases_have_one_name() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_answered_as_it_should_be(world: World, case: Case) -> None:
    wrong = [fault for actor in actors(world, case.who) for fault in faults(world, case, actor)]
    assert not wrong, "\n".join(wrong)


def faults(world: World, case: Case, actor: Actor) -> Iterator[str]:
    """What is wrong with the answer to one actor, one line each."""
    places = Places(world, actor)
    cookies = dict(actor.client.cookies)

    def again(*, extra: bool = True, instead: Mapping[str, str] | None = None, **others: str) -> Answer:
        forget_kept()
        actor.client.cookies.clear()
        actor.client.cookies.update(cookies)
        values = Places(world, actor)
        values.update({**places, **others})
        return sent(case, actor.client, values, extra=extra, instead=instead or {})

    answer = again()
    values = tuple(sorted(_of_others(places), key=len, reverse=True))
    for fault in faults_of(answer, signed_in=actor.signed_in, hidden=actor.hidden, sent=values):
        yield f"{case.name}, by {actor.label}: {fault}"
    if wrong := case.expected(Attempt(answer, again, values)):
        yield f"{case.name}, by {actor.label}: {wrong}"


def _of_others(places: Places) -> set[str]:
    """What a case may have sent of others, which an answer may repeat."""
    names = ("there", "foreign", "nothing", "foreign_email", "unseen", "private")
    typed = {"no-such-account", "no@body.example", "kanarienvogel", "kanarien", "zaunkoenig"}
    return {places[name] for name in names} | typed


def sent(case: Case, client: Client, places: Places, *, extra: bool, instead: Mapping[str, str]) -> Answer:
    """The answer to the case with these values, and some fields filled in otherwise."""
    path = case.path.format_map(places) if "{" in case.path else case.path
    data = filled(case.data, places)
    if case.fill:
        data = form_at(client, path, case.method) | data | dict(instead)
        if extra:
            data |= {name: value for name, value in case.extra.items() if name not in data}
    return ask(client, case.method, path, data, headers=case.headers, content_type=case.content_type)


def filled(data: Any, places: Places) -> Any:
    """What is sent, with the values in it."""
    if isinstance(data, str):
        return data
    if isinstance(data, list):
        return [places.get(each[1:-1], each) if each.startswith("{") else each for each in data]
    if isinstance(data, Mapping):
        return {
            name: filled(value, places) if isinstance(value, list) else _value(value, places)
            for name, value in data.items()
        }
    return data


def _value(value: str, places: Places) -> str:
    """A value, or what stands for its name in braces."""
    return places[value[1:-1]] if value.startswith("{") and value[1:-1] in places else value


def form_at(client: Client, path: str, method: str) -> dict[str, Any]:
    """What the page's own form sends as it stands."""
    page = ask(client, "GET", path)
    _, forms = read(path.partition("?")[0], page.raw)
    found = [
        form
        for form in forms
        if form.method == method.lower() and form.action.partition("?")[0] == path.partition("?")[0]
    ]
    assert found, f"{path} has no form ({page.status})"
    return {name: values for name, values in found[0].values.items() if name != "csrfmiddlewaretoken"}
