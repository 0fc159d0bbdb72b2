"""The pipelines of the current account, with the opportunities that the person may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Count, Sum
from djmoney.money import Money

from apps.access.context import AccessContext
from apps.crm.models import Outcome, Pipeline


@dataclass(slots=True)
class Deals:
    """A number of opportunities and their total in each currency."""

    pk: int
    name: str
    count: int = 0
    totals: dict[str, Decimal] = field(default_factory=dict)

    def add(self, count: int, currency: str | None, total: Decimal | None) -> None:
        """Add opportunities and their worth."""
        self.count += count
        if currency is not None and total is not None:
            self.totals[currency] = self.totals.get(currency, Decimal()) + total

    @property
    def sums(self) -> list[Money]:
        """Return the totals, the largest first."""
        items = [Money(total, currency) for currency, total in self.totals.items()]
        return sorted(items, key=lambda sum_: (-sum_.amount, sum_.currency.code))


@dataclass(slots=True)
class StageDeals(Deals):
    """The deals of one status. `share` is how long their bar is, in per cent of the longest."""

    share: int = 0


@dataclass(slots=True)
class PipelineDeals(Deals):
    """The deals of one pipeline, status by status."""

    stages: list[StageDeals] = field(default_factory=list)


def pipelines_of(access: AccessContext) -> Sequence[Pipeline]:
    """The account's pipelines in their order, offered or not."""
    return access.once("pipelines", lambda: list(Pipeline.objects.filter(account=access.account_id)))


def has_several(access: AccessContext) -> bool:
    """Return whether a status needs its pipeline's name beside it."""
    return len(pipelines_of(access)) > 1


def my_pipelines(access: AccessContext) -> list[PipelineDeals]:
    """My open deals by pipeline and status, on the branches whose pipeline I may see.

    Opportunities without a status are in no pipeline.
    """
    places = [branch.pk for branch in access.branches_where("view_pipeline")]
    rows = access.rows("view_opportunity", "opportunity").filter(
        responsible=access.user, status__outcome=Outcome.OPEN, branch__in=places
    )
    groups = (
        rows.order_by("status__pipeline__position", "status__pipeline_id", "status__position", "status_id")
        .values_list("status__pipeline_id", "status__pipeline__name", "status_id", "status__name", "amount_currency")
        .annotate(deals=Count("pk"), total=Sum("amount"))
    )
    standings: dict[int, PipelineDeals] = {}
    stages: dict[int, StageDeals] = {}
    for pipeline_id, pipeline, status_id, status, currency, deals, total in groups:
        standing = standings.setdefault(pipeline_id, PipelineDeals(pipeline_id, pipeline))
        standing.add(deals, currency, total)
        if status_id not in stages:
            stages[status_id] = StageDeals(status_id, status)
            standing.stages.append(stages[status_id])
        stages[status_id].add(deals, currency, total)
    most = max((stage.count for stage in stages.values()), default=1)
    for stage in stages.values():
        stage.share = round(100 * stage.count / most)
    return list(standings.values())
