"""What names and texts are made of: the same for forms, services and the database, in every column there is."""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction

from apps.accounts.models import User
from apps.audit import text
from apps.audit.text import validate_multi_line, validate_single_line

# Columns of texts that are held to no pattern, and why.
EXCEPTIONS = {
    # The log says what was written when it was written. Its names are copies of names that are held to it, a reason is
    # held to it by `operation`, and the rest is made by our own code.
    "audit.operation.actor_name",
    "audit.operation.acting_as_name",
    "audit.operation.verb",
    "audit.operation.reason",
    "audit.entry.target_type",
    "audit.entry.target_id",
    "audit.entry.target_text",
    # A hash.
    "accounts.user.password",
    "audit.verification.head_hash",
    "audit.verification.fault",
    "audit.verification.kept_fault",
    # A library's column for one of its currencies, whose letters are chosen from a list.
    "crm.lead.value_currency",
    "crm.opportunity.amount_currency",
}
# Seen, though Unicode counts them among the format characters: signs before numbers, and joints of hieroglyphs.
SEEN = {0x6DD, 0x70F, 0x8E2, 0x110BD, 0x110CD, *range(0x600, 0x606), *range(0x890, 0x892), *range(0x13430, 0x13440)}
JOINERS = {0x200C, 0x200D}
HIDDEN = ["\n", "\r", "\t", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\u200b", "\u200f",
          "\ufeff", "\u00ad", "\u3164", "\U000e0041", "\ud800"]  # fmt: skip
FINE = ["Ann", "Zoë O’Hara-Łukasz", "Müller & Söhne (Nord)", "漢字", "Ἀθῆναι", "می\u200cخواهم", "क्\u200dष",
        "👩\u200d💻 Ann", "❤️\u200d🔥", "\u00a0a", "5 € ½ №7", "عمر", "שלום"]  # fmt: skip


def text_columns() -> Iterator[models.Field[Any, Any]]:
    for model in apps.get_models():
        if model.__module__.startswith("apps."):
            for field in model._meta.local_concrete_fields:
                inner = field.base_field if isinstance(field, ArrayField) else field
                if isinstance(inner, models.CharField | models.TextField):
                    yield field


def name_of(field: models.Field[Any, Any]) -> str:
    return f"{field.model._meta.label_lower}.{field.name}"


def test_every_column_of_texts_is_held_to_what_texts_are_made_of() -> None:
    free = {name_of(field) for field in text_columns() if not isinstance(field, text._CheckedText)}
    assert free == EXCEPTIONS
    for field in text_columns():
        inner = field.base_field if isinstance(field, ArrayField) else field
        if name_of(field) not in EXCEPTIONS:
            wanted = validate_multi_line if isinstance(inner, models.TextField) else validate_single_line
            assert wanted in inner.validators, name_of(field)


@pytest.mark.django_db
def test_the_database_has_the_rule_for_every_such_column() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, attname, pg_get_constraintdef(c.oid) FROM pg_constraint c"
            " JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = ANY(conkey) WHERE contype = 'c'"
        )
        rules = {(table, column): rule for table, column, rule in cursor.fetchall() if " !~ " in rule}
    for field in text_columns():
        if name_of(field) not in EXCEPTIONS:
            assert isinstance(field, text._CheckedText)
            assert field.pattern in rules[field.model._meta.db_table, field.column], name_of(field)


def test_a_name_has_no_character_that_is_not_seen() -> None:
    for number in range(0x110000):
        character = chr(number)
        hidden = unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and number not in SEEN
        if hidden:
            with pytest.raises(ValidationError, match=f"U\\+{number:04X}"):
                validate_single_line(f"a{character}b")


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", [text.SINGLE_LINE, text.MULTI_LINE])
@pytest.mark.parametrize("around", ["a{}b", "{}", "م{}م", "👩{}💻", "م{}"])
def test_forms_and_the_database_judge_every_character_alike(pattern: str, around: str) -> None:
    before, after = around.split("{}")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number FROM generate_series(1, 1114111) AS number WHERE number NOT BETWEEN 55296 AND 57343"
            " AND %s || chr(number) || %s ~ %s",
            [before, after, pattern],
        )
        refused = {number for (number,) in cursor.fetchall()}
    validator = validate_single_line if pattern == text.SINGLE_LINE else validate_multi_line
    numbers = (number for number in range(1, 0x110000) if not 0xD800 <= number <= 0xDFFF)
    assert refused == {number for number in numbers if validator.hidden(around.format(chr(number)))}


@pytest.mark.parametrize("name", FINE)
def test_names_of_every_script_are_taken(name: str) -> None:
    validate_single_line(name)


@pytest.mark.parametrize("name", ["\u200dAnn", "Ann\u200c", "A\u200dnn", "م\u200c", "م\u200c\u200cم", "م\u200c a"])
def test_a_joiner_stands_only_where_something_is_joined(name: str) -> None:
    with pytest.raises(ValidationError):
        validate_single_line(name)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_the_sentence_says_which_character_it_is_and_how_to_mend_it(hidden: str) -> None:
    with pytest.raises(ValidationError) as refused:
        validate_single_line(f"Ann{hidden}Archer")
    assert f"U+{ord(hidden):04X}" in refused.value.messages[0]
    assert "Delete them, or type the text again." in refused.value.messages[0]


def test_a_text_of_several_lines_has_line_breaks_and_marks_of_its_script() -> None:
    validate_multi_line("One\r\n\tTwo \u2067שלום\u2069\u200b")
    for control in ("\0", "\x07", "\x1b", "\x0b", "\x9f"):
        with pytest.raises(ValidationError):
            validate_multi_line(f"One{control}")


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in HIDDEN if name not in {"\0", "\ud800"}])
def test_the_database_refuses_such_a_name_whoever_writes_it(name: str) -> None:
    with pytest.raises(IntegrityError, match="accounts_user_name"), transaction.atomic():
        User.objects.create(email="ann@acme.example", name=f"Ann{name}Archer")


# Plain text fields of forms, by file, and what they are for: nobody's name is written in any of them.
PLAIN = {
    "apps/pages/forms/accounts.py": 2,  # a currency, and the account's own name once more
    "apps/pages/forms/base.py": 1,  # what the page showed, signed
    "apps/pages/forms/log.py": 3,  # searches
    "apps/pages/forms/people.py": 1,  # a search
    "apps/pages/forms/preferences.py": 1,  # what the page showed, signed
    "apps/pages/forms/requests.py": 1,  # a type of records, hidden
    "apps/orgfiles/forms.py": 1,  # a file, hidden, read line by line
    "apps/pages/forms/several.py": 1,  # ids, hidden
    "apps/pages/forms/why.py": 1,  # a reference that is looked up
    "apps/signin/forms.py": 2,  # a password, and a short name with a validator of its own
    "apps/audit/text.py": 3,  # the checked ones
    "apps/billing/forms.py": 1,  # a country with a validator of its own
    "apps/crm/forms.py": 1,  # lines that a checked column takes
}


def test_a_form_takes_names_by_the_checked_fields_alone() -> None:
    found: dict[str, int] = {}
    for path in sorted(Path("apps").rglob("*.py")):
        uses = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call | ast.ClassDef)
            for base in ([node.func] if isinstance(node, ast.Call) else node.bases)
            if isinstance(base, ast.Attribute) and ast.unparse(base) in {"forms.CharField", "forms.EmailField"}
        ]
        if uses:
            found[str(path)] = len(uses)
    assert found == PLAIN
