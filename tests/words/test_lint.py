"""The words lint finds what stays out of texts, and its baseline only goes down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.words import lint
from tests.words.rules import LONGEST_SENTENCE, Hit, Words
from tests.words.texts import texts

LONG = " ".join(["word"] * (LONGEST_SENTENCE + 1)) + "."

PLANTED = {
    "a message": ("views.py", 'title = _("Somebody has changed this.")\n', ["words"]),
    "a plural message": ("views.py", 'ngettext("%(n)s is told", "%(n)s are told", n)\n', ["words", "words"]),
    "a message of several lines": ("views.py", '_(\n    "Ask "\n    "whoever may."\n)\n', ["words"]),
    "a command's help": ("command.py", 'parser.add_argument("--all", help="as far as allowed")\n', ["words"]),
    "the help of a command class": ("command.py", 'class C:\n    help = "Computed anew."\n', ["words"]),
    "a module's docstring": ("a.py", '"""What somebody may."""\n', ["words"]),
    "a function's docstring": ("a.py", 'def f():\n    """Return whom to ask."""\n', ["words"]),
    "a docstring's second paragraph": (
        "a.py",
        'def f():\n    """Return it.\n\n    Nobody\n    may.\n    """\n',
        ["words"],
    ),
    "a comment": ("a.py", "x = 1\n# Whoever asks\n", ["words"]),
    "a comment over two lines": ("a.py", "# As far\n# as it goes\nx = 1\n", ["words"]),
    "a comment behind code": ("a.py", "x = 1  # computed anew\n", ["words"]),
    "a test's name": ("test_a.py", "def test_somebody_asks():\n    pass\n", ["words"]),
    "a variable": ("a.py", "found = 1\n", ["names"]),
    "a loop's variable": ("a.py", "for told in x:\n    pass\n", ["names"]),
    "an argument": ("a.py", "def f(held):\n    pass\n", ["names"]),
    "a long docstring": ("a.py", f'"""{LONG}"""\n', ["long"]),
    "a long comment": ("a.py", f"# {LONG}\n", ["long"]),
    "a translated text of a page": ("a.html", '<p>{% translate "Nobody may do this." %}</p>', ["words"]),
    "a translated argument of a tag": ("a.html", '{% button _("Look as a colleague") %}', ["words"]),
    "a block of a page": (
        "a.html",
        "<p>{% blocktranslate %}Ask <b>who</b>ever may.{% endblocktranslate %}</p>",
        ["words"],
    ),
    "a paragraph of a doc": ("a.md", "Text that\nsomebody wrote.\n", ["words"]),
    "a phrase over a line's end": ("a.md", "It goes as\nfar as it can.\n", ["words"]),
    "a list item": ("a.md", "- one\n- computed anew\n", ["words"]),
    "a table cell": ("a.md", "| a | b |\n| --- | --- |\n| fine | computed anew |\n", ["words"]),
    "an image's description": ("a.md", "![Whom to ask](a.png)\n", ["words"]),
    "a long sentence of a doc": ("a.md", f"Short one. {LONG}\n", ["long"]),
}

FINE = {
    "plain texts": ("a.py", '"""Return the members."""\n\n# A reason.\nmemberships = _("Invite member")\n'),
    "words inside of other words": ("a.py", '"""The enquirer reanewed whomsoever."""\nfoundation = 1\n'),
    "code in a doc": ("a.md", "Run `somebody`.\n\n```sh\nsomebody anew\n```\n\n    somebody anew\n"),
    "a variable that is only read": ("a.py", "x = module.found\n"),
    "a string that is not a message": ("a.py", 'key = "somebody"\n'),
    "a longest sentence": ("a.md", " ".join(["word"] * LONGEST_SENTENCE) + ".\n"),
    "a tag's attribute": ("a.html", '<p class="anew">{% url "somebody" %}Text</p>'),
    "your own role": ("a.md", "You can't change your own role.\n"),
}


def hits_of(tmp_path: Path, name: str, content: str, words: Path = lint.WORDS) -> list[Hit]:
    (tmp_path / name).write_text(content, encoding="utf-8")
    return lint.check(tmp_path, [name], words)[0]


@pytest.mark.parametrize("case", PLANTED)
def test_planted_text_is_found(tmp_path: Path, case: str) -> None:
    name, content, rules = PLANTED[case]
    assert [hit.rule for hit in hits_of(tmp_path, name, content)] == rules


@pytest.mark.parametrize("case", FINE)
def test_plain_text_passes(tmp_path: Path, case: str) -> None:
    assert hits_of(tmp_path, *FINE[case]) == []


def test_a_hit_names_its_line_and_what_to_write_instead(tmp_path: Path) -> None:
    (hit,) = hits_of(tmp_path, "a.html", '<p>\n  fine\n</p>\n<p class="m">\n  Send an e-mail\n</p>')
    assert (hit.path, hit.line) == ("a.html", 5)
    assert "e-mail" in hit.message
    assert hit.message.endswith(": email")


def test_a_phrase_can_be_limited_to_kinds_of_text(tmp_path: Path) -> None:
    words = tmp_path / "words.toml"
    words.write_text('phrases = [{ pattern = "reach", instead = "scope", kinds = ["message"] }]\n[names]\n')
    assert [hit.rule for hit in hits_of(tmp_path, "a.py", '"""A reach."""\n_("A reach")\n', words)] == ["words"]


def test_a_reviewed_exception_passes_in_its_file_only(tmp_path: Path) -> None:
    words = tmp_path / "words.toml"
    exception = '[[exceptions]]\npath = "a.md"\ntext = "Somebody That I Used to Know"\n'
    words.write_text(f'phrases = [{{ pattern = "somebody", instead = "" }}]\n[names]\n{exception}')
    text = "Play Somebody That I Used to Know.\n"
    assert hits_of(tmp_path, "a.md", text, words) == []
    assert len(hits_of(tmp_path, "b.md", text, words)) == 1


def test_exceptions_that_are_not_needed_or_too_many_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "words.toml"
    rows = "".join(f'[[exceptions]]\npath = "a.md"\ntext = "{number}"\n' for number in range(31))
    path.write_text(f"phrases = [{{ pattern = 'x', instead = '' }}]\n[names]\n{rows}")
    words = Words(path)
    wrong = lint.check_exceptions(words, set(words.exceptions[1:]))
    assert ["“0” in a.md is not needed" in wrong[0], "at most 30" in wrong[1]] == [True, True]
    assert lint.check_exceptions(words, set(words.exceptions))[1:] == []


def test_more_hits_than_the_baseline_fail_and_fewer_ask_to_lower_it() -> None:
    hits = [
        Hit("apps/crm/models.py", 1, "words", ""),
        Hit("apps/crm/views.py", 2, "words", "here"),
        Hit("docs/a.md", 1, "long", ""),
    ]
    wrong, lower = lint.report(hits, Counter({("apps/crm", "words"): 1, ("docs", "long"): 2}))
    assert wrong[0] == "apps/crm: 2 hits of “words”, the baseline allows 1:"
    assert "  apps/crm/views.py:2: here" in wrong
    assert lower == ["docs long: 2 → 1"]


def test_an_area_that_the_baseline_does_not_name_allows_no_hit() -> None:
    wrong, _ = lint.report([Hit("docs/a.md", 1, "words", "")], Counter())
    assert wrong[0].startswith("docs: 1 hits")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setattr(lint, "ROOT", tmp_path)
    monkeypatch.setattr(lint, "BASELINE", tmp_path / "baseline.toml")
    monkeypatch.setattr(lint, "files", lambda root: sorted(path.name for path in root.glob("*.md")))
    monkeypatch.setattr(lint, "check_exceptions", lambda words, used: [])

    def main(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["lint", *arguments])
        return lint.main()

    return main


def test_the_written_baseline_goes_down_and_never_up(tmp_path: Path, run: Callable[..., int]) -> None:
    page = tmp_path / "a.md"
    page.write_text("somebody anew\n")
    assert run("--write-baseline") == 0
    assert lint.read_baseline(lint.BASELINE) == Counter({(".", "words"): 2})
    page.write_text("somebody anew, of late\n")
    assert run() == 1
    assert run("--write-baseline") == 1
    assert lint.read_baseline(lint.BASELINE) == Counter({(".", "words"): 2})
    page.write_text("anew\n")
    assert run() == 0
    assert run("--write-baseline") == 0
    assert lint.read_baseline(lint.BASELINE) == Counter({(".", "words"): 1})


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("apps/access/history/replay.py", "apps/access"),
        ("apps/__init__.py", "apps"),
        ("tests/crm/test_leads.py", "tests/crm"),
        ("tests/factories.py", "tests"),
        ("templates/pages/base.html", "templates"),
        ("docs/guide/staff.md", "docs"),
        ("docs/security.md", "docs/security.md"),
        ("README.md", "."),
    ],
)
def test_files_are_counted_under_their_area(path: str, area: str) -> None:
    assert lint.area(path) == area


def test_the_line_of_a_docstring_is_that_of_its_paragraph(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text('def f():\n    """One.\n\n    Two.\n    """\n')
    assert [(text.line, text.content) for text in texts(path) if text.kind == "docstring"] == [(2, "One."), (4, "Two.")]
