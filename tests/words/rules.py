"""The rules for texts: words that stay out, names that say nothing, sentences that are too long."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.words.texts import Kind, Text

Rule = Literal["words", "names", "long"]

LONGEST_SENTENCE = 30
MOST_EXCEPTIONS = 30
SENTENCE_END = re.compile(r"(?<=[.!?:])[\"”’)*_]*\s+")
WORD = re.compile(r"%\(\w+\)s|[^\W_][\w'’.@/-]*")


@dataclass(frozen=True)
class Hit:
    """One text that breaks a rule."""

    path: str
    line: int
    rule: Rule
    message: str


@dataclass(frozen=True)
class Phrase:
    """A pattern that stays out of texts of some kinds, with what to write instead."""

    pattern: re.Pattern[str]
    instead: str
    kinds: frozenset[Kind]


@dataclass(frozen=True)
class AllowedText:
    """A reviewed exception: in this file, texts with these words are fine."""

    path: str
    text: str


class Words:
    """The word list of `words.toml`."""

    def __init__(self, path: Path) -> None:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        self.names: dict[str, str] = data["names"]
        self.phrases = [
            Phrase(
                re.compile(rf"\b(?:{row['pattern']})\b", re.IGNORECASE), row["instead"], frozenset(row.get("kinds", ()))
            )
            for row in data["phrases"]
        ]
        # One pattern for all phrases tells quickly that a text has none of them.
        self._any = re.compile("|".join(phrase.pattern.pattern for phrase in self.phrases), re.IGNORECASE)
        self.exceptions = [AllowedText(row["path"], row["text"]) for row in data.get("exceptions", [])]
        self.used: set[AllowedText] = set()

    def hits(self, path: str, text: Text) -> Iterator[Hit]:
        """Return what one text of a file breaks, exceptions left out."""
        for rule, sample, message in self._broken(text):
            exception = next((row for row in self.exceptions if row.path == path and row.text in sample), None)
            if exception:
                self.used.add(exception)
            else:
                yield Hit(path, text.line, rule, message)

    def _broken(self, text: Text) -> Iterator[tuple[Rule, str, str]]:
        if text.kind == "variable":
            if text.content in self.names:
                yield "names", text.content, f"the variable `{text.content}`: {self.names[text.content]}"
            return
        if self._any.search(text.content):
            for phrase in self.phrases:
                if phrase.kinds and text.kind not in phrase.kinds:
                    continue
                for match in phrase.pattern.finditer(text.content):
                    around = text.content[max(0, match.start() - 30) : match.end() + 30]
                    yield "words", text.content, f"“{match[0]}” in “…{around}…”: {phrase.instead}"
        if text.kind != "test":
            for sentence in SENTENCE_END.split(text.content):
                count = len(WORD.findall(sentence))
                if count > LONGEST_SENTENCE:
                    yield "long", sentence, f"{count} words: “{sentence[:80]}…”"
