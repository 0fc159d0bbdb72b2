"""One job in many accounts: what fails in one of them is logged and marked, and all the others are done.

Everything that goes over accounts goes through `in_each_account`. An account's work keeps its own transactions, so a
failure takes back what was not committed, and the next run does what is left. A database that takes no more work ends
the loop: the next account would fail the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from django.db import Error, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from apps.accounts.fence import tenant
from apps.accounts.models import Account, JobFailure
from apps.audit.models import PLATFORM

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
Item = TypeVar("Item")

# How many accounts a report names.
NAMED = 10
# SQLSTATEs of a server that takes no more work: connection lost, read-only, out of resources, shutting down.
UNUSABLE = ("08", "25006", "53", "57P")


@dataclass(frozen=True, slots=True)
class Job:
    """What is done in each account. `label` begins a sentence: “Billing failed in …”.

    `expected` are errors whose text says all there is to know; any other one is a bug and is logged with its traceback.
    """

    key: str
    label: StrOrPromise
    expected: tuple[type[Exception], ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """An account in which a job failed: its slug and the cause in one line."""

    account_id: int
    account: str
    cause: str

    def __str__(self) -> str:
        return f"{self.account} ({self.cause})"


class AccountsFailed(Exception):
    """A job failed in some accounts, and is done in the others; the text names the accounts and the causes."""

    def __init__(self, job: Job, failures: Sequence[Failure], accounts: int) -> None:
        named = ", ".join(map(str, failures[:NAMED]))
        more = f" and {len(failures) - NAMED:,} more" if len(failures) > NAMED else ""
        count = f"{accounts:,} account" if accounts == 1 else f"{accounts:,} accounts"
        super().__init__(f"{job.label} failed in {len(failures):,} of {count}: {named}{more}.")
        self.failures = failures


@dataclass
class Round(Generic[Result]):
    """What came of a job: what the work returned by account, and the failures."""

    job: Job
    accounts: int
    results: dict[int, Result] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def check(self) -> None:
        """Raise where the job failed in any account.

        Raises:
            AccountsFailed: it did.
        """
        if self.failures:
            raise AccountsFailed(self.job, self.failures, self.accounts)


def due_accounts(job: Job, statement: str, parameters: Sequence[Any] = ()) -> list[int]:
    """The ids that the statement selects, then those of the accounts in which the job failed last time.

    So a mark goes away with the next success, also where the account is not due any more.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        account_ids = [account_id for (account_id,) in cursor.fetchall()]
        cursor.execute("SELECT accounts_with_failure(%s)", [job.key])
        failed_ids = [account_id for (account_id,) in cursor.fetchall()]
    return list(dict.fromkeys([*account_ids, *failed_ids]))


def in_each_account(
    job: Job,
    account_ids: Sequence[int],
    work: Callable[[int], Result],
    *,
    marks: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Round[Result]:
    """Do the work in each account, behind its fence; returns what came of it, which the caller has to `check`.

    A failure is logged, and marked for staff until the next success (not with `marks` False, which writes nothing).

    Raises:
        OperationalError: the database takes no more work; accounts after that are left to the next run.
    """
    finished: Round[Result] = Round(job, len(account_ids))
    for place, account_id in enumerate(account_ids, start=1):
        try:
            with tenant(account_id):
                result = work(account_id)
                if marks:
                    JobFailure.objects.filter(account=account_id, job=job.key).delete()
            finished.results[account_id] = result
        except Exception as error:
            if (lost := _loss(error)) is not None:
                _stop(finished, account_id, lost)
            finished.failures.append(_noted(finished, account_id, error, marks=marks))
        progress(place, len(account_ids))
    return finished


def attempt_each(items: Iterable[Item], work: Callable[[Item], object]) -> None:
    """Do the work for each item of one account, also after it failed for another one.

    Raises:
        Exception: what the work raised, once the others are done; an ExceptionGroup where it failed several times.
    """
    errors: list[Exception] = []
    for item in items:
        try:
            work(item)
        except Exception as error:
            if _loss(error) is not None:
                raise
            errors.append(error)
    if len(errors) > 1:
        raise ExceptionGroup("Several parts failed", errors)
    if errors:
        raise errors[0]


def _noted(finished: Round[Any], account_id: int, error: Exception, *, marks: bool) -> Failure:
    job, cause = finished.job, _cause(error, finished.job)
    name = "the platform" if account_id == PLATFORM else f"account number {account_id}"
    failure = Failure(account_id, name, cause)
    try:
        with tenant(account_id):
            slug = Account.objects.filter(pk=account_id).values_list("slug", flat=True).first()
            if slug is not None:
                failure = Failure(account_id, slug, cause)
                if marks:
                    _mark(job, failure)
    except Error as unmarked:
        if (lost := _loss(unmarked)) is not None:
            _stop(finished, account_id, lost)
        logger.exception("The failure in %s could not be marked", failure.account)
    bug = next((each for each in _single(error) if not isinstance(each, job.expected)), None)
    logger.error("%s failed in %s: %s", job.label, failure.account, cause, exc_info=bug)
    return failure


@transaction.atomic
def _mark(job: Job, failure: Failure) -> None:
    values = {"failed_at": timezone.now(), "cause": failure.cause}
    JobFailure.objects.update_or_create(account_id=failure.account_id, job=job.key, defaults=values)


def _stop(finished: Round[Any], account_id: int, lost: BaseException) -> NoReturn:
    done = f"{len(finished.results):,} of {finished.accounts:,}"
    said = _first_line(lost) or type(lost).__name__
    raise OperationalError(
        f"{finished.job.label} stopped in account number {account_id} with {done} accounts done: {said}"
    ) from lost


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "").strip()


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those that led to it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _loss(error: BaseException) -> BaseException | None:
    """The error that says that the database takes no more work, among those that led to this one; None otherwise."""
    for cause in _chain(error):
        if isinstance(cause, Error):
            state = getattr(cause.__cause__, "sqlstate", None) or ""
            raw = connection.connection
            gone = isinstance(cause, OperationalError | InterfaceError) and (raw is None or raw.closed)
            if gone or state.startswith(UNUSABLE):
                return cause.__cause__ or cause
    return None


def _single(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for each in error.exceptions:
            yield from _single(each)
    else:
        yield error


def _cause(error: Exception, job: Job) -> str:
    """The error in one line. Details of the database are left out: they hold whole rows."""
    first, *others = _single(error)
    text = "".join(letter if letter.isprintable() else "?" for letter in _first_line(first))
    if not isinstance(first, job.expected):
        text = f"{type(first).__name__}: {text}" if text else type(first).__name__
    more = f" (and {len(others):,} more)" if others else ""
    longest = JobFailure.LONGEST_CAUSE - len(more)
    return (text if len(text) <= longest else f"{text[: longest - 1]}…") + more
