"""What a page offers: where its links lead, and what its forms send."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

TYPED = {"text", "search", "email", "date", "datetime-local", "number", "url", "tel"}
PRESSED = {"submit", "button", "image", "reset", "file"}


@dataclass
class Form:
    """A form: where it is sent and how, what it holds as it stands, and which fields are typed into or chosen from."""

    method: str
    action: str
    values: dict[str, list[str]] = field(default_factory=dict)
    typed: set[str] = field(default_factory=set)
    chosen: set[str] = field(default_factory=set)

    def put(self, name: str, value: str) -> None:
        """Hold one more value under the name."""
        self.values.setdefault(name, []).append(value)


class _Reader(HTMLParser):
    """Collects what `read` answers."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.links: list[str] = []
        self.forms: list[Form] = []
        self.loose = Form("get", address)
        self.inside: list[Form] = []
        self.select = ""
        self.unchosen: str | None = None

    @property
    def form(self) -> Form:
        return self.inside[-1] if self.inside else self.loose

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        for name in ("href", "hx-get", "formaction"):
            if given.get(name, "").startswith(("/", "?", ".")):
                self.links.append(urljoin(self.address, given[name]))
        if tag == "form":
            form = Form(given.get("method", "get").lower(), urljoin(self.address, given.get("action", "")))
            self.forms.append(form)
            self.inside.append(form)
        elif tag == "input" and given.get("name"):
            self._input(given)
        elif tag == "textarea" and given.get("name"):
            self.form.put(given["name"], "Because of the fair")
            self.form.typed.add(given["name"])
        elif tag == "select" and given.get("name"):
            self.select, self.unchosen = given["name"], None
            self.form.chosen.add(self.select)
        elif tag == "option" and self.select:
            if "selected" in given:
                self.form.put(self.select, given.get("value", ""))
            elif self.unchosen is None:
                self.unchosen = given.get("value", "")

    def _input(self, given: dict[str, str]) -> None:
        kind, name = given.get("type", "text"), given["name"]
        if kind in PRESSED:
            return
        if kind in {"checkbox", "radio"}:
            self.form.chosen.add(name)
            if "checked" in given:
                self.form.put(name, given.get("value", "on"))
            return
        if kind in TYPED:
            self.form.typed.add(name)
        elif kind == "hidden" and name != "csrfmiddlewaretoken":
            self.form.chosen.add(name)
        self.form.put(name, given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self.inside:
            self.inside.pop()
        elif tag == "select" and self.select:
            if self.select not in self.form.values and self.unchosen is not None:
                self.form.put(self.select, self.unchosen)
            self.select = ""


def read(address: str, page: str) -> tuple[list[str], list[Form]]:
    """The addresses on this site that the page leads to, and its forms."""
    reader = _Reader(address)
    reader.feed(page)
    return reader.links, reader.forms


def kinds(address: str) -> set[tuple[str, str]]:
    """What an address is an example of: its path without numbers, with each part of its query.

    Two values of a part are two kinds where they are words (`tab=invited`), and one where they are numbers or texts.
    """
    parts = urlsplit(address)
    path = "/".join("#" if any(letter.isdigit() for letter in part) else part for part in parts.path.split("/"))
    found = {(path, "")}
    for name, value in parse_qsl(parts.query):
        found.add((path, f"{name}={value}" if value.replace("_", "").isalpha() and len(value) < 20 else name))
    return found
