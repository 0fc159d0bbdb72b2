"""Which invoices a member sees: a branch's with the permission there, the account's with the permission everywhere."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from apps.access.mandate import Mandate
from apps.billing.models import Payer


@dataclass(frozen=True, slots=True)
class BillingScope:
    """The open branches where the member has a permission; `all`: they have it on every open branch."""

    branches: frozenset[int]
    all: bool

    @classmethod
    def of(cls, mandate: Mandate, codename: str) -> BillingScope:
        """What the Mandate gives of a permission that is asked of branches."""
        opened = mandate.facts.account.open_branches
        visible_branches = frozenset(branch for branch in opened if mandate.allows(codename, branch))
        return cls(visible_branches, bool(opened) and visible_branches == opened)

    @property
    def rows(self) -> Q:
        """Return the visible rows with a `branch`; only members who see all see closed branches' invoices."""
        return Q() if self.all else Q(branch__in=self.branches)

    def has(self, payer: Payer) -> bool:
        """Return whether the payer's invoices are visible."""
        return self.all or payer.branch_id in self.branches
