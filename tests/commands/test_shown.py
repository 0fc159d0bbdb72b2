"""What people wrote moves no cursor, colours nothing and begins no line, whichever command prints it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.db import connection

from apps.access.operators import open_session
from apps.accounts.models import Account, Branch, User
from apps.console.base import Command
from apps.console.output import as_json, one_line, shown
from apps.roles.scopes import Scope
from apps.teams.models import Team
from tests.commands.conftest import Run
from tests.factories import (
    Cast,
    LeadFactory,
    OperatorFactory,
    OverrideFactory,
    OwnRoleFactory,
    TeamFactory,
    make_cast,
)

EVIL = "Eve\x1b[31m\x1b]0;title\x07\x9b2J\x08\u202e\u2066\u200f\u2028\rforged\nforged: all is well\t|"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
WHY = ("--reason", "To see what is printed")

# Every command of ours with what it is asked: what it prints of people, and a refusal that names what was sent.
COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "access_matrix": (("acme",), ("acme", "--format", "json"), (EVIL,)),
    "audit_heads": ((), ("--json",), ("--new-key",), (EVIL,)),
    "change_roles": (
        ("acme", "--to", "admin", "--emails", "{csv}", *WHY),
        ("acme", "--csv", "{roles}", *WHY),
        ("acme", "--to", EVIL, "--emails", "{csv}", *WHY),
        ("acme", "--csv", EVIL, *WHY),
    ),
    "check_access": (
        ("{ann}", "view_lead", "branch:acme/north", "--explain"),
        ("{ann}", "view_lead", "branch:acme/north", "--explain", "--json"),
        (EVIL, "view_lead", "branch:acme/north"),
        ("{ann}", EVIL, "branch:acme/north"),
        ("{ann}", "view_lead", EVIL),
        ("--batch", "{csv}"),
    ),
    "demo": (("--code",), (EVIL,)),
    "export_org": ((EVIL,), ("acme", "/nowhere/" + EVIL)),
    "generate": (("acme", "--scheme", EVIL, "--leads", "1"), (EVIL, "--leads", "1")),
    "import_org": (("{yaml}",), (EVIL,)),
    "issue_invoices": ((), (EVIL,)),
    "operator_session": (("list",), ("list", "--json"), ("open", EVIL, *WHY), ("end", EVIL)),
    "reassign": (
        ("acme", "--from", "{ann}", "--to", EVIL, *WHY),
        ("acme", "--from", EVIL, "--to", "{ann}", *WHY),
        ("acme", "--from", "{ben}", "--to", "{ann}", *WHY),
    ),
    "remove_member": (
        ("acme", "{ann}", "--private", "delete", *WHY),
        ("acme", "{ben}", "--private", "delete", *WHY),
        ("acme", EVIL, "--private", "delete", *WHY),
        ("acme", "{ben}", "--private", EVIL, *WHY),
    ),
    "restore_member": (("acme", "{ann}", *WHY), ("acme", EVIL, *WHY)),
    "run_billing": ((), (EVIL,)),
    "run_worker": ((EVIL,),),
    "set_overrides": (
        ("acme", "--csv", "{csv}", *WHY),
        ("acme", "--csv", "{overrides}", *WHY),
        ("acme", "--csv", EVIL, *WHY),
    ),
    "show_scheme": (("atlas",), (EVIL,)),
    "sign_out": (("{ann}", *WHY), (EVIL, *WHY)),
    "switch_scheme": (("acme", "amocrm", "--map", "{yaml}", *WHY), ("acme", "amocrm", "--map", EVIL, *WHY)),
    "transfer_account": (("acme", "--to", "{ben}", *WHY, "--dry-run"), ("acme", "--to", EVIL, *WHY)),
    "verify_access": (("acme",), (EVIL,)),
    "verify_audit": (("acme",), (EVIL,), ("acme", "--heads", EVIL)),
    "visible": (("{ann}", "view_lead", "--account", "acme"), (EVIL, "view_lead", "--account", "acme")),
    "who_may": (
        ("view_lead", "branch:acme/north", "--explain"),
        ("view_lead", "branch:acme/north", "--explain", "--json"),
        ("view_lead", EVIL),
    ),
}
# Django's own, with another file among its sources: it prints paths of the product alone.
NOT_OURS = {"makemessages"}


def ours() -> set[str]:
    return {name for name, app in get_commands().items() if app.startswith("apps.")}


def accept_every_text() -> None:
    """Let tables hold hidden characters again, as they could before the database refused them."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint"
            " WHERE contype = 'c' AND pg_get_constraintdef(oid) LIKE '%%!~%%'"
        )
        for table, name in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


@pytest.fixture
def cast(db: None) -> Cast:
    """An account in which every name and every reason is hostile."""
    cast = make_cast("atlas")
    accept_every_text()
    role = OwnRoleFactory(account=cast.account, name=EVIL[:60], key="evil")
    seller = cast.join(role)
    OverrideFactory(branch=cast.branch, user=cast.owner, permission="view_lead", scope=Scope.CREATED, reason=EVIL)
    TeamFactory(branch=cast.branch, name="T", members=[seller, cast.member])
    LeadFactory(branch=cast.branch, responsible=cast.member, name=EVIL)
    open_session(OperatorFactory(session=False, name=EVIL), reason="To help")
    User.objects.update(name=EVIL)
    Team.objects.update(name=EVIL[:60])
    Branch.objects.filter(account=cast.account).update(name=EVIL, slug="north")
    Account.objects.filter(pk=cast.account.pk).update(slug="acme", name=EVIL)
    return cast


def test_every_command_of_ours_is_in_the_table_and_on_the_base_class() -> None:
    assert ours() == COMMANDS.keys() | NOT_OURS
    for name in COMMANDS:
        assert isinstance(load_command_class(get_commands()[name], name), Command), name


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_what_people_wrote_is_shown(run: Run, cast: Cast, tmp_path: Path, command: str) -> None:
    (tmp_path / "csv").write_text(f'user,role,permission,scope\n"{EVIL}","{EVIL}",x,y\n', newline="")
    (tmp_path / "yaml").write_text(json.dumps({EVIL: EVIL, "account": {"slug": EVIL}}))
    (tmp_path / "roles").write_text(f'user,role\n"{EVIL}",member\n{cast.member.email},"{EVIL}"\n', newline="")
    (tmp_path / "overrides").write_text(f'user,permission,scope\n"{EVIL}",view_lead,all\n', newline="")
    known: dict[str, object] = {name: tmp_path / name for name in ("csv", "yaml", "roles", "overrides")}
    known |= {"ann": cast.owner.email, "ben": cast.member.email}
    everything = ""
    for arguments in COMMANDS[command]:
        result = run(command, *(argument.format(**known) if argument != EVIL else argument for argument in arguments))
        written = result.out + result.err
        assert not RAW.search(written), (arguments, written)
        assert not [line for line in written.splitlines() if line.startswith("forged")], (arguments, written)
        if "--json" in arguments and result.out:
            json.loads(result.out)
        everything += written
    # Whatever was printed of it is recognizable, so that the table reaches what prints it.
    assert r"\x1b[31m" in everything, everything


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain, Ærø, 名前, 👩‍💻", "plain, Ærø, 名前, 👩‍💻"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x9b\x85", r"\x9b\x85"),
        ("\u202e\u2028\u061c", r"\u202e\u2028\u061c"),
        ("\ud83d", r"\ud83d"),
    ],
)
def test_a_control_is_shown_as_its_escape(text: str, line: str) -> None:
    assert one_line(text) == line
    assert shown(text).encode()
    assert shown("a\tb\nc") == "a\tb\nc"


def test_json_says_exactly_the_same() -> None:
    value = {EVIL: [EVIL, 1, None]}
    assert json.loads(as_json(value)) == value
    assert not RAW.search(as_json(value))
    assert as_json({"name": "Ærø"}) == '{"name": "Ærø"}'


def test_no_command_prints_past_its_base_class() -> None:
    for path in Path(settings.BASE_DIR).glob("apps/*/management/**/*.py"):
        text = path.read_text()
        assert "sys.stdout.write" not in text, path
        assert "print(" not in re.sub(r"\w+_?print\(|\w+\._print\(|def _print\(|print_json\(", "", text), path
