"""What people write stays text in mails, files and terminals. (On pages: tests/pages/test_escaping.py.)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import zeal
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.access.models import AccessRequest
from apps.accounts.models import User
from apps.billing.mail import send_mailings
from apps.billing.models import Invoice, Mailing
from apps.billing.pdf import file_name, invoice_pdf
from apps.changes.invitations import Invite
from apps.changes.request_emails import request_decided, request_made
from apps.roles.models import Role
from apps.teams.models import Membership
from tests.admin.people import browser, everything, staff
from tests.attacks.asking import ask
from tests.attacks.payloads import (
    BREAKS,
    CONTROLS,
    FORMULAS,
    MARKUP,
    SIGN,
    Family,
    a_field_of_each_kind,
    faults_in_page,
    formulas_in,
    obeyed_in,
    plant_payloads,
)
from tests.billing.cases import START
from tests.commands.conftest import Run, run
from tests.fence.world import Side, make_side
from tests.mailing import post
from tests.pages.canary import let_sign_in
from tests.pages.test_canary import people_of

__all__ = ["run"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forget() -> None:
    """The world of the cases is not needed here."""


@pytest.fixture
def here() -> Side:
    side = make_side("here")
    a_field_of_each_kind(side.account)
    return side


def planted(here: Side, family: Family) -> Side:
    """The account with payloads in all that is written there."""
    people = people_of(here)
    let_sign_in(people)
    plant_payloads(here.account, people, family)
    for row in (here.account, here.branch, here.staff, *here.records.values()):
        row.refresh_from_db()
    return here


def letters(here: Side) -> Iterator[tuple[str, Any]]:
    """Every mail that tells of the account, as it is sent."""
    with zeal.zeal_ignore():
        asked = AccessRequest.objects.get(account=here.account)
        Membership.objects.filter(account=here.account).update(role=Role.objects.published("atlas").get(key="owner"))
        other = staff(here.branch, everything())
        Invite(
            account_id=here.account.pk,
            email="new@comer.example",
            role_id=Role.objects.published("atlas").get(key="member").pk,
            branch_id=here.branch.pk,
        ).apply(actor=here.staff, reason="We grow")
        request_made.func(here.account.pk, asked.pk)
        AccessRequest.objects.filter(pk=asked.pk).update(status="declined", decided_by=other, decided_at=timezone.now())
        request_decided.func(here.account.pk, asked.pk)
        Mailing.objects.filter(account=here.account).update(sent_at=None)
        for kind in Mailing.Kind:
            Mailing.objects.get_or_create(
                account=here.account,
                invoice=Invoice.objects.get(account=here.account),
                kind=kind,
                defaults={"address": "a@b.example", "made_on": START},
            )
        send_mailings(here.account.pk)
    assert ProcrastinateJob.objects.exists()
    for message in post():
        yield str(message.subject), message.message()


def parts(message: Any) -> dict[str, str]:
    """The text and the HTML of a mail."""
    return {
        part.get_content_type(): part.get_payload(decode=True).decode()
        for part in message.walk()
        if part.get_content_maintype() == "text"
    }


def test_no_mail_is_changed_by_markup_in_it(here: Side) -> None:
    found = [
        f"{subject}: {fault}"
        for subject, message in letters(planted(here, MARKUP))
        for fault in faults_in_page(parts(message)["text/html"])
    ]
    assert not found, "\n".join(found)


def test_no_mail_gets_a_header_or_a_paragraph_by_line_breaks_in_it(here: Side) -> None:
    """Line breaks in a text begin no line of the email, neither a header nor an address."""
    found, seen = [], 0
    for subject, message in letters(planted(here, BREAKS)):
        seen += SIGN in str(message)
        if "Bcc" in message or "evil@evil.example" in str(message["To"]):
            found.append(f"{subject}: a header was written")
        if "\n" in subject:
            found.append(f"{subject!r}: the subject is broken")
        text = parts(message)
        if f'href="http://testserver/{SIGN}' in text["text/html"] or 'href="http://testserver/"' in text["text/html"]:
            found.append(f"{subject}: a button was written")
        found += [
            f"{subject}: the paragraph {block[:60]!r}"
            for block in text["text/plain"].split("\n\n")
            if any(line.strip().startswith(("Bcc:", f"http://testserver/{SIGN}")) for line in block.splitlines())
        ]
    assert seen, "no mail shows what was planted"
    assert not found, "\n".join(found)


def test_no_mail_has_what_a_terminal_obeys(here: Side) -> None:
    found = [
        f"{subject}: {bad}"
        for subject, message in letters(planted(here, CONTROLS))
        for bad in obeyed_in(parts(message)["text/plain"].replace("\r\n", "\n"))
    ]
    assert not found, "\n".join(found)


def tables(viewer: User, here: Side) -> Iterator[tuple[str, str]]:
    """Every file that people take along as a table."""
    client = browser(viewer)
    base = f"/a/{here.account.slug}"
    for path in ("audit/export/", "matrix/export/"):
        yield path, ask(client, "POST", f"{base}/{path}", {"file": "csv"}).raw
    yield "admin log", ask(client, "POST", "/admin/audit/operation/export/csv/").raw
    for name in ("company", "contact", "lead", "opportunity"):
        sent = {"action": "export_selected", "_selected_action": [here.records[name].pk], "post": "yes"}
        yield name, ask(client, "POST", f"/admin/crm/{name}/", sent).raw


@pytest.mark.parametrize("name", ["markup", "formulas"])
def test_no_cell_of_a_file_is_a_formula(here: Side, name: str) -> None:
    family = {"markup": MARKUP, "formulas": FORMULAS}[name]
    viewer = staff(here.branch, everything())
    found, seen = [], 0
    for table, text in tables(viewer, planted(here, family)):
        assert "," in text, (table, text[:200])
        seen += SIGN in text
        found += [f"{table}: {cell[:80]!r}" for cell in formulas_in(text)]
    assert seen >= 6, "the files do not show what was planted"
    assert not found, "\n".join(dict.fromkeys(found))


def test_the_file_that_is_taken_along_can_be_read(here: Side) -> None:
    """JSON and YAML keep every text as it is, whatever is in it."""
    viewer = staff(here.branch, everything())
    planted(here, MARKUP)
    answer = ask(browser(viewer), "POST", f"/a/{here.account.slug}/audit/export/", {"file": "json"})
    assert SIGN in answer.raw
    assert answer.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "family", [MARKUP, CONTROLS, BREAKS, FORMULAS], ids=["markup", "controls", "breaks", "formulas"]
)
def test_an_invoice_is_drawn_whatever_is_written_on_it(here: Side, family: Family) -> None:
    planted(here, family)
    invoice = Invoice.objects.get(account=here.account)
    drawn = invoice_pdf(invoice)
    assert drawn.startswith(b"%PDF")
    assert b"/JavaScript" not in drawn
    assert b"/URI" not in drawn
    assert file_name(invoice).isascii()


# What each command is asked; the names in braces are the account's.
COMMANDS = (
    ("who_may", "view_lead", "lead:{account}/{reference}"),
    ("who_may", "view_lead", "lead:{account}/{reference}", "--json"),
    ("visible", "{email}", "view_lead", "--account", "{account}"),
    ("check_access", "{email}", "view_lead", "lead:{account}/{reference}", "--explain"),
    ("access_matrix", "{account}"),
    ("access_matrix", "{account}", "--format", "csv"),
    ("show_scheme", "atlas", "--account", "{account}"),
    ("verify_access", "{account}"),
    ("verify_audit", "{account}"),
    ("audit_heads",),
    ("export_org", "{account}"),
    ("change_roles", "{account}", "--to", "admin", "--from", "member", "--dry-run", "--reason", "x"),
    ("remove_member", "{account}", "{email}", "--give=all=nobody", "--private=delete", "--dry-run", "--reason", "x"),
    ("restore_member", "{account}", "{email}", "--dry-run", "--reason", "x"),
    ("transfer_account", "{account}", "--to", "{email}", "--dry-run", "--reason", "x"),
    ("operator_session", "list"),
    ("sign_out", "{email}", "--reason", "x"),
    ("run_billing",),
    ("issue_invoices",),
    # What was typed is repeated in what is said about it.
    ("who_may", "view_lead", "lead:{account}/L-\x1b[2J\x9b\u202e"),
    ("visible", "\x1b[2J\x9b@x.example", "view_lead", "--account", "{account}"),
    ("check_access", "x@x.example", "\x1b[2Jview", "account:{account}"),
    ("access_matrix", "\x1b[2J\x9b\u202e"),
    ("show_scheme", "\x1b[2J\x9b\u202e"),
)


# Files for programs hold the exact values.
FOR_PROGRAMS = [command for command in COMMANDS if command[0] == "export_org" or command[-1] == "csv"]


def test_no_command_writes_what_a_terminal_obeys(here: Side, run: Run) -> None:
    planted(here, CONTROLS)
    lead = here.records["lead"]
    known = {"account": here.account.slug, "reference": lead.reference, "email": here.staff.email}
    found, seen = [], 0
    for command in COMMANDS:
        with zeal.zeal_ignore():
            result = run(*(part.format(**known) for part in command))
        written = f"{result.out}\n{result.err}"
        assert result.code != 2, f"{command}: {result.err[-300:]}"
        seen += SIGN in written
        if command in FOR_PROGRAMS:
            continue
        found += [f"{command[0]} {command[-1]!r}: {bad}" for bad in obeyed_in(written)[:2]]
    assert seen > 5, "the commands do not show what was planted"
    assert not found, "\n".join(found)
