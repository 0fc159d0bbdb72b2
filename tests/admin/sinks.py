"""Where the admin's templates, widgets and scripts print something that autoescaping does not make safe.

Read from the files that are installed, so that a newer unfold or Django cannot add such a place unseen.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django.contrib.admin
import django.forms
import unfold
from django.apps import apps
from django.conf import settings
from django.template import engines

LIBRARIES = [Path(module.__file__ or "").parent for module in (unfold, django.contrib.admin, django.forms)]
OURS = [Path(settings.BASE_DIR) / "templates", Path(settings.BASE_DIR) / "apps"]
# Crispy forms are not installed; Django's users and passwords have pages of ours; no page of the admin shows mails.
NOT_HERE = ("unfold_crispy/", "registration/", "admin/auth/", "mail/")

_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_HELD = re.compile("\x00(\\d+)\x00")
_TAG = re.compile("<(?:[a-zA-Z]|\x00)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_ATTRIBUTE = re.compile(r"([\w:@.\-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_RAW = re.compile(r"\|\s*(safe|safeseq)\b|\bautoescape\s+off\b")
# Alpine and htmx compile what is in these; a browser does so in handlers and styles.
_COMPILED = re.compile(r"x-|@|:|on|hx-on|hx-vals|hx-vars|hx-headers|hx-trigger|style$|srcdoc$")
_ADDRESS = {"href", "src", "action", "formaction", "hx-get", "hx-post", "data-href-template", "poster"}
# Tags that print nothing that people write.
_PLAIN = re.compile(
    r"\{%\s*(if|elif|else|endif|for|endfor|with|endwith|static|url|trans|translate|block|endblock)\b|\{#"
)
_MARKUP = re.compile(
    r"[\w.$()]*(?:\.(?:innerHTML|outerHTML)\s*\+?=(?!=)|insertAdjacentHTML|document\.write|\.html\((?!\)))"
)
# A file with fewer lines is minified: jQuery, select2, Alpine, htmx, simplebar, chart.js.
SHORTEST_SCRIPT = 50

Sinks = dict[str, set[str]]


def template_sinks() -> Sinks:
    """By the name of a template of the admin, as it is loaded: what it prints raw, compiles, or follows."""
    names = sorted(name for name in set(_names()) if not name.startswith(NOT_HERE))
    return {name: printed for name in names if (printed := set(_printed(_loaded(name))))}


def python_sinks() -> Sinks:
    """By the file of a library: the functions that declare something safe, and how often."""
    found: Sinks = {}
    for path in (path for library in LIBRARIES for path in library.rglob("*.py")):
        functions = Counter(_declaring_safe(ast.parse(path.read_text())))
        if functions:
            found[_short(path)] = {f"{name} {count}" if count > 1 else name for name, count in functions.items()}
    return found


def script_sinks() -> Sinks:
    """By the script of a library that can be read: where it writes markup."""
    scripts = (path for library in LIBRARIES for path in library.rglob("*.js") if "vendor" not in path.parts)
    texts = {path: path.read_text() for path in scripts}
    return {
        _short(path): writes
        for path, text in texts.items()
        if text.count("\n") >= SHORTEST_SCRIPT and (writes := set(_MARKUP.findall(text)))
    }


def _names() -> Iterator[str]:
    folders = [Path(config.path) / "templates" for config in apps.get_app_configs()]
    for folder in (*folders, LIBRARIES[-1] / "templates"):
        if any(folder.is_relative_to(library) for library in LIBRARIES):
            yield from (str(path.relative_to(folder)) for path in folder.rglob("*.html"))
    for root in OURS:
        yield from (str(path).rpartition("/templates/")[2] for path in root.rglob("*.html"))


def _loaded(name: str) -> Path:
    """The file that is loaded under the name: ours before a library's."""
    backend: Any = engines["django"]
    loaders = backend.engine.template_loaders
    files = [Path(str(origin)) for loader in loaders for origin in loader.get_template_sources(name)]
    return next(file for file in (*files, LIBRARIES[-1] / "templates" / name) if file.exists())


def _printed(file: Path) -> Iterator[str]:
    own = any(file.is_relative_to(root) for root in OURS)
    code: list[str] = []

    def hold(match: re.Match[str]) -> str:
        code.append(match.group())
        return f"\x00{len(code) - 1}\x00"

    def printed_in(text: str) -> list[str]:
        return [part for index in _HELD.findall(text) if not _PLAIN.match(part := code[int(index)])]

    text = _CODE.sub(hold, file.read_text())
    yield from (part for part in code if _RAW.search(part))
    for tag in re.findall(r"<(script|style)\b(?![^>]*\bsrc=)", text):
        yield f"<{tag}>"
    for name, double, single in _ATTRIBUTE.findall(text):
        compiled = _COMPILED.match(name.lower()) is not None
        if compiled or (name.lower() in _ADDRESS and not own):
            yield from printed_in(double or single)
        if own and name.lower().startswith(("on", "style")):
            yield f"{name}="
    for inside in _TAG.findall(text):
        yield from (part for part in printed_in(_QUOTED.sub("", inside)) if part.startswith("{{"))


def _declaring_safe(tree: ast.AST, function: str = "module") -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        inside = node.name if isinstance(node, ast.FunctionDef) else function
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"mark_safe", "SafeString"}:
            yield inside
        yield from _declaring_safe(node, inside)


def _short(path: Path) -> str:
    return str(path).rpartition("/site-packages/")[2]
