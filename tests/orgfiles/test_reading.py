"""What the text of an organisation file may look like, and where it says that it may not."""

import json
from io import BytesIO
from pathlib import Path

import pytest

from apps.orgfiles import organisation
from apps.orgfiles.organisation import InvalidOrganisation
from apps.orgfiles.roles import load_roles
from apps.roles.schemes import scheme
from tests.orgfiles.files import ACME, ANN, read

HEAD = """\
account: {slug: acme, name: Acme, scheme: atlas}
users: [{email: ann@acme.example, name: Ann}]
branches: [{slug: north}]
members: [{user: ann@acme.example, branch: north, role: owner}]
"""


def refused(text: str | bytes) -> list[str]:
    file = BytesIO(text.encode() if isinstance(text, str) else text)
    file.name = "/somewhere/acme.yaml"
    with pytest.raises(InvalidOrganisation) as error:
        organisation.load(file)
    return error.value.lines


WORDS = ["no", "on", "Yes", "y", "off", "true", "null", "~", "Null", "1_000", "0x1F", "1e3", "017", "12:30:45", ".inf"]
WORDS += ["2024-01-01", "2001-12-14t21:59:43.10-05:00", "<<x", "=", "1.10", "+7"]


@pytest.mark.parametrize("word", WORDS)
def test_a_plain_word_stays_text_where_text_is_meant(word: str) -> None:
    found = read(HEAD + f"records: [{{type: lead, ref: {word}, branch: north, name: {word}, city: {word}}}]")
    (lead,) = found.records
    assert (lead.ref, lead.name, lead.values["city"]) == (word, word, word)


def test_slugs_and_keys_are_text_too() -> None:
    found = read(
        "account: {slug: no, name: 1_000, scheme: atlas}\nusers: [{email: ann@acme.example, name: on}]\n"
        "branches: [{slug: on, teams: [{slug: 2024-01-01, members: []}]}]\n"
        "members: [{user: ann@acme.example, branch: on, role: owner}]\n"
    )
    assert (found.account.slug, found.account.name, found.branches[0].slug) == ("no", "1_000", "on")
    assert found.branches[0].teams[0].slug == "2024-01-01"


def test_where_something_else_than_text_is_meant_null_is_nothing() -> None:
    found = read(HEAD + "records: [{type: lead, ref: L-1, branch: north, responsible: null, created_by: ~, company: }]")
    (lead,) = found.records
    assert (lead.responsible, lead.created_by) == (None, None)
    assert "company" not in lead.values


@pytest.mark.parametrize(("word", "meant"), [("true", True), ("no", False), ("ON", True), ("False", False)])
def test_a_yes_or_no_is_one_where_it_is_meant(word: str, meant: bool) -> None:
    found = read(HEAD.replace("name: Ann}", f"name: Ann, staff: {word}}}"))
    assert found.users[0].staff is meant


def test_a_quoted_yes_is_no_yes() -> None:
    assert refused(HEAD.replace("name: Ann}", 'name: Ann, staff: "yes"}')) == [
        'acme.yaml, line 2, column 53: users[0].staff: must be true or false, not "yes".'
    ]


def test_json_is_read_like_yaml() -> None:
    assert read(json.dumps(ACME)) == read(json.dumps(ACME, indent="\t"))
    assert read(json.dumps(ACME)).users == organisation.parse(ACME).users


def test_json_may_write_a_character_as_two_escapes_and_nothing_as_null() -> None:
    data = ACME | {"users": [{"email": ANN, "name": "Ann 😀", "password": None, "active": None}, *ACME["users"][1:]]}
    text = json.dumps(data)
    assert r"\ud83d\ude00" in text
    first = read(text).users[0]
    assert (first.name, first.password, first.active) == ("Ann 😀", None, None)


def test_what_looks_like_such_escapes_in_yaml_stays_as_it_is() -> None:
    assert read(HEAD.replace("name: Ann}", r"name: '\ud83d\ude00'}")).users[0].name == r"\ud83d\ude00"


def test_a_byte_order_mark_is_let_pass() -> None:
    assert organisation.load(BytesIO(b"\xef\xbb\xbf" + HEAD.encode())).account.slug == "acme"


def test_long_texts_may_be_written_in_blocks() -> None:
    text = (
        HEAD + "records:\n  - type: lead\n    ref: L-1\n    branch: north\n    description: |\n      One\n      two\n"
    )
    (lead,) = read(text).records
    assert lead.values["description"] == "One\ntwo\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "acme.yaml, line 1, column 1: is empty."),
        ("# nothing\n", "acme.yaml, line 1, column 1: is empty."),
        ("- a\n", "acme.yaml, line 1, column 1: must be a mapping that begins with a key such as account."),
        ("a: [b", "acme.yaml, line 2, column 1: is not valid YAML: did not find expected ',' or ']'."),
        ("users: [", "acme.yaml, line 2, column 1: is not valid YAML: did not find expected node content."),
        ("a: b: c", "acme.yaml, line 1, column 5: is not valid YAML: mapping values are not allowed in this context."),
        (
            HEAD + "---\naccount: {}\n",
            "acme.yaml, line 5, column 1: holds a second document; there can be only one.",
        ),
        (
            HEAD + "shares: &all []\n",
            "acme.yaml, line 5, column 9: shares: uses the YAML anchor all; write the value itself.",
        ),
        (
            HEAD + "roles: *all\n",
            "acme.yaml, line 5, column 8: roles: uses the YAML anchor all; write the value itself.",
        ),
        (
            HEAD + "records: [{type: lead, ref: !!str 1}]\n",
            "acme.yaml, line 5, column 29: records[0].ref: uses the YAML tag tag:yaml.org,2002:str;"
            " write the value without a tag.",
        ),
        (
            HEAD + "records: [{type: !!python/name:os.system x}]\n",
            "acme.yaml, line 5, column 18: records[0].type: uses the YAML tag"
            " tag:yaml.org,2002:python/name:os.system; write the value without a tag.",
        ),
        (
            HEAD + "records: [{? [a, b] : c}]\n",
            "acme.yaml, line 5, column 14: records[0]: has a key that is not text.",
        ),
        (
            HEAD + "records: [[[[[[[[[[[[]]]]]]]]]]]]",
            "acme.yaml, line 5, column 18: records[0][0][0][0][0][0][0][0]: is nested too deeply.",
        ),
    ],
)
def test_what_is_no_plain_document_is_refused_where_it_stands(text: str, line: str) -> None:
    assert refused(text)[-1] == line


def test_a_deep_nest_is_refused_without_reading_it() -> None:
    (line,) = refused(HEAD + "records: " + "[" * 1_000_000)
    assert line.endswith("is nested too deeply.")


def test_a_doubled_key_is_refused_at_its_second_place() -> None:
    text = "account: {slug: acme, scheme: atlas, slug: other}\nusers: []\nusers: []\n"
    assert refused(text)[:2] == [
        "acme.yaml, line 1, column 38: account.slug: this key is listed twice.",
        "acme.yaml, line 3, column 1: users: this key is listed twice.",
    ]


def test_bytes_that_are_no_utf8_are_refused_with_their_place() -> None:
    assert refused(b"account:\n  name: Caf\xe9\n") == ["acme.yaml, line 2, byte 20: is not UTF-8: found the byte 0xe9."]
    assert refused(HEAD.encode("utf-16"))[0].startswith("acme.yaml, line 1, byte 0: is not UTF-8")


def test_control_characters_are_refused_with_their_place() -> None:
    assert refused("account:\n  name: é\x07\n") == [
        "acme.yaml, line 2, column 10: the character U+0007 is not allowed in a text file."
    ]
    (line,) = refused(HEAD.replace("name: Acme", 'name: "A\\0"'))
    assert line.endswith("account.name: contains a line break or an invisible character (U+0000): delete it.")


def test_two_hundred_megabytes_are_refused_unread_where_they_are_uploaded(tmp_path: Path) -> None:
    with (tmp_path / "acme.yaml").open("w+b") as sparse:
        sparse.truncate(200 * 1024 * 1024)
        with pytest.raises(InvalidOrganisation, match=r"acme\.yaml: is larger than 64 MiB, the upload limit"):
            load_roles(sparse, scheme("amocrm"))
        assert sparse.tell() < 65 * 1024 * 1024


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidOrganisation, match=r"^acme\.yaml: can't be read: No such file or directory\.$"):
        organisation.load(tmp_path / "acme.yaml")
    with pytest.raises(InvalidOrganisation, match="can't be read: Is a directory"):
        organisation.load(tmp_path)


def test_a_problem_is_shown_at_what_is_missing_something() -> None:
    text = "account:\n  slug: acme\nusers:\n  - name: Ann\n  - email: ben@acme.example\n    nmae: Ben\n"
    assert refused(text) == [
        "acme.yaml, line 2, column 3: account.scheme: is missing.",
        "acme.yaml, line 4, column 5: users[0].email: is missing.",
        "acme.yaml, line 6, column 11: users[1].nmae: this key is unknown; did you mean name?",
    ]


def test_no_more_than_twenty_problems_are_shown_and_the_others_counted() -> None:
    lines = refused(HEAD + "records:\n" + "  - {type: lead, ref: L-1, brunch: north}\n" * 100)
    assert len(lines) == 21
    assert lines[-1] == "acme.yaml: 180 more problems."


def test_progress_is_told_up_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    organisation.load(BytesIO(HEAD.encode()), progress=lambda done, steps: told.append((done, steps)))
    assert told == sorted(told)
    assert told[-1] == (len(HEAD), len(HEAD))
