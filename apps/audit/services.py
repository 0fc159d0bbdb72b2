"""Writing the log: `operation` states who, why and what for all that is written inside; `record` is the short way.

The database writes the operation and, for tables that are audited, its entries (see `operations.Audited`).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol
from unicodedata import category

from django.db import DEFAULT_DB_ALIAS, connections, router, transaction

from apps.audit import verbs
from apps.audit.models import PLATFORM, Entry, Operation
from apps.audit.text import validate_multi_line

# The actor if nobody is signed in: a management command without --actor.
CONSOLE = "the operator at the console"

# Each statement of a bulk insert writes links of its own; this many entries are one statement.
BATCH = 10_000


# The first letters of the Unicode categories of what is seen: letters, numbers, punctuation and symbols.
VISIBLE = frozenset("LNPS")


class Actor(Protocol):
    """A person: something with a key, and a `name` or `email` (or else its text) to remember it by."""

    @property
    def pk(self) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryValues:
    """What an operation did to one target; becomes one entry.

    `target_text` names people and roles by name, and records by their reference only, so that the log tells no
    private name (access-model, section 7). `before` is None where the target came to be, `after` where it went.
    """

    target_type: str
    target_id: str | int
    target_text: str
    before: Any = None
    after: Any = None
    branch_id: int | None = None
    user_id: int | None = None
    # Where an operation concerns several accounts; otherwise the account of the operation.
    account_id: int | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a request: its IP address, and who acts as another user."""

    ip: str | None = None
    acting_as: Actor | None = None
    acting: Actor | None = None


_NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=_NOWHERE)


@contextmanager
def origin(*, ip: str | None = None, acting_as: Actor | None = None, acting: Actor | None = None) -> Iterator[None]:
    """Log all operations inside with this IP address and acting user.

    Where `acting` is named, what that other one seems to do themself is logged as done by `acting` in their place.
    """
    token = _origin.set(Origin(ip, acting_as, acting))
    try:
        yield
    finally:
        _origin.reset(token)


class OperationInProgress:
    """The operation that a block of code is; the database writes it with its first entry."""

    def __init__(self, using: str) -> None:
        self._using = using

    @property
    def pk(self) -> int | None:
        """The operation's id, or None while nothing has been written."""
        ((found,),) = _ask(self._using, "SELECT nullif(current_setting('mandate.operation', true), '')::bigint")
        return None if found is None else int(found)

    def add(self, account_id: int | None, entries: Iterable[EntryValues]) -> int:
        """Write entries by hand, for what no audited table tells; returns the operation's id.

        `account_id` None is the platform's own chain.
        """
        chain = PLATFORM if account_id is None else account_id
        ((operation_id,),) = _ask(self._using, "SELECT audit_operation_in_progress(%s)", ["the log"])
        rows = (_entry(operation_id, change, chain) for change in entries)
        Entry.objects.using(self._using).bulk_create(rows, batch_size=BATCH)
        return int(operation_id)


def is_blank(text: str) -> bool:
    """Return whether the text is empty or has only spaces and invisible characters."""
    return not any(category(character)[0] in VISIBLE for character in text)


@contextmanager
def operation(*, verb: str | verbs.Verb, actor: Actor | None, reason: str) -> Iterator[OperationInProgress]:
    """A transaction (or a savepoint in one) in which all that is written to audited tables is one operation.

    `actor` None is the operator at the console. An operation inside of another one is one of its own.

    Raises:
        UnknownVerb: nobody has registered the verb.
        ValueError: the reason is blank or has control characters, or the actor is not saved.
    """
    if is_blank(reason):
        raise ValueError(f"Recording '{verb}' without a reason: pass a reason.")
    if validate_multi_line.hidden(reason):
        raise ValueError(f"Recording '{verb}' with control characters in its reason: delete them.")
    came_from = _origin.get()
    if actor is not None and came_from.acting is not None and came_from.acting_as is not None:
        actor = came_from.acting if actor.pk == came_from.acting_as.pk else actor
    actor_id, actor_name = _identity(actor) if actor is not None else (None, CONSOLE)
    acting_as_id, acting_as_name = _identity(came_from.acting_as) if came_from.acting_as is not None else (None, "")
    stated = {
        "mandate.operation": None,
        "mandate.verb": verbs.get(verb).word,
        "mandate.reason": reason.strip(),
        "mandate.actor": actor_id,
        "mandate.actor_name": actor_name,
        "mandate.acting_as": acting_as_id,
        "mandate.acting_as_name": acting_as_name,
        "mandate.ip": came_from.ip,
    }
    using = router.db_for_write(Operation) or DEFAULT_DB_ALIAS
    with transaction.atomic(using=using):
        before = _state(using, stated)
        yield OperationInProgress(using)
        # An exception rolls back the transaction, settings included.
        _state(using, before)


def record(
    *, verb: str | verbs.Verb, actor: Actor | None, reason: str, account_id: int | None, entries: Iterable[EntryValues]
) -> Operation:
    """Write one operation with its entries into the log, as part of the running transaction; returns it.

    `actor` None is the operator at the console; `account_id` None is the platform's own chain. The database adds
    the links. Raises UnknownVerb; ValueError for a blank reason, for no entries, and for an actor who is not
    saved; TransactionManagementError outside of a transaction, since the log and what it tells of must stand or
    fall together.
    """
    changes = list(entries)
    using = router.db_for_write(Operation) or DEFAULT_DB_ALIAS
    if not transaction.get_connection(using).in_atomic_block:
        raise transaction.TransactionManagementError(
            f"Recording '{verb}' outside of a transaction: call record() inside the atomic block of the change."
        )
    if not changes:
        raise ValueError(f"Recording '{verb}' without entries: pass what it changed.")
    with operation(verb=verb, actor=actor, reason=reason) as written:
        return Operation.objects.using(using).get(pk=written.add(account_id, changes))


def _state(using: str, settings: dict[str, Any]) -> dict[str, str]:
    """State these settings for the transaction; returns what was stated before."""
    read = ", ".join("coalesce(current_setting(%s, true), '')" for _ in settings)
    write = ", ".join("set_config(%s, %s, true)" for _ in settings)
    values = ["" if value is None else str(value) for value in settings.values()]
    pairs = [part for pair in zip(settings, values, strict=True) for part in pair]
    (row,) = _ask(using, f"SELECT {read}, {write}", [*settings, *pairs])
    return dict(zip(settings, row, strict=False))


def _ask(using: str, statement: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def _identity(person: Actor) -> tuple[int, str]:
    """The person's key and what the log calls them: the name, else the email address, else the text."""
    if person.pk is None:
        raise ValueError(f"'{person}' can't be recorded as an actor: pass a saved user or None.")
    for attribute in ("name", "email"):
        if text := str(getattr(person, attribute, None) or "").strip():
            return person.pk, text
    return person.pk, str(person)


def _entry(operation_id: int, change: EntryValues, chain: int) -> Entry:
    return Entry(
        operation_id=operation_id,
        account_id=chain if change.account_id is None else change.account_id,
        branch_id=change.branch_id,
        user_id=change.user_id,
        target_type=change.target_type,
        target_id=str(change.target_id),
        target_text=change.target_text,
        before=change.before,
        after=change.after,
    )
