"""One run of the generator, all or nothing."""

from __future__ import annotations

from apps.accounts.models import Account, Branch
from apps.audit.services import EntryValues, OperationInProgress, operation
from apps.crm.verbs import ACCOUNT_GENERATED
from apps.orgfiles.generation import people, records
from apps.orgfiles.generation.plan import RECORD_KINDS, LoadPlan, check


def generate(plan: LoadPlan, progress: records.Progress = lambda rows: None) -> LoadPlan:
    """Make what the plan asks for in one transaction; returns the plan as it was carried out.

    The same plan on the same account makes the same people and records. It is the operator's act, and one operation in
    the log; the records have no history, since nobody made them.

    Raises:
        GenerationRefused: the plan makes no sense here; nothing was written.
    """
    plan = check(plan)
    reason = f"Generated for load tests with the seed {plan.seed}"
    with operation(verb=ACCOUNT_GENERATED, actor=None, reason=reason) as written:
        account = people.account_of(plan)
        people.add_branches(account, plan.branches or 0)
        branches = list(account.branches.filter(status=Branch.Status.ACTIVE).order_by("pk"))
        people.add_members(account, branches, plan)
        people.add_teams(account, branches, plan)
        run = records.begin(account, plan.seed)
        for name, record_type in RECORD_KINDS.items():
            records.add_records(run, record_type, plan.counts[name], progress)
        records.add_shares(run, plan.shares, progress)
        records.analyze()
        _add_summary(written, account, plan)
    return plan


def _add_summary(written: OperationInProgress, account: Account, plan: LoadPlan) -> None:
    counts = {name: count for name, count in plan.counts.items() if count}
    summary = EntryValues(
        target_type="crm.generation",
        target_id=account.pk,
        target_text=account.name,
        after={"slug": account.slug, "counts": counts},
    )
    written.add(account.pk, [summary])
