"""`python -m bench.faults`: kills bulk changes of access, or the server under them, and looks at what is left.

Each round starts `manage.py change_roles` as a process of its own, on a durable server of its own, and kills something
at a random moment. Then the change has to be wholly there or not at all, with its entries in the log; wholly, where the
command said so; and the next change has to work. docs/faults.md has the figures of long runs.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkProcess
from pathlib import Path

import psycopg
from django.core.management import call_command, execute_from_command_line
from django.db import connection

from apps.access.history.replay import differences
from apps.accounts.models import Account
from apps.audit.models import Entry, Operation
from apps.audit.verification import verify
from apps.changes.bulk import ReplaceRole
from apps.changes.overrides import SetOverride
from apps.orgfiles.generation.plan import LoadPlan
from apps.orgfiles.generation.run import generate
from apps.roles.models import Role
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from bench.tables import table
from config.postgres.cluster import Cluster, cluster_named
from config.postgres.server import OWNER

FORK = multiprocessing.get_context("fork")
CLUSTER = "faults"
APPLICATION = "faults"
SCHEME = "atlas"
ROLES = ("member", "admin")
MEMBERS = 1_000
# A round in so many is of an account of so many members, which are written in several statements.
LARGE_MEMBERS, LARGE_EVERY = 5_500, 10
# So many rounds are had in one account, so that to verify its chain stays quick.
ROUNDS_OF_ACCOUNT = 50
# A commit waits so long (in microseconds) between its record and the disk, so that some are killed right there.
COMMIT_DELAY = 40_000
SECONDS_TO_END = 120

BACKEND = """
SELECT pid, xact_start IS NOT NULL, query FROM pg_stat_activity
WHERE application_name = %s AND backend_type = 'client backend'
"""


class Violation(Exception):
    """What must not be; the message says what was found."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The command's session as the server shows it: its process, and what it is about."""

    pid: int | None
    phase: str


@dataclass(slots=True)
class Ended:
    """How a command ended; `code` is negative where a signal ended it."""

    code: int
    out: str
    err: str

    @property
    def acknowledged(self) -> bool:
        """Whether it said that all is done."""
        return self.code == 0


@dataclass(slots=True)
class Stage:
    """An account whose members, but for its owner, all hold one of two roles, the same one."""

    account: Account
    members: int
    role: str = ROLES[0]
    rounds: int = 0

    @property
    def other(self) -> str:
        """The role that they are to get."""
        return ROLES[1 - ROLES.index(self.role)]

    @classmethod
    def make(cls, slug: str, members: int) -> Stage:
        """A new account."""
        generate(LoadPlan(account=slug, scheme=SCHEME, members=members))
        account = Account.objects.get(slug=slug)
        lower = Role.objects.published(SCHEME).filter(kind=Role.Kind.BRANCH).exclude(key__in=["owner", ROLES[0]])
        for key in lower.values_list("key", flat=True):
            ReplaceRole(account_id=account.pk, replaced=key, role=ROLES[0]).apply(actor=None, reason="To be killed")
        return cls(account, Membership.objects.filter(account=account, role__key=ROLES[0]).count())

    def arguments(self, reason: str, file: Path) -> list[str]:
        """A command that gives all of them the other role: those who hold theirs, or those whom a file names."""
        if random.random() < 0.5:
            who = ["--from", self.role]
        else:
            held = Membership.objects.filter(account=self.account, role__key=self.role)
            file.write_text("user\n" + "".join(f"{email}\n" for email in held.values_list("user__email", flat=True)))
            who = ["--csv", str(file)]
        return ["change_roles", self.account.slug, *who, "--to", self.other, "--reason", reason, "--json"]

    def outcome(self, ended: Ended, reason: str) -> str:
        """What became of the change.

        Raises:
            Violation: it is half there, not in the log, or not there though the command said so.
        """
        held = Membership.objects.filter(account=self.account).exclude(role__key="owner")
        roles = Counter(held.values_list("role__key", flat=True))
        if len(roles) != 1 or roles.total() != self.members:
            raise Violation(f"half of it is there: {dict(roles)}")
        done = roles[self.other] == self.members
        operations = list(Operation.objects.filter(reason=reason).values_list("pk", flat=True))
        entries = Entry.objects.filter(operation__in=operations).count()
        if (len(operations), entries) != ((1, self.members) if done else (0, 0)):
            raise Violation(f"{entries} entries of {len(operations)} operations, and done is {done}")
        if ended.acknowledged:
            told = json.loads(ended.out)
            if not done or [told["operation"]] != operations or told["changed"] != self.members:
                raise Violation(f"it said {told}, and done is {done} by operations {operations}")
        if found := differences(self.account.pk):
            raise Violation(f"the log folds to something else: {found[0].sentence}")
        if not all(report.sound for report in verify(self.account.pk)):
            raise Violation("the chain does not fit")
        if done:
            self.role = self.other
        if ended.acknowledged:
            return "all of it, exit 0"
        return "all of it, no answer" if done else "none of it"

    def check_next_change(self) -> None:
        """Make another change of access, which has to work."""
        self.rounds += 1
        somebody = Membership.objects.filter(account=self.account, role__key=self.role).earliest("pk")
        scope = (Scope.ALL, Scope.NONE)[self.rounds % 2]
        change = SetOverride(
            account_id=self.account.pk, membership_id=somebody.pk, permission="view_reports", scope=scope
        )
        done = change.apply(actor=None, reason="After the fault")
        if (done.rows, Entry.objects.filter(operation=done.operation_id).count()) != (1, 1):
            raise Violation(f"the next change wrote {done}")


@dataclass
class Harness:
    """The server, and the commands that are run on it. `begun` is whether the last one has had its session."""

    cluster: Cluster
    folder: Path
    said: Counter[str] = field(default_factory=Counter)
    begun: bool = False

    def start(self, arguments: list[str]) -> ForkProcess:
        """Start a command in a process of its own, which has loaded Django already: that takes longer than the rest."""
        self.begun = False
        # The child has to open a connection of its own.
        connection.close()
        process = FORK.Process(target=_manage, args=(arguments, self.folder))
        process.start()
        return process

    def ended(self, process: ForkProcess) -> Ended:
        """How the command ended.

        Raises:
            Violation: it does not end, or not with a sentence.
        """
        process.join(SECONDS_TO_END)
        if process.exitcode is None:
            process.kill()
            raise Violation("the command does not end")
        out, err = ((self.folder / name).read_text() for name in ("out", "err"))
        if process.exitcode > 0:
            self.said[err.strip()] += 1
            if process.exitcode != 1 or out or len(err.splitlines()) != 1:
                raise Violation(f"it ended with {process.exitcode}, and said {out!r} and {err!r}")
        return Ended(process.exitcode, out, err)

    def look(self, watch: psycopg.Connection) -> Seen:
        """What the command's session is about."""
        row = watch.execute(BACKEND, [APPLICATION]).fetchone()
        if row is None:
            return Seen(None, "answering" if self.begun else "starting")
        self.begun = True
        pid, in_transaction, query = row
        word = query.split(None, 1)[0].upper() if query.strip() else ""
        if word == "COMMIT":
            return Seen(pid, "committing")
        if word in ("UPDATE", "INSERT"):
            return Seen(pid, "writing")
        return Seen(pid, "reading" if in_transaction else "connected")

    def recover(self) -> None:
        """Have the server run and answer, with nobody left of the round before."""
        connection.close()
        pid = self._postmaster()
        deadline = time.monotonic() + SECONDS_TO_END
        while pid and _runs(pid) and not self.cluster.server.is_running():
            if time.monotonic() > deadline:
                raise Violation("the server does not recover")
            time.sleep(0.05)
        self.cluster.server.bring_up()
        with self.cluster.server.connect() as watch:
            while self.look(watch).pid is not None:
                if time.monotonic() > deadline:
                    raise Violation("the command's session stays behind")
                time.sleep(0.02)

    def kill_server(self) -> None:
        """Kill the postmaster and every process of it."""
        postmaster = self._postmaster()
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in (postmaster, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while _runs(postmaster):
            time.sleep(0.01)

    def _postmaster(self) -> int:
        """The server's process; 0 where it has ended in order."""
        if not (self.cluster.server.data / "postmaster.pid").exists():
            return 0
        return int((self.cluster.server.data / "postmaster.pid").read_text().split("\n", 1)[0])


def _manage(arguments: list[str], folder: Path) -> None:
    """What `manage.py` does with these arguments; its output goes into files."""
    for name, stream in (("out", 1), ("err", 2)):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    os.environ["PGAPPNAME"] = APPLICATION
    execute_from_command_line(["manage.py", *arguments])


def _runs(pid: int) -> bool:
    """Whether the process runs; one that ended and was not collected yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@dataclass(frozen=True, slots=True)
class Typical:
    """How long a command takes that nobody disturbs: until it is in its transaction, and all in all."""

    begun: float
    ended: float


class Rounds:
    """The rounds, and what became of each."""

    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._file = harness.folder / "members.csv"
        self._stages: dict[bool, Stage] = {}
        self._typical: dict[bool, Typical] = {}
        self._accounts = 0
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.violations: list[str] = []

    def run(self, number: int) -> None:
        """One round; what must not be is kept, and a new account is begun."""
        large = number % LARGE_EVERY == 0
        stage = self._stage(large)
        reason = f"Round {number}"
        killed = random.choice(("the command", "the server", "its session", "its session, kill -9"))
        phase = "?"
        try:
            process = self._harness.start(stage.arguments(reason, self._file))
            with self._harness.cluster.server.connect() as watch:
                phase = self._strike(process, killed, watch, self._typical[large])
            ended = self._harness.ended(process)
            self._harness.recover()
            outcome = stage.outcome(ended, reason)
            stage.check_next_change()
        except Violation as violation:
            self.violations.append(f"{reason}: {killed} killed, {phase}: {violation}")
            self._harness.recover()
            self._stages.pop(large)
            outcome = "VIOLATION"
        self.counts[killed, phase, outcome] += 1

    def _stage(self, large: bool) -> Stage:
        found = self._stages.get(large)
        if found is None or found.rounds >= ROUNDS_OF_ACCOUNT:
            self._accounts += 1
            found = Stage.make(f"faults-{self._accounts}", LARGE_MEMBERS if large else MEMBERS)
            self._stages[large] = found
            self._typical[large] = self._undisturbed(found)
        return found

    def _undisturbed(self, stage: Stage) -> Typical:
        reason = f"Undisturbed {self._accounts}"
        started = time.monotonic()
        process = self._harness.start(stage.arguments(reason, self._file))
        with self._harness.cluster.server.connect() as watch:
            while self._harness.look(watch).phase in ("starting", "connected") and process.is_alive():
                time.sleep(0.01)
        begun = time.monotonic() - started
        ended = self._harness.ended(process)
        typical = Typical(begun, time.monotonic() - started)
        if stage.outcome(ended, reason) != "all of it, exit 0":
            raise Violation(f"without any fault: {ended}")
        return typical

    def _strike(self, process: ForkProcess, killed: str, watch: psycopg.Connection, typical: Typical) -> str:
        """Wait for a moment, and kill; what the command was about then. Half of the moments are around the commit."""
        seen = self._moment(process, watch, typical)
        while seen.pid is None and "session" in killed and process.is_alive():
            time.sleep(0.005)
            seen = self._harness.look(watch)
        phase = seen.phase
        if not process.is_alive():
            phase = "ended"
        with suppress(ProcessLookupError):
            if killed == "the command":
                process.kill()
            elif killed == "the server":
                self._harness.kill_server()
            elif seen.pid is not None and killed == "its session":
                watch.execute("SELECT pg_terminate_backend(%s)", [seen.pid])
            elif seen.pid is not None:
                os.kill(seen.pid, signal.SIGKILL)
        return phase

    def _moment(self, process: ForkProcess, watch: psycopg.Connection, typical: Typical) -> Seen:
        choice = random.random()
        if choice < 0.15:
            time.sleep(random.uniform(0, typical.ended))
            return self._harness.look(watch)
        wanted = ("reading", "writing", "committing") if choice < 0.6 else ("committing",)
        seen = self._harness.look(watch)
        while seen.phase not in wanted and process.is_alive():
            time.sleep(0.003)
            seen = self._harness.look(watch)
        longest = 2 * COMMIT_DELAY / 1e6 if wanted == ("committing",) else 1.1 * (typical.ended - typical.begun)
        time.sleep(random.uniform(0, longest))
        return self._harness.look(watch)


@contextmanager
def durable_server() -> Iterator[Cluster]:
    """A server of its own that keeps what it has said to have kept; it is removed at the end."""
    connection.settings_dict |= {"NAME": OWNER, "CLUSTER": CLUSTER}
    cluster = cluster_named(CLUSTER)
    cluster.wipe()
    try:
        cluster.hold()
        with cluster.server.connect() as superuser:
            superuser.execute(f"ALTER ROLE {OWNER} SET commit_delay = {COMMIT_DELAY}")
            superuser.execute(f"ALTER ROLE {OWNER} SET commit_siblings = 0")
        call_command("migrate", verbosity=0)
        yield cluster
    finally:
        connection.close()
        cluster.release()
        cluster.wipe()


def report(counts: Counter[tuple[str, str, str]]) -> str:
    """How often what was killed when, and what became of it."""
    outcomes = sorted({outcome for *_, outcome in counts})
    pairs = sorted({(killed, phase) for killed, phase, _ in counts})
    rows = [
        (f"{killed}: {phase}", *(str(counts[killed, phase, outcome] or "–") for outcome in outcomes))
        for killed, phase in pairs
    ]
    sums = (str(sum(n for (*_, o), n in counts.items() if o == outcome)) for outcome in outcomes)
    return table("What was killed, and when", ("killed: while", *outcomes), [*rows, ("all", *sums)])


def main() -> None:
    """Run so many rounds; exit 1 where anything was that must not be."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, metavar="N", help="how many (100)")
    parser.add_argument("--minutes", type=float, default=float("inf"), metavar="M", help="end after so many at most")
    parser.add_argument("--seed", type=int, metavar="N", help="what chance follows from; the server's own is left")
    options = parser.parse_args()
    random.seed(options.seed)
    say: Callable[[str], object] = lambda text: print(text, flush=True)  # noqa: E731
    started = time.monotonic()
    with durable_server() as cluster, tempfile.TemporaryDirectory() as folder:
        harness = Harness(cluster, Path(folder))
        rounds = Rounds(harness)
        for number in range(1, options.rounds + 1):
            if time.monotonic() - started > options.minutes * 60:
                break
            rounds.run(number)
            if number % 25 == 0:
                passed = f"{number} rounds, {time.monotonic() - started:.0f} s, load {os.getloadavg()[0]:.1f}"
                say(f"{passed}; {len(rounds.violations)} violations")
        sound = all(found.sound for found in verify())
        say(f"\n{rounds.counts.total()} rounds in {time.monotonic() - started:.0f} s; all chains fit: {sound}\n")
        say(report(rounds.counts))
        say("\nWhat the commands said:")
        for sentence, times in harness.said.most_common():
            say(f"{times:5}  {sentence}")
        for violation in rounds.violations:
            say(f"VIOLATION  {violation}")
    sys.exit(bool(rounds.violations) or not sound)


if __name__ == "__main__":
    main()
