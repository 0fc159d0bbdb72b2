"""The vocabulary of the log."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from apps.audit import verbs
from apps.audit.checks import check_verbs


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> verbs.Registry:
    """An empty registry in place of the product's."""
    empty = verbs.Registry()
    monkeypatch.setattr(verbs, "registry", empty)
    return empty


def test_a_registered_verb_is_found_by_its_word(registry: verbs.Registry) -> None:
    verb = registry.register("access.override.set", label="Override set")
    assert registry.get("access.override.set") is verb
    assert registry.get(verb) is verb
    assert list(registry) == [verb]


def test_a_word_is_registered_once(registry: verbs.Registry) -> None:
    registry.register("access.override.set", label="Override set")
    with pytest.raises(ImproperlyConfigured, match=r"'access\.override\.set' is registered twice"):
        registry.register("access.override.set", label="set it")


def test_an_unknown_word_is_an_error(registry: verbs.Registry) -> None:
    with pytest.raises(verbs.UnknownVerb):
        registry.get("access.override.set")


@pytest.mark.parametrize(
    "word", ["set", "Access.set", "access..set", ".set", "access.set.", "access set", "access.sét", "access.set\n"]
)
def test_a_malformed_verb_fails_the_check(registry: verbs.Registry, word: str) -> None:
    registry.register(word, label="set")
    assert [message.id for message in check_verbs(None)] == ["audit.E001"]


def test_a_verb_without_a_label_fails_the_check(registry: verbs.Registry) -> None:
    registry.register("access.override.set", label=" ")
    assert [message.id for message in check_verbs(None)] == ["audit.E002"]


def test_the_products_verbs_pass_the_check() -> None:
    assert check_verbs(None) == []
