"""One question about a loaded lead: `may`, beside guardian's prefetched checker and pycasbin.

Shares are read beforehand for both, as a list of records does: no contestant touches the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from apps.access.lists import page
from apps.access.mandate_cache import bind_account, mandate_for
from apps.access.policy import asked_of, decide, may
from apps.access.records import RecordLike
from apps.access.shares import shared_codenames
from apps.accounts.models import Account
from apps.crm.models import Lead
from apps.roles.scopes import Scope
from bench.cast import Asker, askers
from bench.lists import Disagreement
from bench.measure import each
from bench.rivals import Casbin, Guardian
from bench.tables import Row, microseconds, ratio

HEADS = ("reach", "may", "guardian, prefetched", "ours/guardian", "pycasbin", "pycasbin/ours")


def questions(account: Account) -> Iterator[Row]:
    """`may view_lead` for each asker, on the leads of their first page."""
    for asker in askers(account):
        bind_account(asker.user, account)
        leads = list(page(mandate_for(asker.user, account.pk), "view_lead"))
        checker, enforcer = Guardian(asker.twin).checker(leads), Casbin(asker)
        ours = _question(account, asker, leads)
        contestants: dict[str, Callable[[Lead], bool]] = {
            "ours": ours,
            "guardian": partial(checker.has_perm, "view_lead"),
        }
        # pycasbin's policies know nothing of creators, teams and shares.
        if all(scope in (Scope.ALL, Scope.RESPONSIBLE) for scope in asker.scopes.values()):
            contestants["pycasbin"] = enforcer.may
        for name, ask in contestants.items():
            if not all(ask(lead) for lead in leads):
                raise Disagreement(f"Asked for {asker.reach}, {name} denies a lead on the asker's own page.")
        yield _row(asker, each(contestants, leads))


def _question(account: Account, asker: Asker, leads: list[Lead]) -> Callable[[Lead], bool]:
    if not any(scope & Scope.SHARED for scope in asker.scopes.values()):
        return lambda lead: may(asker.user, "view_lead", lead)
    mandate, permission = mandate_for(asker.user, account.pk), asked_of("view_lead", leads[0])
    shares = {lead.pk: shared_codenames(lead, asker.user.pk, ()) for lead in leads}

    def read(record: RecordLike, groups: frozenset[int]) -> frozenset[str]:
        return shares[record.pk]

    return lambda lead: decide(mandate, permission, lead, read)


def _row(asker: Asker, taken: dict[str, float]) -> Row:
    casbin = taken.get("pycasbin")
    return (
        asker.reach,
        microseconds(taken["ours"]),
        microseconds(taken["guardian"]),
        ratio(taken["ours"], taken["guardian"]),
        microseconds(casbin) if casbin else "–",
        ratio(casbin, taken["ours"]) if casbin else "–",
    )
