"""Plants bugs in a copy of the project, one at a time, and shows that the tests of the law catch each of them.

Run as `python -m tests.mutants`; with words, only the bugs whose name contains one of them. Exit 0: all were caught.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("apps", "config", "tests", "templates", "static", "manage.py", "pyproject.toml")
QUICK = {"MANDATE_RANDOM_WORLDS": "120", "MANDATE_SMALL_WORLDS_EVERY": "7", "MANDATE_EVERY_CHANGE_WORLD": "30"}
QUICK |= {"MANDATE_CHANGED_WORLDS": "8"}
SMALL, RANDOM = "tests/access/test_small_worlds.py", "tests/access/test_random_worlds.py"
KEPT = "tests/access/test_mandates.py"
HOSTILE = "tests/access/test_hostile.py"
TABLE, RACES, KINDS = (f"tests/changes/test_{name}.py" for name in ("table", "races", "roles_and_overrides"))
MEMBERS, PREVIEW, UNDO = (f"tests/changes/test_{name}.py" for name in ("members", "preview", "undo"))


class Mutant(NamedTuple):
    """A bug: in which file which text becomes which other, and the tests that have to notice."""

    name: str
    file: str
    right: str
    wrong: str
    tests: str


JUDGE, WIDTH = "apps/changes/guards/judging.py", "apps/changes/guards/comparison.py"
MANDATE, QUERYSETS, LISTS = "apps/access/mandate.py", "apps/access/querysets.py", "apps/access/lists.py"
MUTANTS = (
    Mutant(
        "prerequisites are forgotten",
        MANDATE,
        "        for needed in self._scheme.closure(codename, record_type):\n            clause",
        "        for needed in (codename,):\n            clause",
        SMALL,
    ),
    Mutant(
        "an override counts at the instant of its end",
        MANDATE,
        "override.expires_at <= self.now",
        "override.expires_at < self.now",
        SMALL,
    ),
    Mutant(
        "a locked role takes overrides",
        MANDATE,
        "if role.locked or not grant.grantable:",
        "if not grant.grantable:",
        SMALL,
    ),
    Mutant(
        "what is never grantable is granted by an override",
        MANDATE,
        "if role.locked or not grant.grantable:",
        "if role.locked:",
        SMALL,
    ),
    Mutant("a removed member keeps the role", MANDATE, "if membership.active and branch in", "if branch in", SMALL),
    Mutant(
        "memberships of a closed branch count",
        MANDATE,
        "if membership.active and branch in facts.account.open_branches",
        "if membership.active",
        SMALL,
    ),
    Mutant("privacy is not passed on", MANDATE, "            seen = seen.about", "            seen = None", SMALL),
    Mutant(
        "an activity is seen without what it is about",
        MANDATE,
        "if catalogue.record_type(record.record_type).follows_about:",
        "if False:",
        SMALL,
    ),
    Mutant("a deactivated user keeps the rights", MANDATE, "if not self.facts.active:", "if False:", SMALL),
    Mutant("a closed account stays open", MANDATE, 'if account.status == "closed" and', "if False and", SMALL),
    Mutant(
        "an override joins the role instead of replacing it",
        MANDATE,
        "                yield Step(Reason.OVERRIDE, override.scope, role, override)\n                return\n",
        "                yield Step(Reason.OVERRIDE, override.scope, role, override)\n",
        SMALL,
    ),
    Mutant(
        "a share of view counts for every verb",
        "apps/access/shares.py",
        "        return codename\n    return",
        '        return f"view_{record_type}"\n    return',
        SMALL,
    ),
    Mutant(
        "the scheme's own prerequisites are forgotten",
        "apps/roles/schemes.py",
        "catalogue.closure(codename, type_name, self.extra_needs)",
        "catalogue.closure(codename, type_name)",
        SMALL,
    ),
    Mutant(
        "the account asks for a right on every branch",
        MANDATE,
        "any(self._effective(profile, needed).scope for profile in profiles)",
        "all(self._effective(profile, needed).scope for profile in profiles)",
        RANDOM,
    ),
    Mutant("the plan is not looked at", MANDATE, "if permission.feature and", "if False and", RANDOM),
    Mutant(
        "operators stand among those who may",
        "apps/access/facts.py",
        "~Exists(operating), pk__in=ids",
        "pk__in=ids",
        RANDOM,
    ),
    Mutant(
        "the list forgets privacy",
        QUERYSETS,
        "    condition = privacy_q(mandate, model)",
        "    condition = Q()",
        RANDOM,
    ),
    Mutant(
        "the list joins clauses that have to meet", QUERYSETS, "condition &= reached", "condition |= reached", RANDOM
    ),
    Mutant(
        "the list shows activities of what is unseen",
        QUERYSETS,
        "return condition & within",
        "return condition",
        RANDOM,
    ),
    Mutant(
        "the list takes the first branch's team-mates everywhere",
        QUERYSETS,
        "membership.mates if asks_mates else frozenset(),",
        "frozenset(),",
        RANDOM,
    ),
    Mutant(
        "team shares of other branches count",
        "apps/access/facts.py",
        "groups[user, branch].add(group)",
        "[groups[user, other].add(group) for other, _ in members]",
        HOSTILE,
    ),
    Mutant(
        "a membership's change leaves kept answers standing",
        "apps/teams/migrations/0001_initial.py",
        '        RaisesAccessVersion("Membership"),\n',
        "",
        KEPT,
    ),
    Mutant(
        "a kept answer outlives an override",
        "apps/access/mandate_cache.py",
        "if mandate.valid_until is None or timezone.now() < mandate.valid_until:",
        "if True:",
        KEPT,
    ),
    *(
        Mutant(f"nobody asks {guard.lower()}", JUDGE, f"            (Guard.{guard}, {asked}),\n", "", TABLE)
        for guard, asked in (
            ("ONESELF", "self._oneself"),
            ("RIGHT", "self._right"),
            *(
                (guard, f"partial(structure.{guard.lower()}, self._case)")
                for guard in ("SHIELD", "PUBLISHED", "SINGLE", "LOCKED", "LADDER")
            ),
            ("ABOVE", "self._width.above"),
            ("ESCALATION", "self._width.escalation"),
        )
    ),
    Mutant("an overtaken form is written", JUDGE, "            (Guard.FRESH, self._fresh),\n", "", KINDS),
    Mutant(
        "what is given is compared now and not until its end",
        WIDTH,
        "        return [now, *sorted(end for end in ends if end > now)]",
        "        return [now]",
        KINDS,
    ),
    Mutant(
        "a right of the account counts on one branch alone",
        WIDTH,
        "        if catalogue.get(codename).target is catalogue.Target.ACCOUNT:\n            return mandate.everywhere",
        "        if False:\n            return mandate.everywhere",
        KINDS,
    ),
    Mutant(
        "putting somebody into a team gives nothing",
        WIDTH,
        "        elif row.model is TeamMember and row.before is None:",
        "        elif row.model is TeamMember and row.before is not None:",
        TABLE,
    ),
    Mutant(
        "nobody has to be left",
        "apps/changes/guards/last_keeper.py",
        "        if not now.branches and not now.supreme and",
        "        if False and",
        MEMBERS,
    ),
    Mutant(
        "a change does not lock the account",
        "apps/changes/context.py",
        "Account.objects.select_for_update(no_key=True).filter(pk=account_id)",
        "Account.objects.filter(pk=account_id)",
        RACES,
    ),
    Mutant(
        "a change without a reason is written",
        "apps/audit/guards.py",
        "coalesce(current_setting('mandate.reason', true), '') !~ '\\S'",
        "false",
        "tests/audit/test_audited.py",
    ),
    Mutant(
        "a preview counts what it touches twice",
        "apps/changes/previews/temp_tables.py",
        "        if model.record_type not in self.types:\n            return rows",
        "        if model.record_type not in self.types or True:\n            return rows",
        PREVIEW,
    ),
    Mutant(
        "a preview tells of private contacts",
        "apps/changes/previews/temp_tables.py",
        'self._mark("told", name, self.told(model))',
        'self._mark("told", name, self.told(model, self.actor.user_id))',
        PREVIEW,
    ),
    Mutant(
        "a preview counts what the actor does not see",
        "apps/changes/previews/temp_tables.py",
        'rows = visible(self.actor, f"view_{model.record_type}", model.record_type).order_by()\n        return',
        "rows = model._default_manager.filter(account=self.actor.account_id).order_by()\n        return",
        PREVIEW,
    ),
    Mutant(
        "a preview forgets the team-mates of whoever receives records",
        "apps/changes/previews/people.py",
        "    yield from _ids(TeamMember.objects.filter(account=account, team__in=teams))",
        "    yield from _ids(TeamMember.objects.filter(account=account, team__in=teams).none())",
        PREVIEW,
    ),
    Mutant(
        "a preview takes what is about a record that is handed over for untouched",
        "apps/changes/previews/temp_tables.py",
        "if about in self.types and (within or can_be_private(self.types[about])):",
        "if about in self.types and within and can_be_private(self.types[about]):",
        PREVIEW,
    ),
    Mutant(
        "a preview's sums leave out what only the scope of all shows",
        "apps/changes/previews/aggregates.py",
        "        for (number, branch_id, is_open), count in left.items():",
        "        for (number, branch_id, is_open), count in {}.items():",
        PREVIEW,
    ),
    Mutant(
        "a preview's sums leave out who reached nothing of what moves",
        "apps/changes/previews/aggregates.py",
        "            others = [pair for pair, number in rest.items() if number and differs(*sights(pair, place))]",
        "            others: list[Pair] = []",
        PREVIEW,
    ),
    Mutant(
        "a preview of very many looks at nobody twice",
        "apps/changes/previews/affected_users.py",
        'AFFECTED = "(before <> after OR moved)"',
        'AFFECTED = "(before <> after)"',
        PREVIEW,
    ),
    Mutant(
        "a queued preview is shown to whoever knows its number",
        "apps/changes/previews/queued.py",
        "filter(account=account_id, user=actor, address=address)",
        "filter(account=account_id, address=address)",
        "tests/changes/test_queued_previews.py",
    ),
    Mutant(
        "a preview's sums know no teams of the record's branch",
        "apps/changes/previews/reaching.py",
        'here = f"t.branch_id = {x}.branch_id"',
        'here = f"t.branch_id <> {x}.branch_id"',
        PREVIEW,
    ),
    Mutant(
        "a preview's orphans are seen by operators",
        "apps/changes/previews/orphans.py",
        "            if facts.operator:\n",
        "            if False:\n",
        PREVIEW,
    ),
    Mutant(
        "a preview does not look at the end of an override",
        "apps/changes/previews/people.py",
        "    return effective.scope, ends[0] if ends else None",
        "    return effective.scope, None",
        PREVIEW,
    ),
    Mutant(
        "an undoing does not look at what stands",
        "apps/changes/undo.py",
        "            if not left.stands(now[left], left.after)",
        "            if False",
        UNDO,
    ),
    Mutant(
        "an undoing puts the whole row back",
        "apps/changes/undo.py",
        "**{name: left.before[name] for name in left.columns}",
        "**left.before",
        UNDO,
    ),
    Mutant(
        "an undoing of leaving is leaving",
        "apps/changes/undo.py",
        "return kind.terms if kind.undo_terms is None else kind.undo_terms",
        "return kind.terms",
        UNDO,
    ),
    Mutant(
        "an undoing takes away what others hang on",
        "apps/changes/undo_conflicts.py",
        "            if others.exclude(pk__in=self._own(others.model)).exists():",
        "            if others.none().exists():",
        UNDO,
    ),
    Mutant(
        "an undoing forgets the reasons of the kind",
        "apps/changes/undo.py",
        "                self.kind.check_undo(self.context, diff)\n",
        "",
        UNDO,
    ),
    Mutant(
        "an undoing of the scheme leaves newcomers behind",
        "apps/changes/undo.py",
        "        self._check_nobody_came()\n        entries",
        "        entries",
        UNDO,
    ),
    Mutant(
        "an undoing reads the other accounts' log",
        "apps/changes/undo.py",
        "Operation.objects.of_account(context.account.pk).filter(pk=operation_id)",
        "Operation.objects.filter(pk=operation_id)",
        UNDO,
    ),
)


def main(words: list[str]) -> int:
    """Plant each chosen bug, and tell whether the tests failed as they should. Returns how many went unnoticed.

    The tests have to pass without any of them first.
    """
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        place = Path(folder)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, place / name)
        for tests in sorted({mutant.tests for mutant in chosen}):
            if (run := _run(place, tests)).returncode != 0:
                raise SystemExit(f"{tests} fails without a planted bug\n{run.stdout[-3000:]}{run.stderr[-3000:]}")
        for mutant in chosen:
            started = time.monotonic()
            caught = _is_caught(place, mutant)
            survivors += not caught
            sys.stdout.write(
                f"{'caught' if caught else 'MISSED'}  {time.monotonic() - started:5.1f} s  {mutant.name}\n"
            )
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - survivors} of {len(chosen)} planted bugs caught\n")
    return survivors


def _is_caught(place: Path, mutant: Mutant) -> bool:
    file = place / mutant.file
    right = file.read_text("utf-8")
    if right.count(mutant.right) != 1:
        raise SystemExit(f"{mutant.name}: the text to change stands {right.count(mutant.right)} times in {mutant.file}")
    file.write_text(right.replace(mutant.right, mutant.wrong), "utf-8")
    try:
        run = _run(place, mutant.tests)
    finally:
        file.write_text(right, "utf-8")
    if run.returncode not in (0, 1):
        raise SystemExit(f"{mutant.name}: the tests did not run\n{run.stdout[-3000:]}{run.stderr[-3000:]}")
    return run.returncode == 1


def _run(place: Path, tests: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", tests],
        cwd=place,
        env={**os.environ, **QUICK, "MANDATE_TEST_DB": f"test_mutants_{os.getpid()}"},
        capture_output=True,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
