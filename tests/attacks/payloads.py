"""Texts that would become something else where they are shown, in every text that anybody may write.

They are put straight into the database, as if an older version had taken them. `KEPT` says which columns keep their
value, and why: what is not written by people, and what pages need in order to open at all.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, models, transaction
from psycopg.errors import CheckViolation

from apps.accounts.models import Account, User
from apps.audit.services import operation
from apps.crm.models import CustomField
from tests.factories import CustomFieldFactory
from tests.fence.world import OTHERWISE, rows, run
from tests.pages.canary import CANNOT, KEY, OF_PEOPLE, let_change, models_of_accounts, text_fields

# Stands in every payload, and nowhere else.
SIGN = "xpay"
COMPUTED = f"{SIGN}1337{SIGN}"


@dataclass(frozen=True)
class Family:
    """One kind of payload, in three lengths, since columns are of different sizes; and what a mail still goes to."""

    long: str
    short: str
    tiny: str
    mailbox: str = SIGN

    def fitting(self, room: int | None) -> str:
        """The longest one that fits."""
        return next(text for text in (self.long, self.short, self.tiny) if room is None or len(text) <= room)


MARKUP = Family(
    long=f"\"'><{SIGN}-e {SIGN}-a=1 onload={SIGN}()></textarea></title></script>-->{SIGN}{{{{7*191}}}}{SIGN}",
    short=f"\"'><{SIGN}-e {SIGN}-a=1>",
    tiny=f"\"'><{SIGN}-e>",
    mailbox=f"\"'><{SIGN}-e>",
)
# Escape sequences of a terminal, its 8-bit forms, a bell, line breaks and directions of writing.
CONTROLS = Family(
    long=f"{SIGN}\x1b[31m\x1b]0;title\x07\x9b2J\r\n\x08\x7f\u202e\u2066{SIGN}",
    short=f"{SIGN}\x1b[2J\x9b\r\n\u202e",
    tiny=f"{SIGN}\x1b[2J\u202e",
)
FORMULAS = Family(long=f'=HYPERLINK("//{SIGN}");=1+1\t@SUM(1)\n-2+3', short=f"=1+1;=2;{SIGN}", tiny=f"=1;{SIGN}")
BREAKS = Family(
    long=f"{SIGN}\r\nBcc: evil@evil.example\r\n\r\nhttp://testserver/{SIGN}\n\n{SIGN}",
    short=f"{SIGN}\n\nhttp://testserver/",
    tiny=f"{SIGN}\n\n{SIGN}",
)

SHAPE = "is a part of addresses; what is not letters, digits and hyphens is refused (cases.py)"
OURS = "is made by us, and never typed"
# By table and column, beside those that cannot carry a canary.
KEPT = CANNOT | {
    "account_emailconfirmation.key": OURS,
    "accounts_account.second_factor": KEY,
    "accounts_account.slug": SHAPE,
    "accounts_branch.slug": SHAPE,
    "accounts_preferences.time_zone": KEY,
    "access_queuedpreview.address": OURS,
    "access_queuedpreview.change": OURS,
    "access_queuedpreview.result": OURS,
    "access_queuedpreview.sent": OURS,
    "audit_verification.head_hash": OURS,
    "billing_attempt.external_id": OURS,
    "billing_invoice.reference": OURS,
    "billing_payer.customer": OURS,
    "billing_payer.gateway": KEY,
    "billing_payer.method": OURS,
    "billing_payment.gateway": KEY,
    "billing_term.plan": KEY,
    "crm_customfield.key": SHAPE,
    "roles_role.key": SHAPE,
    "teams_team.slug": SHAPE,
    "usersessions_usersession.data": OURS,
    "usersessions_usersession.session_key": OURS,
}
SHORTEST = 20


def takes_payloads(field: models.Field[Any, Any]) -> bool:
    """Whether people write the column, and it has room."""
    table = field.model._meta.db_table
    return table not in KEPT and f"{table}.{field.column}" not in KEPT and (field.max_length or SHORTEST) >= SHORTEST


def a_field_of_each_kind(account: Account) -> None:
    """Fields of the account's own on leads, with hints and choices."""
    for kind in CustomField.Kind:
        CustomFieldFactory(
            account=account, kind=kind, choices=["One"] if kind in CustomField.OF_CHOICES else [], help_text="Hint"
        )


def plant_payloads(account: Account, people: list[User], family: Family) -> set[str]:
    """Put payloads into all that the account's people write, and return the columns that have them."""
    carrying = set()
    with operation(verb="access.details.changed", actor=None, reason="Texts of an attacker"):
        run("SET CONSTRAINTS ALL IMMEDIATE")
        for model in models_of_accounts():
            for field in text_fields(model):
                if takes_payloads(field) and _plant(field, account, people, family):
                    carrying.add(f"{model._meta.db_table}.{field.column}")
        run("SET CONSTRAINTS ALL DEFERRED")
    return carrying


def _plant(field: models.Field[Any, Any], account: Account, people: list[User], family: Family) -> int:
    table = field.model._meta.db_table
    of = OF_PEOPLE.get(table) or OTHERWISE.get(table, "account_id")
    ids = [user.pk for user in people] if table in OF_PEOPLE else [account.pk]
    found = rows(f'SELECT id, "{field.column}" FROM {table} WHERE {of} = ANY(%s)', [ids])
    with let_change(table):
        for pk, value in found:
            _write(table, str(field.column), pk, _payload(field, pk, value, family))
    return len(found)


def _write(table: str, column: str, pk: int, text: Any) -> None:
    """Write the text, as it was written before the database had the checks that refuse it."""
    statement = f'UPDATE {table} SET "{column}" = %s WHERE id = %s'
    while True:
        try:
            with transaction.atomic():
                run(statement, [text, pk])
        except IntegrityError as error:
            cause = error.__cause__
            if not isinstance(cause, CheckViolation):
                raise
            run(f'ALTER TABLE {table} DROP CONSTRAINT "{cause.diag.constraint_name}"')
        else:
            return


def _payload(field: models.Field[Any, Any], pk: int, value: Any, family: Family) -> Any:
    """The payload in the column's form; different in each row, since some have to be."""
    if isinstance(field, ArrayField):
        return [_payload(field.base_field, pk, "", family)]
    if isinstance(field, models.JSONField):
        given = json.loads(value) if isinstance(value, str) else value
        return json.dumps(_in_leaves(given or {"note": ""}, family))
    if isinstance(field, models.EmailField):
        return f"{family.mailbox}{pk}@{SIGN}.example"
    if isinstance(field, models.URLField):
        return f"javascript:{family.tiny}{pk}"
    room = None if field.max_length is None else field.max_length - len(str(pk))
    return f"{family.fitting(room)}{pk}"


def _in_leaves(value: Any, family: Family) -> Any:
    """The structure with the payload in place of its texts."""
    if isinstance(value, dict):
        mailbox = f"{family.mailbox}@{SIGN}.example"
        return {name: mailbox if name == "email" else _in_leaves(each, family) for name, each in value.items()}
    if isinstance(value, list):
        return [_in_leaves(each, family) for each in value]
    return family.short if isinstance(value, str) else value


class _Judge(HTMLParser):
    """Finds what came of a payload in a page."""

    RUN = re.compile(r"on|x-|@|:|hx-on|style$|srcdoc$")
    LEADS = {"href", "src", "action", "formaction", "hx-get", "hx-post", "poster", "data"}
    CODE = {"script", "style"}

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag if tag in self.CODE else ""
        if SIGN in tag:
            self.faults.append(f"an element <{tag}>")
        for name, value in attrs:
            if SIGN in name:
                self.faults.append(f"an attribute {name} of <{tag}>")
            elif SIGN in (value or "") and self.RUN.match(name):
                self.faults.append(f"an expression {name}={(value or '')[:80]} of <{tag}>")
            elif (
                name in self.LEADS
                and re.match(r"[\s\x00-\x1f]*(javascript|data|vbscript):", value or "", re.I)
                and SIGN in (value or "")
            ):
                self.faults.append(f"a link {name}={value} of <{tag}>")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside and SIGN in data:
            self.faults.append(f"in <{self.inside}>: {data[max(0, data.find(SIGN) - 40) :][:80]}")
        if COMPUTED in data:
            self.faults.append("a template was computed")

    def handle_comment(self, data: str) -> None:
        if SIGN in data:
            self.faults.append(f"in a comment: {data[:80]}")


def faults_in_page(page: str) -> list[str]:
    """What in a page came of a payload that is not text."""
    judge = _Judge()
    judge.feed(page)
    return list(dict.fromkeys(judge.faults))


# As a spreadsheet reads the beginning of a cell: full-width signs count as the plain ones in some.
FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠]")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?\Z")


def formulas_in(table: str) -> Iterator[str]:
    """The cells of a CSV file that a spreadsheet would compute, whichever of the usual delimiters it reads."""
    for line in csv.reader(table.splitlines(keepends=True)):
        for cell in line:
            for part in re.split(r"[;\t\n]", cell):
                text = part.strip(' "')
                if FORMULA.match(text) and not NUMBER.match(text):
                    yield cell


# What a terminal obeys instead of showing it; directions of writing let a line say other than it is.
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def obeyed_in(output: str) -> list[str]:
    """The characters of a command's output that a terminal would obey, with what stands around them."""
    return [repr(output[max(0, at.start() - 30) : at.end() + 10]) for at in OBEYED.finditer(output)][:5]
