"""Pipelines in an organisation file: what it names, what it means where it names none, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import Account
from apps.crm.models import Opportunity, OpportunityStatus, Pipeline
from apps.orgfiles import organisation
from tests.orgfiles.files import acme, read, refusals
from tests.orgfiles.test_round_trip import exported, imported

pytestmark = pytest.mark.django_db
PIPELINES: list[dict[str, Any]] = [
    {
        "name": "New business",
        "statuses": [
            {"name": "Proposal", "outcome": "open", "probability": 40},
            {"name": "Signed", "outcome": "won", "probability": 100},
        ],
    },
    {"name": "Renewals", "statuses": [{"name": "Due"}, {"name": "Proposal", "probability": 70, "offered": False}]},
    {"name": "Old ways", "offered": False},
]


def deal(ref: str = "O-1", **values: Any) -> dict[str, Any]:
    return {"type": "opportunity", "ref": ref, "branch": "north", "name": "Staplers", **values}


def with_deals(*deals: dict[str, Any], pipelines: Any = PIPELINES) -> dict[str, Any]:
    found = acme(pipelines=pipelines, records=list(deals), shares=[])
    if pipelines is None:
        del found["pipelines"]
    return found


def created(*deals: dict[str, Any], pipelines: Any = PIPELINES) -> Account:
    return organisation.create(organisation.parse(with_deals(*deals, pipelines=pipelines)))


def stands(account: Account) -> dict[str, tuple[str, str]]:
    """Where each opportunity stands."""
    rows = Opportunity.objects.filter(account=account, status__isnull=False)
    return {
        reference: (pipeline, status)
        for reference, pipeline, status in rows.values_list("reference", "status__pipeline__name", "status__name")
    }


def test_the_file_says_all_of_its_pipelines_in_their_order() -> None:
    account = created()
    rows = OpportunityStatus.objects.filter(account=account)
    assert list(rows.values_list("pipeline__name", "name", "outcome", "probability", "offered")) == [
        ("New business", "Proposal", "open", 40, True),
        ("New business", "Signed", "won", 100, True),
        ("Renewals", "Due", "open", 0, True),
        ("Renewals", "Proposal", "open", 70, False),
    ]
    named = Pipeline.objects.filter(account=account).values_list("name", "offered")
    assert list(named) == [("New business", True), ("Renewals", True), ("Old ways", False)]


def test_a_status_is_found_by_its_name_or_in_the_pipeline_that_is_named() -> None:
    account = created(
        deal("O-1", status="Due"),
        deal("O-2", status="Proposal", pipeline="Renewals"),
        deal("O-3", status="Unheard of"),
        deal("O-4", status="Signed", pipeline="Renewals"),
        deal("O-5"),
    )
    assert stands(account) == {
        "O-1": ("Renewals", "Due"),
        "O-2": ("Renewals", "Proposal"),
        "O-3": ("New business", "Unheard of"),
        "O-4": ("Renewals", "Signed"),
    }
    added = OpportunityStatus.objects.filter(account=account, pipeline__name="Renewals")
    assert [status.name for status in added] == ["Due", "Proposal", "Signed"]


@pytest.mark.parametrize("pipelines", [None, []])
def test_a_file_without_pipelines_means_sales(pipelines: Any) -> None:
    account = created(
        deal("O-1", status="Proposal"),
        deal("O-2", status="Mine"),
        deal("O-3", status="Won", pipeline="Sales"),
        pipelines=pipelines,
    )
    assert stands(account) == {"O-1": ("Sales", "Proposal"), "O-2": ("Sales", "Mine"), "O-3": ("Sales", "Won")}
    assert Pipeline.objects.get(account=account).statuses.count() == 7


def test_all_of_it_comes_back() -> None:
    first = created(deal("O-1", status="Due"), deal("O-2", status="Proposal", pipeline="Renewals"))
    text = exported(first)
    lines = text.splitlines()
    begin = lines.index("pipelines:")
    assert lines[begin : begin + 11] == [
        "pipelines:",
        '  - name: "New business"',
        "    statuses:",
        "      - {name: Proposal, outcome: open, probability: 40}",
        "      - {name: Signed, outcome: won, probability: 100}",
        "  - name: Renewals",
        "    statuses:",
        "      - {name: Due, outcome: open, probability: 0}",
        "      - {name: Proposal, outcome: open, probability: 70, offered: false}",
        '  - name: "Old ways"',
        "    offered: false",
    ]
    due, proposal = (line for line in lines if "type: opportunity" in line)
    assert "pipeline:" not in due, "a name that stands in one pipeline says it all"
    assert "pipeline: Renewals, status: Proposal" in proposal or "status: Proposal, pipeline: Renewals" in proposal
    second = imported(text, "second")
    assert stands(second) == stands(first)
    assert exported(second) == text.replace("slug: acme,", "slug: second,")


def test_what_cannot_be_is_refused_with_its_place() -> None:
    twice = [{"name": "A", "statuses": [{"name": "New"}, {"name": "New"}]}, {"name": "A"}]
    assert refusals(with_deals(pipelines=twice)) == [
        "pipelines[1].name: A is listed twice.",
        "pipelines[0].statuses[1].name: New is listed twice in A.",
    ]
    assert refusals(with_deals(pipelines=[{"name": "A", "offered": False}])) == [
        "pipelines: none of them is offered: offer at least one for new opportunities."
    ]
    assert refusals(
        with_deals(deal("O-1", status="Proposal"), deal("O-2", status="Due", pipeline="Sales"), deal(pipeline="A"))
    ) == [
        "records[0].status: Proposal is in several pipelines: name one with the key pipeline,"
        " New business or Renewals.",
        "records[1].pipeline: there is no pipeline Sales: choose from New business, Renewals, Old ways.",
        "records[2].pipeline: needs a status: add the key status, or delete this key.",
        "records[2].ref: opportunity/O-1 is listed twice.",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{}", "acme.yaml, line 3, column 13: pipelines[0].name: is missing."),
        ("{name: ' '}", "pipelines[0].name: is blank."),
        (f"{{name: {'x' * 61}}}", "pipelines[0].name: is 61 characters long; at most 60 are allowed."),
        ("{name: A, statuses: [{name: N, probability: 101}]}", "probability: 101 is not between 0 and 100."),
        ("{name: A, statuses: [{name: N, outcome: maybe}]}", '"maybe" is not one of open, won, lost.'),
        ("{name: A, statuses: [{name: N, colour: red}]}", "statuses[0].colour: this key is unknown"),
        ("{name: A, status: []}", "pipelines[0].status: this key is unknown; did you mean statuses?"),
        ('{name: "A\\0"}', "contains a line break or an invisible character (U+0000)"),
        ("A", "pipelines[0]: must be a mapping"),
    ],
)
def test_bad_input_is_told_with_its_line(line: str, said: str) -> None:
    text = f"mandate: 1\naccount: {{slug: acme, scheme: atlas}}\npipelines: [{line}]\n"
    with pytest.raises(organisation.InvalidOrganisation) as refused:
        read(text)
    assert any(said in found for found in refused.value.lines), refused.value.lines


def test_a_lead_stands_in_no_pipeline() -> None:
    lead = {"type": "lead", "ref": "L-1", "branch": "north", "name": "A", "status": "New", "pipeline": "Renewals"}
    assert "records[0].pipeline: this key is unknown" in refusals(with_deals(lead))[0]
