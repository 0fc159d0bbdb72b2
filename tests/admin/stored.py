"""Texts that would run in a browser, in everything that people may write; and what a page makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from django.apps import apps

from apps.accounts.models import User
from apps.audit.models import Operation
from apps.audit.services import operation
from apps.billing.models import Payment
from apps.crm.models import CustomField, Pipeline
from tests.admin import routes
from tests.factories import CustomFieldFactory
from tests.fence.test_tables import APPENDED
from tests.fence.world import Side, make_side, run

# Out of a string of an expression, out of both kinds of attributes, and out of a text field: each would run it.
SHORT = """'"><b x-init=stored()>"""
LONG = f"""');stored();({SHORT}</textarea>"""
ADDRESS = "javascript:stored()"
# A tag of two letters goes before each text, and the row's id behind it.
LONGEST = len(LONG) + 5

# Columns that people write, and that a page of the admin shows to somebody who may do everything.
COLUMNS = (
    "access_accessrequest.message",
    "access_accessrequest.reason",
    "access_override.reason",
    "accounts_account.name",
    "accounts_branch.name",
    "accounts_user.name",
    "billing_invoiceline.text",
    "billing_payment.external_id",
    "crm_activity.body",
    "crm_activity.name",
    "crm_callresult.name",
    "crm_company.city",
    "crm_company.description",
    "crm_company.industry",
    "crm_company.legal_name",
    "crm_company.name",
    "crm_company.region",
    "crm_company.street",
    "crm_contact.city",
    "crm_contact.description",
    "crm_contact.job_title",
    "crm_contact.name",
    "crm_contact.region",
    "crm_contact.street",
    "crm_customfield.help_text",
    "crm_customfield.name",
    "crm_lead.city",
    "crm_lead.company_name",
    "crm_lead.description",
    "crm_lead.job_title",
    "crm_lead.name",
    "crm_lead.person_name",
    "crm_lead.region",
    "crm_lead.street",
    "crm_leadstatus.name",
    "crm_opportunity.description",
    "crm_opportunity.name",
    "crm_opportunitystatus.name",
    "crm_pipeline.name",
    "crm_source.name",
    "crm_task.description",
    "crm_task.name",
    "roles_role.description",
    "roles_role.name",
    "teams_team.name",
)
LISTS = (
    *(
        f"crm_{record_type}.{column}"
        for record_type in ("company", "contact", "lead")
        for column in ("emails", "phones")
    ),
    *(f"crm_{record_type}.tags" for record_type in ("company", "contact", "lead", "opportunity", "task")),
    "crm_customfield.choices",
)
# What an account's own fields are called beside the others, and their values.
KINDS = (CustomField.Kind.TEXT, CustomField.Kind.LONG_TEXT, CustomField.Kind.CHOICE, CustomField.Kind.CHOICES)
OPERATION = ("audit_operation.reason", "audit_operation.actor_name")
TEXTS = (*COLUMNS, *LISTS, *OPERATION, "crm_customfield.key", *(f"crm_lead.custom.{kind}" for kind in KINDS))
TAGS = {text: f"{chr(97 + index // 26)}{chr(97 + index % 26)}" for index, text in enumerate(TEXTS)}


def text_of(name: str) -> str:
    """What is planted under the name, without the id of its row."""
    return TAGS[name] + (SHORT if name in LISTS or name == "crm_customfield.key" else LONG)


def plant() -> Side:
    """An account in which each of the texts is written, by `side.staff`, who may do everything."""
    side = make_side("here")
    values = {}
    for kind in KINDS:
        key = text_of("crm_customfield.key") if kind == CustomField.Kind.TEXT else kind.value
        choices = ["One"] if kind in CustomField.OF_CHOICES else []
        CustomFieldFactory(account=side.account, key=key, name=kind.label, kind=kind, choices=choices, help_text="Help")
        value = text_of(f"crm_lead.custom.{kind}")
        values[key] = [value] if kind == CustomField.Kind.CHOICES else value
    Pipeline.objects.create(account=side.account, name="Renewals", position=9)
    side.records["lead"].custom = values
    side.records["lead"].save(update_fields=["custom"])
    writer = User(pk=side.staff.pk, name=text_of("audit_operation.actor_name"))
    with operation(verb="access.details.changed", actor=writer, reason=text_of("audit_operation.reason")):
        run("SET CONSTRAINTS ALL IMMEDIATE")
        for name in COLUMNS:
            _write(side, name, "%s || id")
        for name in LISTS:
            _write(side, name, "ARRAY[%s || id]")
        run("SET CONSTRAINTS ALL DEFERRED")
    return side


def _write(side: Side, name: str, value: str) -> None:
    table, column = name.split(".")
    account = {"accounts_account": "id", "accounts_user": "%s"}.get(table, "account_id")
    where = "id = %s" if table == "accounts_user" else f"{account} = %s"
    owner = side.staff.pk if table == "accounts_user" else side.account.pk
    if table in APPENDED:
        run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    changed = run(f"UPDATE {table} SET {column} = {value} WHERE {where}", [text_of(name), owner])
    if table in APPENDED:
        run(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    assert changed, f"{name} has no row"


def pages(side: Side) -> Iterator[str]:
    """Every address of the admin that is read, of the rows of this account."""
    for route in routes.routes():
        if route.method == "GET":
            yield _address(route.pattern, side.records[route.record_type].pk)
    rows: dict[str, int] = {}
    for asked in routes.access_routes():
        if asked.method == "GET":
            if asked.row and asked.table not in rows:
                rows[asked.table] = _row(side, asked.table)
            yield _address(asked.pattern, rows.get(asked.table, 0))
    for frame in routes.FRAMES:
        if frame.status == 200 and "(" not in frame.pattern:
            yield f"/{frame.pattern}{frame.query.replace('printers', 'stored').replace('term=x', 'term=stored')}"


def _address(pattern: str, pk: int) -> str:
    return "/" + pattern.replace("<path:object_id>", str(pk)).replace("<str:kind>", "csv")


def _row(side: Side, table: str) -> int:
    if table == "audit.operation":
        return int(Operation.objects.latest("pk").pk)
    if table == "billing.invoice":
        return int(Payment.objects.filter(account=side.account).latest("pk").invoice_id)
    return int(apps.get_model(table)._default_manager.filter(account_id=side.account.pk).latest("pk").pk)


class Reading(HTMLParser):
    """A page as a browser reads it: `faults` are the parts that a text made or would run, `texts` what is only text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.texts: list[str] = []
        self.script = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.script = tag in {"script", "style"}
        self.texts += given.values()
        if tag == "style" or (self.script and not given.get("src")):
            self.faults.append(f"<{tag}> in the page")
        for name, value in given.items():
            compiled = name.startswith(("x-", "@", ":", "hx-on", "hx-vals", "hx-vars", "hx-headers", "hx-trigger"))
            if (compiled and "stored" in value) or "stored" in name:
                self.faults.append(f"<{tag} {name}={value}> is compiled")
            if name in {"href", "src", "action", "formaction"} and value.strip().lower().startswith("javascript:"):
                self.faults.append(f"<{tag} {name}={value}> is followed")
            if name.startswith("on") or name in {"style", "srcdoc"}:
                self.faults.append(f"<{tag} {name}={value}> is in the page")

    def handle_data(self, data: str) -> None:
        if self.script and data.strip():
            self.faults.append(f"a script in the page: {data[:80]}")
        self.texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.script = False
