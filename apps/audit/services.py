"""Writing the log: one call for one operation and its entries."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import DEFAULT_DB_ALIAS, router, transaction

from apps.audit import verbs
from apps.audit.models import PLATFORM, Entry, Operation

# Whose act it is when nobody is signed in: a management command without --actor.
CONSOLE = "the operator at the console"

# Each statement of a bulk insert writes links of its own; this many entries are one statement.
BATCH = 10_000


class Actor(Protocol):
    """A person: something with a key, and a `name` or `email` (or else its text) to remember it by."""

    @property
    def pk(self) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
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
    # Where an operation concerns several accounts; otherwise the account of the operation.
    account_id: int | None = None


def record(
    *,
    verb: str | verbs.Verb,
    actor: Actor | None,
    reason: str,
    account_id: int | None,
    entries: Iterable[Change],
    acting_as: Actor | None = None,
    ip: str | None = None,
) -> Operation:
    """Write one operation with its entries into the log, as part of the running transaction.

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
    if not reason.strip():
        raise ValueError(f"Recording '{verb}' without a reason: say why.")
    if not changes:
        raise ValueError(f"Recording '{verb}' without entries: say what it changed.")
    actor_id, actor_name = _identity(actor) if actor is not None else (None, CONSOLE)
    acting_as_id, acting_as_name = _identity(acting_as) if acting_as is not None else (None, "")
    operation = Operation.objects.using(using).create(
        verb=verbs.get(verb).word,
        reason=reason.strip(),
        actor_id=actor_id,
        actor_name=actor_name,
        acting_as_id=acting_as_id,
        acting_as_name=acting_as_name,
        ip=ip,
    )
    chain = PLATFORM if account_id is None else account_id
    Entry.objects.using(using).bulk_create((_entry(operation, change, chain) for change in changes), batch_size=BATCH)
    return operation


def _identity(person: Actor) -> tuple[int, str]:
    """The person's key and what the log calls them: the name, else the e-mail address, else the text."""
    if person.pk is None:
        raise ValueError(f"'{person}' is nobody who can be recorded: an actor is a saved user, or None.")
    for attribute in ("name", "email"):
        if text := str(getattr(person, attribute, None) or "").strip():
            return person.pk, text
    return person.pk, str(person)


def _entry(operation: Operation, change: Change, chain: int) -> Entry:
    return Entry(
        operation=operation,
        account_id=chain if change.account_id is None else change.account_id,
        branch_id=change.branch_id,
        target_type=change.target_type,
        target_id=str(change.target_id),
        target_text=change.target_text,
        before=change.before,
        after=change.after,
    )
