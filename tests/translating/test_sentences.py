"""Whatever the engine says, it says in the reader's language: what it refuses, explains, previews and proposes."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from apps.access.explain import _Walk, explain
from apps.access.facts import OverrideFacts, RoleFacts
from apps.access.fixes import Fix
from apps.access.mandate import Reason, Step
from apps.access.mandate_cache import mandate_for
from apps.accounts.models import User
from apps.audit import verbs
from apps.billing import subscribing
from apps.changes.base import Change
from apps.changes.custom_roles import EditRole
from apps.changes.details import ChangeDetails
from apps.changes.previews.values import Group, Member, Numbers, Preview, ScopeChange, ScopeGiven
from apps.changes.refusals import Guard, Refusal
from apps.crm.models import Task
from apps.orgfiles.fields import _words
from apps.roles import catalogue
from apps.roles.scopes import LABELS, Scope
from apps.teams.models import ParentMembership
from tests.changes.test_invitations import invite
from tests.changes.test_members import rename
from tests.changes.test_removal import remove
from tests.changes.test_roles_and_overrides import override, role_of
from tests.factories import Cast, LeadFactory, make_cast, published
from tests.translating.pseudo import WORD, bare, english, pseudo

Refused = tuple[Change, User | None, str]
WHY = "Because"


def target(cast: Cast) -> Refused:
    return rename(cast, cast.outsider), cast.owner, WHY


def reason(cast: Cast) -> Refused:
    return role_of(cast, cast.member, "admin"), cast.owner, " "


def oneself(cast: Cast) -> Refused:
    return role_of(cast, cast.member, "admin"), cast.member, WHY


def right(cast: Cast) -> Refused:
    return rename(cast, cast.join("admin")), cast.member, WHY


def shield(cast: Cast) -> Refused:
    return rename(cast, cast.owner), cast.join("admin"), WHY


def published_role(cast: Cast) -> Refused:
    role = published("atlas", "member").pk
    return EditRole(account_id=cast.account.pk, role_id=role, grants={"view_billing": Scope.NONE}), cast.owner, WHY


def single(cast: Cast) -> Refused:
    return remove(cast, cast.owner), cast.join("administrator"), WHY


def locked(cast: Cast) -> Refused:
    return override(cast, cast.join("admin"), "export_lead", Scope.NONE), cast.owner, WHY


def ladder(cast: Cast) -> Refused:
    return role_of(cast, cast.join("admin"), "teammate"), cast.owner, WHY


def above(cast: Cast) -> Refused:
    return rename(cast, cast.owner), cast.join("admin"), WHY


def escalation(cast: Cast) -> Refused:
    return role_of(cast, cast.member, "owner"), cast.join("admin"), WHY


def fresh(cast: Cast) -> Refused:
    seen = {"name": "Somebody Else"}
    return (
        ChangeDetails(account_id=cast.account.pk, user_id=cast.member.pk, name="Ben", seen=seen),
        cast.owner,
        WHY,
    )


def last_keeper(cast: Cast) -> Refused:
    ParentMembership.objects.all().delete()
    return remove(cast, cast.owner), None, WHY


def seats(cast: Cast) -> Refused:
    subscribing.begin(cast.account, actor=None, reason=WHY, seats=len({cast.owner, cast.member}))
    return invite(cast), cast.owner, WHY


# By guard: the system of roles, and a change that it refuses.
REFUSED: Mapping[Guard, tuple[str, Callable[[Cast], Refused]]] = {
    Guard.REASON: ("atlas", reason),
    Guard.TARGET: ("atlas", target),
    Guard.ONESELF: ("atlas", oneself),
    Guard.RIGHT: ("atlas", right),
    Guard.SHIELD: ("staff-ladder", shield),
    Guard.PUBLISHED: ("atlas", published_role),
    Guard.SINGLE: ("onepagecrm", single),
    Guard.LOCKED: ("atmos", locked),
    Guard.LADDER: ("staff-ladder", ladder),
    Guard.ABOVE: ("atlas", above),
    Guard.ESCALATION: ("atlas", escalation),
    Guard.FRESH: ("atlas", fresh),
    Guard.LAST_KEEPER: ("atlas", last_keeper),
    Guard.SEATS: ("atlas", seats),
}


@pytest.mark.django_db
@pytest.mark.parametrize("guard", Guard)
def test_each_guard_refuses_in_the_readers_language(guard: Guard) -> None:
    system, make = REFUSED[guard]
    change, actor, said = make(make_cast(system))
    with pseudo(), pytest.raises(Refusal) as caught:
        change.apply(actor=actor, reason=said)
    assert caught.value.guard is guard
    assert bare(caught.value.sentence) == ""
    assert bare(caught.value.instead) == ""


@pytest.mark.django_db
@pytest.mark.parametrize("because", Reason)
@pytest.mark.parametrize("end", [None, timezone.now()])
@pytest.mark.parametrize("author", ["", "Ann Archer"])
def test_each_step_of_an_explanation_is_in_the_readers_language(
    because: Reason, end: datetime | None, author: str
) -> None:
    cast = make_cast()
    walk = _Walk(cast.member, mandate_for(cast.member, cast.account.pk), cast.branch)
    role = RoleFacts(1, "member", "Member", "branch", 1, False, False, {})
    override = OverrideFacts("view_lead", Scope.ALL, "For the fair", author, end or timezone.now())
    with pseudo():
        for scope in (Scope.NONE, Scope.ALL):
            # What is read-only is told in two sentences.
            assert bare(walk._step("View leads", Step(because, scope, role, override), "North")) == ""


@pytest.mark.django_db
def test_what_is_within_reach_and_what_would_help_are_told_in_the_readers_language() -> None:
    cast = make_cast()
    lead = LeadFactory(branch=cast.branch, responsible=cast.owner, created_by=cast.owner)
    own = LeadFactory(branch=cast.branch, responsible=cast.member, created_by=cast.owner)
    with pseudo():
        no = explain(cast.member, "change_lead", lead)
        yes = explain(cast.member, "view_lead", own)
        stranger = explain(cast.outsider, "view_lead", lead)
        told = [*no.reasons, *yes.reasons, *stranger.reasons]
        told += [fix.with_people for each in (no, stranger) for fix in each.fixes]
    assert len(no.fixes) > 1
    assert yes.allowed
    assert english(map(bare, told)) == []


@pytest.mark.parametrize("people", range(6))
def test_whoever_could_make_a_change_is_named_in_the_readers_language(people: int) -> None:
    with pseudo():
        fix = Fix("share", "", [User(name=f"Somebody {number}") for number in range(people)])
        assert bare(fix.with_people) == ""


@pytest.mark.parametrize("everything", [True, False])
def test_a_preview_is_in_the_readers_language(everything: bool) -> None:
    numbers = Numbers(*(Counter({kind.name: 2 for kind in catalogue.record_types()}) for _ in range(3)))
    allowed = ScopeGiven(Scope.ALL, timezone.now(), (Step(Reason.NO_MEMBERSHIP),))
    changes = (ScopeChange(1, "North", "view_lead", allowed, allowed),)
    by_reach = {"lead": {"team": 3}}
    full = Preview(
        affected=2,
        members=(Member(1, "", changes, numbers),),
        groups=(Group(1, changes, numbers, by_reach, by_reach),),
        orphans={"lead": 2, "task": 1},
        references=("L-1",),
        everything=everything,
    )
    with pseudo():
        told = [*full.lines(), *Preview(affected=0).lines()]
    assert len(told) == 15
    assert english(map(bare, told)) == []


def test_the_catalogue_and_the_log_are_in_the_readers_language() -> None:
    with pseudo():
        told = [text for each in catalogue.permissions() for text in (each.label, each.help_text)]
        told += [text for each in catalogue.record_types() for text in (each.label, each.label_plural, each.nouns)]
        told += [each.counted(number) for each in catalogue.record_types() for number in (1, 2)]
        told += [str(title) for title in catalogue.CATEGORIES.values()]
        told += [scope.label for scope in (*LABELS, Scope.SHARED | Scope.TEAM)]
        told += [verb.in_words for verb in verbs.registry]
    assert english(map(bare, told)) == []


def test_an_organisation_file_is_the_same_in_every_language() -> None:
    with pseudo():
        assert _words(Task._meta.get_field("priority")) == {"low": 1, "normal": 2, "high": 3}


# --- The source ---

MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "noop", "ngettext", "ngettext_lazy"}
# What is said to whoever programs, or in the server's own log.
UNREAD = {
    "AssertionError", "DoesNotExist", "Error", "InvalidSignature", "ImproperlyConfigured", "KeyError", "LookupError",
    "OperationalError", "SchemeError", "SuspiciousOperation", "TaxError", "TransactionManagementError", "TypeError",
    "UnknownPermission", "UnknownVerb", "HistoryUnknown", "ValueError", "WrongTarget", "_warning", "error", "warning",
}  # fmt: skip
# Whole modules that speak at the console, to programs or to the database.
ELSEWHERE: Mapping[str, str] = {
    "access/history/replay.py": "the past is told at the console",
    "access/history/as_of.py": "the past is told at the console",
    "access/questions.py": "questions are asked in lines of JSON",
    "access/targets.py": "things are named like this at the console",
    "accounts/audited.py": "SQL",
    "accounts/checks.py": "system checks",
    "accounts/isolation.py": "reports are read at the console and in the server's log",
    "accounts/worker.py": "the server's own log",
    "accounts/sealing.py": "nobody reads it: whoever opens the address starts again",
    "audit/checks.py": "system checks",
    "audit/operations.py": "SQL",
    "billing/pdf.py": "an invoice is in the seller's language",
    "billing/views/gateway.py": "the payment gateway reads it",
    "crm/models/past.py": "the past is told at the console",
    "roles/checks.py": "system checks",
}
# Sentences that are kept or told to programs.
KEPT: Mapping[str, str] = {
    "Payment X is sent back before it is known.": "the payment gateway reads it",
    "The bank wants the payment to be confirmed by a person.": "kept with the attempt to collect",
    "Reverse charge: the recipient owes the tax.": "an invoice is in the seller's language",
    "The service is taxed where the recipient is, outside of the seller's tax area.": "an invoice is in its language",
}
APART = {"console", "demo", "generation", "management", "migrations"}
# Of organisation files, what people meet on pages.
MET_ON_PAGES = {"views", "forms.py"}


def words(node: ast.Constant | ast.JoinedStr) -> str:
    """A text of the source, with an X for what is put into it."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)


def is_sentence(text: str) -> bool:
    """Whether it begins like a sentence, goes on for some words, and ends like one."""
    text = text.strip()
    return len(WORD.findall(text)) > 2 and " " in text and not text[:1].islower() and text[-1:] in {".", "!", "?"}


def sentences(node: ast.AST) -> Iterator[tuple[int, str]]:
    """The sentences of some source that nobody has marked for translation."""
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in MARKS | UNREAD:
            return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Constant | ast.JoinedStr):
        if is_sentence(words(node)) and words(node) not in KEPT:
            yield node.lineno, words(node)
        return
    for child in ast.iter_child_nodes(node):
        yield from sentences(child)


def test_no_sentence_of_the_source_is_left_in_english() -> None:
    base = Path(settings.BASE_DIR) / "apps"
    found = []
    for path in sorted(base.rglob("*.py")):
        place = path.relative_to(base)
        at_the_console = APART.intersection(place.parts) or (
            place.parts[0] == "orgfiles" and not MET_ON_PAGES.intersection(place.parts)
        )
        if str(place) not in ELSEWHERE and not at_the_console:
            found += [f"{place}:{line}: {text}" for line, text in sentences(ast.parse(path.read_text()))]
    assert found == []


def test_no_name_is_put_into_a_text_before_it_is_looked_up() -> None:
    base = Path(settings.BASE_DIR) / "apps"
    found = []
    for path in sorted(base.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MARKS:
                found += [f"{path}:{node.lineno}" for text in node.args[:2] if isinstance(text, ast.JoinedStr)]
    assert found == []


def at_import(node: ast.AST) -> Iterator[ast.Call]:
    """The calls that are made when a module is read: those in no function."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            if isinstance(child, ast.Call):
                yield child
            yield from at_import(child)


def is_text_at_once(call: ast.Call, eager: set[str]) -> bool:
    """Whether it looks a text up there and then, in whatever language the server starts in."""
    name = getattr(call.func, "id", "")
    inner = [getattr(each.func, "id", "") for each in call.args if isinstance(each, ast.Call)]
    return name in eager or (name == "str" and bool(MARKS.intersection(inner)))


def test_no_text_is_looked_up_before_somebody_reads_it() -> None:
    base = Path(settings.BASE_DIR) / "apps"
    found = []
    for path in sorted(base.rglob("*.py")):
        tree = ast.parse(path.read_text())
        names = [name for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) for name in each.names]
        eager = {name.asname or name.name for name in names if name.name in {"gettext", "ngettext", "pgettext"}}
        found += [f"{path}:{call.lineno}" for call in at_import(tree) if is_text_at_once(call, eager)]
    assert found == []
