"""What spreadsheets open holds no formula, and what we exported is imported as it was."""

from __future__ import annotations

import ast
import csv
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import example, given
from hypothesis import strategies as st

from apps.access.spreadsheets import cell, csv_line, uncell
from apps.access.tables import CsvTable

FORMULAS = (
    "=1+1",
    "+1+cmd|' /C calc'!A0",
    "-1+A2",
    "@SUM(A1)",
    "＝1+1",
    "＋A1",
    "－A1",
    "＠SUM(A1)",
    "﹦A1",
    "\N{MINUS SIGN}A1",
    " =1+1",
    "\u00a0=A1",
    "\u3000=A1",
    "\u200b=A1",
    "\ufeff=A1",
    "\u202e=A1",
    "\x00\x1b=A1",
    '"=A1"',
    "\t=A1",
    "\r=A1",
    "\n=A1",
    "\r\n =A1",
    "Hello;=A1",
    "Hello; =A1",
    'Hello;"=A1"',
    "Hello;＝A1",
    "Hello\t=A1",
    "Hello\n=A1",
    "Hello\r@A1",
    "+",
    "-",
    "--1",
    "+47 22 CALC",
    "-5+A1",
    "+1;=A1",
)
SIGNS = set("=+-@＝＋－＠﹦\N{MINUS SIGN}")
UNSEEN = ' "\t\r\n\u00a0\u3000\u200b\ufeff\u202e\x00\x1b'
HARMLESS = (
    "",
    "Hello",
    "a=b",
    "5-3",
    "ann@example.com",
    "0",
    "-5",
    "+5",
    "-5.25",
    "-1,234.50",
    "-1.234,50",
    "-1 234,50",
    "\N{MINUS SIGN}5",
    "-5%",
    "1e-5",
    "-1.5E+10",
    "+4722334455",
    "+47 22 33 44 55",
    "+1 (212) 555-0100",
    "+49 30/1234567",
    "+44 20 7946 0958 ext. 12",
    "It's =fine",
    "'quoted'",
    "'-5",
    "Hello; world",
    "Hello;-5;+4722334455",
    "Hello; -5",
    "+4722334455; +4733445566",
    "-5;",
    "2026-11-30",
)


def cells_of(line: str, delimiter: str) -> list[str]:
    return [each for row in csv.reader(StringIO(line, newline=""), delimiter=delimiter) for each in row]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_guarded_however_the_file_is_opened(text: str) -> None:
    assert cell(text) != text
    line = csv_line(["before", text, "after"])
    for delimiter in ",;\t":
        for each in cells_of(line, delimiter):
            # Whatever stands before it unseen, no cell begins with the sign of a formula.
            assert each.lstrip(UNSEEN)[:1] not in SIGNS, (delimiter, each)


@pytest.mark.parametrize("text", HARMLESS)
def test_numbers_telephone_numbers_and_words_stay_as_they_are(text: str) -> None:
    assert cell(text) == text
    assert uncell(text) == text


@given(
    st.lists(
        st.sampled_from([*"=+-@;\t\r\n'\" aA15%.", "\u200b", "＝", "－", "\N{MINUS SIGN}", "\u00a0"]), max_size=8
    ).map("".join)
)
@example("''=1")
@example("'=1")
@example("';=1")
def test_what_is_guarded_is_read_back_as_it_was(text: str) -> None:
    assert uncell(cell(text)) == text
    assert uncell(cell(cell(text))) == cell(text)


@pytest.mark.parametrize("text", [*FORMULAS, *HARMLESS, "'=1", "''=1"])
def test_what_we_export_is_what_we_import(text: str) -> None:
    if "\x00" in text:
        pytest.skip("No text of ours holds it.")
    lines = csv_line(["user", "reason"]) + csv_line(["ann@example.com", text])
    (line,) = CsvTable(BytesIO(lines.encode()), ("user", "reason"))
    assert line.cells["reason"] == text.strip()


def test_every_csv_file_of_ours_is_written_there() -> None:
    root = Path(settings.BASE_DIR)
    writers = set()
    for path in root.glob("apps/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("csv.writer", "csv.DictWriter"):
                writers.add(str(path.relative_to(root)))
    assert writers == {"apps/access/spreadsheets.py"}
