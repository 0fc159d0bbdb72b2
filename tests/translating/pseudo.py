"""A language that can be told from English: every text that is translated stands in ⟦…⟧, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import settings
from django.utils.translation import activate, trans_real

OPEN, CLOSE = "⟦", "⟧"
# What a context comes with before its text.
AFTER_CONTEXT = "\x04"
READ = ("title", "aria-label", "placeholder", "alt")
UNREAD = {"script", "style", "code", "template"}
WORD = re.compile(r"[^\W\d_]{2,}")
# A day that is written with its month is data, too.
DAY = re.compile(r"\b\d{1,2} [A-Z][a-z]{2,8} \d{4}\b")


class Pseudo(trans_real.DjangoTranslation):
    """The catalogue of that language: it has every text there is."""

    def gettext(self, message: str) -> str:
        return f"{OPEN}{message.rpartition(AFTER_CONTEXT)[2]}{CLOSE}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@contextmanager
def pseudo() -> Iterator[None]:
    """The language of the settings is that one."""
    language = settings.LANGUAGE_CODE
    with pytest.MonkeyPatch.context() as patch:
        catalogues: Any = trans_real
        patch.setitem(catalogues._translations, language, Pseudo(language))
        patch.setattr(catalogues, "_default", None)
        activate(language)
        yield
    activate(language)


class _Reader(HTMLParser):
    """Collects what somebody reads of a page, and what is read to them."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.texts += [given[name] for name in READ if name in given]
        if tag == "input" and given.get("type") in {"submit", "button", "reset"}:
            self.texts.append(given.get("value", ""))
        if tag in UNREAD or "material-symbols-outlined" in given.get("class", ""):
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.texts.append(data)


def read(page: str) -> list[str]:
    """What somebody reads of a page, text by text."""
    reader = _Reader()
    reader.feed(page)
    return [text.strip() for text in reader.texts if text.strip()]


def bare(text: str) -> str:
    """What of a text stands in no brackets."""
    depth, left = 0, []
    for sign in text:
        depth += sign == OPEN
        if not depth:
            left.append(sign)
        depth -= sign == CLOSE
    return "".join(left).strip()


def english(texts: Iterable[str], data: Iterable[str] = ()) -> list[str]:
    """Those of the bare texts that still have words when what is data is taken out of them, whole words at a time."""
    known = "|".join(re.escape(text) for text in sorted(data, key=len, reverse=True))
    pattern = re.compile(rf"(?<!\w)(?:{known})(?!\w)") if known else re.compile("(?!)")
    return sorted({text for text in texts if WORD.search(DAY.sub(" ", pattern.sub(" ", text)))})
