"""The account's own fields in an organisation file: what they are, and what records say in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.core.exceptions import ValidationError

from apps.accounts.models import Account
from apps.crm.models import CustomField
from apps.crm.services.customfields import MOST_CHOICES, MOST_FIELDS
from apps.crm.services.customvalues import RECORD_TYPES, canonical
from apps.orgfiles import values
from apps.orgfiles.contents import CustomFieldLine, RecordLine
from apps.orgfiles.problems import Path, Problems
from apps.orgfiles.rows import MappingReader
from apps.orgfiles.values import InvalidValue

Kind = CustomField.Kind
_NAME, _HELP = 60, 200
_TEXTS = frozenset({Kind.TEXT, Kind.LONG_TEXT, Kind.CHOICE, Kind.URL})
_READERS: Mapping[CustomField.Kind, Callable[[Any], Any]] = {
    Kind.NUMBER: values.number,
    Kind.DATE: values.day,
    Kind.FLAG: values.flag,
    Kind.CHOICES: values.several(values.text),
}


def custom_field(row: MappingReader) -> CustomFieldLine:
    """A field, as its row in the file says it."""
    key = row.need("key", values.slug, "?")
    return CustomFieldLine(
        type=row.need("type", values.choice(*RECORD_TYPES), ""),
        key=key,
        name=row.text("name", _NAME) or key,
        kind=row.need("kind", values.choice(*Kind.values), Kind.TEXT.value),
        choices=row.get("choices", values.several(_choice)) or (),
        former_choices=row.get("former_choices", values.several(_choice)) or (),
        required=bool(row.get("required", values.flag)),
        offered=row.get("offered", values.flag) is not False,
        help=row.text("help", _HELP) or "",
    )


def _choice(value: Any) -> str:
    found = values.short(_NAME)(value)
    if not found.strip():
        raise InvalidValue("contains an empty choice: delete it")
    return found


def field_problems(lines: Sequence[CustomFieldLine]) -> Iterator[tuple[Path, str]]:
    """What is wrong with the fields of a file, each with its place."""
    keys, names = set(), set()
    of_type: dict[str, int] = {}
    for index, line in enumerate(lines):
        path: Path = ("custom_fields", index)
        if (line.type, line.key) in keys:
            yield (*path, "key"), f"{line.type}/{line.key} is listed twice."
        if (line.type, line.name) in names:
            yield (*path, "name"), f"another field of the type {line.type} already has the name {line.name}."
        keys.add((line.type, line.key))
        names.add((line.type, line.name))
        of_type[line.type] = of_type.get(line.type, 0) + 1
        if of_type[line.type] == MOST_FIELDS + 1:
            yield path, f"exceeds the limit of {MOST_FIELDS} fields of the type {line.type}."
        yield from (((*path, key), sentence) for key, sentence in _choice_problems(line))


def _choice_problems(line: CustomFieldLine) -> Iterator[tuple[str, str]]:
    if line.kind in CustomField.OF_CHOICES:
        if not line.choices:
            yield "choices", f"is missing: a field of the kind {line.kind} needs a list of choices."
        if len(line.choices) > MOST_CHOICES:
            yield "choices", f"has {len(line.choices)} entries; at most {MOST_CHOICES} are allowed."
        if twice := next((each for each in line.former_choices if each in line.choices), None):
            yield "former_choices", f'"{twice}" is among the choices, too.'
    elif line.choices or line.former_choices:
        yield "choices", f"a field of the kind {line.kind} can't have choices: delete this key."


class CustomValues:
    """What records say in the account's own fields.

    What is no value of its field is a problem, and so is a field that the file does not know. Whether a required field
    is filled is not asked: what is brought along may be older than the rule.
    """

    def __init__(self, lines: Sequence[CustomFieldLine], problems: Problems) -> None:
        self._problems = problems
        self._fields: dict[str, dict[str, CustomField]] = {}
        for line in lines:
            self._fields.setdefault(line.type, {})[line.key] = _field(line)

    def settled(self, index: int, record: RecordLine) -> RecordLine:
        """The record at that place, with its values in the form that they are kept in."""
        if "custom" not in record.values:
            return record
        row = MappingReader(self._problems, ("records", index, "custom"), record.values["custom"])
        custom = _settled(self._fields.get(record.type, {}), row)
        return replace(record, values={**record.values, "custom": custom})


def _settled(fields: Mapping[str, CustomField], row: MappingReader) -> dict[str, Any]:
    found = {}
    row.offer(fields)
    for key in row.rest():
        if key not in fields:
            continue
        field = fields[key]
        given = row.text(key, None) if field.kind in _TEXTS else row.get(key, _READERS[Kind(field.kind)])
        try:
            value = canonical(field, given, among=[*field.choices, *field.former_choices])
        except ValidationError as error:
            row.wrong(key, " ".join(error.messages))
        else:
            if value is not None:
                found[key] = value
    row.close()
    return found


def _field(line: CustomFieldLine) -> CustomField:
    return CustomField(
        record_type=line.type,
        key=line.key,
        name=line.name,
        kind=line.kind,
        choices=list(line.choices),
        former_choices=list(line.former_choices),
        required=line.required,
        offered=line.offered,
        help_text=line.help,
    )


def write(account: Account, lines: Iterable[CustomFieldLine]) -> None:
    """Give a new account these fields, in the order of the file."""
    made = [_field(line) for line in lines]
    for position, field in enumerate(made):
        field.account, field.position = account, position
    CustomField.objects.bulk_create(made)


def lines_of(account: Account) -> Iterator[dict[str, Any]]:
    """The account's own fields as the file states them."""
    rows = CustomField.objects.filter(account=account)
    for field in sorted(rows, key=lambda row: (RECORD_TYPES.index(row.record_type), row.position, row.pk)):
        yield {
            "type": field.record_type,
            "key": field.key,
            "name": field.name,
            "kind": field.kind,
            "choices": field.choices or None,
            "former_choices": field.former_choices or None,
            "required": field.required or None,
            "offered": None if field.offered else False,
            "help": field.help_text or None,
        }
