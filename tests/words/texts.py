"""Collect the texts of a file that people read: messages, page texts, docs, docstrings, comments and names."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["message", "template", "doc", "docstring", "comment", "test", "variable"]

GETTEXT = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext", "npgettext"}
# Arguments and class attributes with which a command explains itself.
HELP = {"help", "description", "epilog"}
COMMENT = re.compile(r"(?:^\s*|  )#\s(.*)$")

FENCE = re.compile(r"^\s*(```|~~~)")
TABLE_RULE = re.compile(r"^\s*\|[\s:|-]+\|\s*$")
NEW_PARAGRAPH = re.compile(r"^\s*([-*]\s|\d+\.\s|#|>|\|)")
INLINE_CODE = re.compile(r"`[^`]*`")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")

TRANSLATED = re.compile(r"""(?:\b(?:translate|trans)\s+|_\(\s*)(?:"([^"]*)"|'([^']*)')""")
BLOCK = re.compile(r"{%.*?%}|<!--|-->|{#|#}", re.DOTALL)
VALUE = re.compile(r"{{.*?}}", re.DOTALL)
INLINE_TAG = re.compile(r"</?(?:a|abbr|b|code|em|i|kbd|span|strong|time)\b[^>]*>", re.DOTALL)
TAG = re.compile(r"<[^>]*>", re.DOTALL)


@dataclass(frozen=True)
class Text:
    """One paragraph, message or name, with the line it begins on."""

    line: int
    kind: Kind
    content: str


def texts(path: Path) -> Iterator[Text]:
    """Return the texts of a Python, Markdown or template file; nothing for other files."""
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from _python(content)
    elif path.suffix == ".md":
        yield from _markdown(content)
    elif path.suffix == ".html" or (path.suffix == ".txt" and "templates" in path.parts):
        yield from _template(content)


def _python(content: str) -> Iterator[Text]:
    for node in ast.walk(ast.parse(content)):
        match node:
            case ast.Module() | ast.ClassDef():
                yield from _docstring(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _docstring(node)
                if node.name.startswith("test_"):
                    yield Text(node.lineno, "test", node.name.removeprefix("test_").replace("_", " "))
            case ast.Call():
                yield from _messages(node)
            case ast.Assign(targets=[ast.Name(id="help")], value=ast.Constant(value=str(message))):
                yield Text(node.lineno, "message", message)
            case ast.Name(ctx=ast.Store(), id=name) | ast.arg(arg=name):
                yield Text(node.lineno, "variable", name)
    yield from _comments(content)


def _docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Text]:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        for text in _markdown(inspect.cleandoc(first.value.value)):
            yield Text(first.lineno + text.line - 1, "docstring", text.content)


def _messages(call: ast.Call) -> Iterator[Text]:
    function = call.func
    name = (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )
    arguments = list(call.args) if name in GETTEXT else []
    arguments += [keyword.value for keyword in call.keywords if keyword.arg in HELP]
    for argument in arguments:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield Text(argument.lineno, "message", argument.value)


def _comments(content: str) -> Iterator[Text]:
    lines: list[str] = []
    begin = 0
    for number, line in enumerate([*content.splitlines(), ""], 1):
        comment = COMMENT.search(line) if "#" in line else None
        if comment and line.lstrip().startswith("#"):
            begin = begin if lines else number
            lines.append(comment[1])
            continue
        if lines:
            yield Text(begin, "comment", " ".join(lines))
            lines = []
        if comment:
            yield Text(number, "comment", comment[1])


def _markdown(content: str) -> Iterator[Text]:
    """Return the paragraphs, list items and table cells; code is left out."""
    paragraph: list[str] = []
    begin = 1
    in_fence = False
    for number, line in enumerate([*content.splitlines(), ""], 1):
        is_fence = bool(FENCE.match(line))
        is_code = in_fence or is_fence or (line.startswith("    ") and not paragraph)
        in_fence ^= is_fence
        if paragraph and (is_code or not line.strip() or NEW_PARAGRAPH.match(line)):
            yield Text(begin, "doc", _plain(" ".join(paragraph)))
            paragraph = []
        if is_code or not line.strip() or TABLE_RULE.match(line):
            continue
        if line.lstrip().startswith("|"):
            for cell in _plain(line).strip().strip("|").split("|"):
                yield Text(number, "doc", cell.strip())
            continue
        begin = begin if paragraph else number
        paragraph.append(line.strip())


def _plain(text: str) -> str:
    return LINK.sub(r"\1", INLINE_CODE.sub("code", text))


def _template(content: str) -> Iterator[Text]:
    for match in TRANSLATED.finditer(content):
        yield Text(content.count("\n", 0, match.start()) + 1, "template", match[1] or match[2] or "")
    for pattern, filler in ((VALUE, "value"), (BLOCK, "\0"), (INLINE_TAG, ""), (TAG, "\0")):
        content = pattern.sub(lambda match, filler=filler: filler + "\n" * match[0].count("\n"), content)  # type: ignore[misc]
    line = 1
    for part in re.split(r"(\0|\n\s*\n)", content):
        text = part.strip("\0 \n")
        if text:
            begin = line + part[: len(part) - len(part.lstrip())].count("\n")
            yield Text(begin, "template", " ".join(text.split()))
        line += part.count("\n")
