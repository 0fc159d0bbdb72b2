"""Entries that stand on lines of their own are read without a YAML parser, and mean what they mean to one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.orgfiles import emitting, organisation
from apps.orgfiles.lines import Plain, entry
from apps.orgfiles.organisation import InvalidOrganisation
from apps.orgfiles.reading import problems_of, sections
from apps.orgfiles.source import Source

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
WORDS = st.sampled_from(
    ["no", "null", "Ann Archer", "1_000", "a:b", "-5", "12.50", "2026-01-02T03:04:05Z", "~", "a #b"]
)
SCALAR = st.one_of(
    TEXT,
    WORDS,
    st.integers(),
    st.booleans(),
    st.decimals(-999, 999, places=2),
    st.just(datetime(2027, 1, 2, tzinfo=UTC)),
)
KEY = st.one_of(st.from_regex(r"[a-z_]{1,9}\Z"), TEXT, WORDS)
VALUE = st.one_of(
    SCALAR, st.lists(SCALAR, max_size=3), st.dictionaries(KEY, st.one_of(SCALAR, st.lists(SCALAR)), max_size=3)
)
ENTRY = st.dictionaries(KEY, VALUE, min_size=1, max_size=4)
HEAD = """\
account: {slug: acme, name: Acme, scheme: atlas}
users:
  - {email: ann@acme.example, name: Ann}
branches:
  - slug: north
members:
  - {user: ann@acme.example, branch: north, role: owner}
"""


def by_parser(line: str) -> Any:
    """The entry on a line as the YAML parser reads it; None where that refuses it."""
    source = Source("acme.yaml", BytesIO(f"# so that no line is read by itself\nrecords:\n{line}".encode()))
    try:
        return [list(items) for _, items in sections(source, problems_of(source))]
    except InvalidOrganisation:
        return None


def marked(value: Any) -> Any:
    """The value with it said of each text whether it stood without quotes."""
    if isinstance(value, Mapping):
        return {str(key): marked(each) for key, each in value.items()}
    if isinstance(value, list):
        return [marked(each) for each in value]
    return (str(value), type(value) is Plain)


@given(ENTRY)
@example({"a": "x\\", "b": '"'})
@example({"about": "lead/L-1", "amount": Decimal("10.00"), "custom": {"k": ["a, b", "]"], "l": "}"}})
def test_what_an_export_writes_is_read_as_the_parser_reads_it(values: dict[str, Any]) -> None:
    line = f"  - {emitting.mapping(values)}\n"
    found = entry(line)
    if len({str(key) for key in values}) == len(values):
        assert found is not None or ": null" in line or "\\u" in line or "~" in line or "#" in line or len(line) > 1000
    if found is not None:
        assert marked([[found]]) == marked(by_parser(line))


@given(ENTRY, st.data())
def test_a_line_that_is_nearly_so_is_read_as_the_parser_reads_it_or_left_to_it(
    values: dict[str, Any], data: st.DataObject
) -> None:
    line = f"  - {emitting.mapping(values)}"
    place = data.draw(st.integers(0, len(line)))
    changed = data.draw(st.sampled_from([*"\"'\\{}[]:,#&*!|>?-@% \tx0", ": ", ", ", " #", "{a: b}", "[c]"]))
    line = f"{line[:place]}{changed}{line[place + data.draw(st.integers(0, 2)) :]}\n"
    found = entry(line)
    if found is not None:
        assert marked([[found]]) == marked(by_parser(line))


MIXED = [
    '  - {type: lead, ref: L-1, branch: north, name: "First"}\n',
    "  - {type: lead, ref: L-2, branch: north}\n",
    "  # a remark, from which on it is the parser that reads\n",
    "  - type: lead\n    ref: L-3\n    branch: north\n",
    "  - {type: lead, ref: L-4, branch: nowhere}\n",
]
SHARES = "shares:\n  - {record: lead/L-9, user: ann@acme.example, permissions: [view], reason: Why}\n"


def refused(text: str) -> list[str]:
    file = BytesIO(text.encode())
    file.name = "acme.yaml"
    with pytest.raises(InvalidOrganisation) as error:
        organisation.create(organisation.load(file))
    return error.value.lines


@pytest.mark.django_db
def test_a_section_may_go_on_in_another_form_and_problems_keep_their_places() -> None:
    assert refused(f"{HEAD}records:\n{''.join(MIXED)}{SHARES}") == [
        "acme.yaml, line 15, column 36: records[3].branch: there is no branch nowhere in the file.",
        "acme.yaml, line 17, column 14: shares[0].record: there is no lead L-9 in the file.",
    ]


@pytest.mark.django_db
def test_a_problem_far_down_in_a_large_file_has_its_place() -> None:
    rows = [f"  - {{type: contact, ref: P-{n}, branch: north, name: Peter}}\n" for n in range(3_000)]
    rows[2_500] = "  - {type: contact, ref: P-7, branch: north, name: Peter, company: C-1}\n"
    assert refused(f"{HEAD}records:\n{''.join(rows)}") == [
        "acme.yaml, line 2509, column 68: records[2500].company: there is no company C-1 in the file.",
        "acme.yaml, line 2509, column 26: records[2500].ref: contact/P-7 is listed twice.",
    ]


@pytest.mark.django_db
def test_no_more_than_twenty_problems_between_lines_are_shown_and_the_others_counted() -> None:
    rows = [f"  - {{type: contact, ref: P-{n}, branch: north, company: C-1}}\n" for n in range(1_500)]
    lines = refused(f"{HEAD}records:\n{''.join(rows)}")
    assert lines[0] == "acme.yaml, line 9, column 55: records[0].company: there is no company C-1 in the file."
    assert (len(lines), lines[-1]) == (21, "acme.yaml: 1,480 more problems.")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{HEAD}records:\n{MIXED[0]}records:\n{MIXED[1]}", "acme.yaml, line 10, column 1: records: this key is"),
        (f"{HEAD}records:\n{MIXED[0]}---\na: b\n", "acme.yaml, line 10, column 1: holds a second document"),
        (f"{HEAD}records:\n{MIXED[0]}    more: x\n", "acme.yaml, line 10, column 5: is not valid YAML: did not find"),
        (f"{HEAD}records:\n{MIXED[0]}- {{a: b}}\n", "acme.yaml, line 10, column 1: is not valid YAML: did not find"),
        (f"{HEAD}records:\n{MIXED[0]}  - {{a: [\n", "acme.yaml, line 11, column 1: is not valid YAML: did not find"),
        (f'{HEAD}x: "\nrecords:\n{MIXED[0]}"\n', "acme.yaml, line 8, column 4: x: this key is unknown"),
    ],
)  # fmt: skip
def test_what_is_wrong_between_such_lines_is_refused_where_it_stands(text: str, line: str) -> None:
    file = BytesIO(text.encode())
    file.name = "acme.yaml"
    with pytest.raises(InvalidOrganisation) as error:
        organisation.load(file)
    assert error.value.lines[0].startswith(line), error.value.lines


def test_the_parts_in_which_a_file_is_read_may_cut_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{HEAD}records:\n" + "".join(
        f'  - {{type: lead, ref: L-{n}, branch: north, name: "Ü – 😀"}}\n' for n in range(50)
    )
    whole = organisation.load(BytesIO(text.encode()))
    for size in (1, 2, 3, 7, 64):
        monkeypatch.setattr("apps.orgfiles.source.CHUNK", size)
        assert organisation.load(BytesIO(text.encode())) == whole
    with pytest.raises(InvalidOrganisation, match=r"line 2, byte 54: is not UTF-8: found the byte 0xff"):
        organisation.load(BytesIO(text.encode().replace(b"users", b"users\xff", 1)))
