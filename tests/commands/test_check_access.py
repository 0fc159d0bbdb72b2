"""check_access answers one question with yes or no, and many with a JSON object a line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.access import questions
from apps.access.operators import open_session
from apps.access.questions import answers
from apps.accounts.models import Account, User
from apps.orgfiles import organisation
from apps.teams.models import Membership
from tests.commands.conftest import Run
from tests.orgfiles.files import ACME, ANN, BEN, CEM, DORA, ZOE
from tests.orgfiles.files import acme as acme_with

pytestmark = pytest.mark.django_db


def batch(run: Run, *lines: Any, explain: bool = False) -> list[Any]:
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    result = run("check_access", "--batch", "-", *(["--explain"] if explain else []), stdin=text)
    return [json.loads(line) for line in result.lines]


class TestOneQuestion:
    def test_yes(self, acme: Account, run: Run) -> None:
        result = run("check_access", BEN, "view_company", "company:acme/C-1")
        assert (result.code, result.out, result.err) == (0, "yes\n", "")

    def test_no_is_an_answer_too(self, acme: Account, run: Run) -> None:
        result = run("check_access", BEN, "delete_company", "company:acme/C-1")
        assert (result.code, result.out, result.err) == (0, "no\n", "")

    def test_a_permission_may_be_named_with_its_app_and_an_address_in_capitals(self, acme: Account, run: Run) -> None:
        assert run("check_access", BEN.upper(), "crm.view_company", "company:acme/C-1").out == "yes\n"

    @pytest.mark.parametrize(
        ("permission", "target", "answer"),
        [("manage_subscription", "account:acme", "yes\n"), ("view_billing", "branch:acme/north", "yes\n")],
    )
    def test_accounts_and_branches_are_targets(
        self, acme: Account, run: Run, permission: str, target: str, answer: str
    ) -> None:
        assert run("check_access", ANN, permission, target).out == answer
        assert run("check_access", DORA, permission, target).out == "no\n"

    def test_json(self, acme: Account, run: Run) -> None:
        assert run("check_access", BEN, "view_company", "company:acme/C-1", "--json").out == '{"allowed": true}\n'

    def test_explained(self, acme: Account, run: Run) -> None:
        assert run("check_access", BEN, "view_company", "company:acme/C-1", "--explain").lines == [
            "yes",
            "- Ben Baker is Member on North. The role gives “View companies: If responsible”.",
            "- C-1 is within this scope: Ben Baker owns it.",
        ]

    def test_a_no_is_explained_with_what_would_make_it_a_yes(self, acme: Account, run: Run) -> None:
        lines = run("check_access", BEN, "delete_company", "company:acme/C-1", "--explain").lines
        assert lines[0] == "no"
        assert "- Ben Baker is Member on North. The role gives “Delete companies: Prohibited”." in lines
        fixes = lines[lines.index("What would make it a yes:") + 1 :]
        assert fixes[0].endswith("Ann Archer can do that.")

    def test_explained_in_json(self, acme: Account, run: Run) -> None:
        found = json.loads(run("check_access", BEN, "delete_company", "company:acme/C-1", "--explain", "--json").out)
        assert found.keys() == {"allowed", "why", "fixes"}
        assert (found["allowed"], bool(found["why"]), bool(found["fixes"])) == (False, True, True)

    def test_a_user_of_another_account_is_a_user_who_may_not(self, acme: Account, run: Run) -> None:
        User.objects.create_user("eve@other.example", name="Eve")
        assert run("check_access", "eve@other.example", "view_company", "company:acme/C-1").out == "no\n"

    def test_a_private_contact_is_nobody_elses(self, acme: Account, run: Run) -> None:
        assert run("check_access", BEN, "view_contact", "contact:acme/P-1").out == "yes\n"
        assert run("check_access", ANN, "view_contact", "contact:acme/P-1").out == "no\n"

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("nobody@acme.example", "view_lead", "lead:acme/L-17"), 'There is no user "nobody@acme.example".'),
            ((ANN, "fly", "lead:acme/L-17"), 'There is no permission "fly".'),
            ((ANN, "teams.view_lead", "lead:acme/L-17"), 'There is no permission "teams.view_lead".'),
            ((ANN, "view_lead", "lead:acme/L-1"), 'There is no lead "L-1" in the account "acme".'),
            ((ANN, "view_lead", "lead:globex/L-17"), 'There is no lead "L-17" in the account "globex".'),
            ((ANN, "view_branch", "branch:acme/west"), 'There is no branch "west" in the account "acme".'),
            ((ANN, "add_branch", "account:globex"), 'There is no account "globex".'),
            ((ANN, "view_page", "page:acme/W-1"), 'There is no page "W-1" in the account "acme".'),
            (
                (ANN, "view_lead", "beer:acme/B-1"),
                'There is no record type "beer". Choose from lead, contact, company,',
            ),
            ((ANN, "view_lead", "branch:acme/north"), "view_lead is asked of a lead, not of a branch."),
            ((ANN, "view_lead", "company:acme/C-1"), "view_lead is asked of a lead, not of a company."),
            ((ANN, "view_billing", "account:acme"), "view_billing is asked of a branch, not of an account."),
            ((ANN, "add_lead", "lead:acme/L-17"), "add_lead is asked of a branch, not of a lead."),
        ],
    )
    def test_what_does_not_exist_is_named_in_a_sentence(
        self, acme: Account, run: Run, arguments: tuple[str, ...], sentence: str
    ) -> None:
        result = run("check_access", *arguments)
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith(sentence)
        assert result.err.count("\n") == 1

    @pytest.mark.parametrize(
        "arguments",
        [
            (),
            (ANN,),
            (ANN, "view_lead"),
            (ANN, "view_lead", "L-17"),
            (ANN, "view_lead", "lead:acme"),
            (ANN, "view_lead", "account:acme/north"),
            (ANN, "view_lead", "lead:acme/L-17", "more"),
            (ANN, "view_lead", "lead:acme/L-17", "--loud"),
            (ANN, "--batch", "questions.jsonl"),
        ],
    )
    def test_arguments_that_are_off_end_with_2(self, run: Run, arguments: tuple[str, ...]) -> None:
        result = run("check_access", *arguments)
        assert (result.code, result.out) == (2, "")
        assert result.err

    def test_a_reference_may_be_any_text(self, run: Run) -> None:
        refs = ["Ü 7/b", "lead:acme/L-1", " ", "- -"]
        rows = [{"type": "lead", "ref": ref, "branch": "north"} for ref in refs if ref.strip()]
        organisation.create(organisation.parse(acme_with(records=rows, shares=[])))
        for ref in refs:
            result = run("check_access", ANN, "view_lead", f"lead:acme/{ref}")
            assert result.out == ("yes\n" if ref.strip() else "")


class TestManyQuestions:
    def test_the_three_kinds_of_lines_are_answered_in_order(self, acme: Account, run: Run) -> None:
        assert batch(
            run,
            {"user": BEN, "permission": "view_company", "target": "company:acme/C-1"},
            {"user": ANN, "permission": "view_contact", "list": "acme"},
            {"permission": "view_company", "who": "company:acme/C-1"},
            {"user": DORA, "permission": "crm.view_company", "target": "company:acme/C-1"},
            {"permission": "manage_subscription", "who": "account:acme"},
            {"permission": "view_billing", "who": "branch:acme/south"},
        ) == [
            {"allowed": True},
            {"references": []},
            {"users": [ANN, BEN, ZOE]},
            {"allowed": False},
            {"users": [ANN]},
            {"users": [BEN, ZOE]},
        ]

    def test_explained_lines_say_why(self, acme: Account, run: Run) -> None:
        (answer,) = batch(run, {"user": ZOE, "permission": "view_lead", "target": "lead:acme/L-17"}, explain=True)
        assert answer == {
            "allowed": True,
            "why": [
                "Zoe Zimmer has the parent role Viewer, which gives “View leads” on every branch.",
                "Zoe Zimmer is not a member of North.",
            ],
        }

    def test_explained_answers_are_the_same_answers(self, acme: Account, run: Run) -> None:
        lines = [
            {"user": user, "permission": permission, "target": target}
            for user in (ANN, BEN, CEM, DORA, ZOE)
            for permission, target in (("view_contact", "contact:acme/P-1"), ("change_activity", "activity:acme/N-1"))
        ]
        plain = [answer["allowed"] for answer in batch(run, *lines)]
        assert [answer["allowed"] for answer in batch(run, *lines, explain=True)] == plain
        assert True in plain
        assert False in plain

    def test_references_are_sorted_by_code_point(self, run: Run) -> None:
        refs = ["a", "B", "ä", "L-10", "L-9", "Z", "😀", "\uff21"]
        rows = [{"type": "lead", "ref": ref, "branch": "north"} for ref in refs]
        organisation.create(organisation.parse(acme_with(records=rows, shares=[])))
        (answer,) = batch(run, {"user": ANN, "permission": "view_lead", "list": "acme"})
        assert answer == {"references": ["B", "L-10", "L-9", "Z", "a", "ä", "\uff21", "😀"]}

    def test_a_permission_of_every_type_lists_the_records_of_every_type(self, acme: Account, run: Run) -> None:
        (answer,) = batch(run, {"user": BEN, "permission": "assign_record", "list": "acme"})
        assert answer == {"references": ["O-1", "P-2", "T-2"]}

    def test_a_permission_of_records_that_nobody_keeps_yet_lists_none(self, acme: Account, run: Run) -> None:
        assert batch(run, {"user": ANN, "permission": "view_project", "list": "acme"}) == [{"references": []}]

    @pytest.mark.parametrize(
        ("line", "error"),
        [
            ("nonsense", "The line is not valid JSON: Expecting value at column 1."),
            ("", "The line is not valid JSON: Expecting value at column 1."),
            ("[1]", "The line is not a JSON object."),
            ("[" * 100_000, "The line is not valid JSON: it is nested too deeply at column 51."),
            ({"user": ANN, "permission": "view_lead"}, "The keys are user, permission and target;"),
            ({"permission": "view_lead", "target": "lead:acme/L-17"}, "The keys are user, permission and target;"),
            (
                {"permission": "view_lead", "who": "lead:acme/L-17", "x": ""},
                "The keys are user, permission and target;",
            ),
            ({"user": 7, "permission": "view_lead", "target": "lead:acme/L-17"}, 'The value of "user" is not text.'),
            ({"user": "x@y", "permission": "view_lead", "target": "lead:acme/L-17"}, 'There is no user "x@y".'),
            ({"user": "\0", "permission": "view_lead", "target": "lead:acme/L-17"}, "There is no user"),
            ({"user": "\ud800", "permission": "view_lead", "list": "acme"}, "There is no user"),
            ({"user": ANN, "permission": "fly", "target": "lead:acme/L-17"}, 'There is no permission "fly".'),
            ({"user": ANN, "permission": "view_lead", "target": "lead:acme/\0"}, "There is no lead"),
            (
                {"user": ANN, "permission": "view_lead", "target": "L-17"},
                '"L-17" is not a valid target. Write account:SLUG',
            ),
            (
                {"user": ANN, "permission": "view_lead", "target": "branch:acme/north"},
                "view_lead is asked of a lead, not",
            ),
            (
                {"user": ANN, "permission": "view_billing", "target": "account:acme"},
                "view_billing is asked of a branch",
            ),
            (
                {"user": ANN, "permission": "view_billing", "list": "acme"},
                "view_billing is asked of a branch, not of a r",
            ),
            ({"user": ANN, "permission": "view_lead", "list": "globex"}, 'There is no account "globex".'),
            ({"permission": "view_lead", "who": "branch:acme/north"}, "view_lead is asked of a lead, not of a branch."),
            ({"permission": "view_lead", "who": "lead:acme/L-1"}, 'There is no lead "L-1" in the account "acme".'),
        ],
    )
    def test_a_line_that_cannot_be_answered_says_so_and_the_rest_goes_on(
        self, acme: Account, run: Run, line: Any, error: str
    ) -> None:
        good = json.dumps({"user": ANN, "permission": "view_lead", "target": "lead:acme/L-17"})
        text = f"{good}\n{line if isinstance(line, str) else json.dumps(line)}\n{good}\n"
        result = run("check_access", "--batch", "-", stdin=text)
        first, wrong, last = (json.loads(answer) for answer in result.lines)
        assert first == last == {"allowed": True}
        assert wrong.keys() == {"error"}
        assert wrong["error"].startswith(error)
        assert result.code == 1
        assert result.err == "1 of 3 lines failed. Each says why.\n"

    def test_bytes_that_are_no_utf8_are_an_error_on_their_line(self, acme: Account, run: Run) -> None:
        result = run("check_access", "--batch", "-", stdin=b'{"user": "\xff"}\n')
        assert json.loads(result.out) == {"error": "The line is not UTF-8: byte 0xff at position 10."}

    def test_a_file_is_read_and_answered_without_an_error(self, acme: Account, run: Run, tmp_path: Path) -> None:
        file = tmp_path / "questions.jsonl"
        file.write_text(json.dumps({"permission": "view_lead", "who": "lead:acme/L-17"}) + "\r\n")
        result = run("check_access", "--batch", str(file))
        assert (result.code, result.out, result.err) == (0, '{"users": ["ann@acme.example", "zoe@acme.example"]}\n', "")
        assert run("check_access", "--batch", str(tmp_path / "none")).code == 1

    def test_no_lines_are_no_answers(self, run: Run) -> None:
        result = run("check_access", "--batch", "-", stdin="")
        assert (result.code, result.out, result.err) == (0, "", "")

    def test_operators_are_left_out_of_who_while_their_session_is_open(self, acme: Account, run: Run) -> None:
        User.objects.filter(email=ANN).update(is_superuser=True)
        asked = {"permission": "view_lead", "who": "lead:acme/L-17"}
        assert batch(run, asked) == [{"users": [ANN, ZOE]}]
        open_session(User.objects.get(email=ANN), reason="A customer asked for help")
        assert batch(run, asked) == [{"users": [ZOE]}]

    def test_what_changes_meanwhile_counts_from_the_next_chunk_on(
        self, acme: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(questions, "CHUNK", 2)
        lines = [json.dumps({"user": ANN, "permission": "view_lead", "target": "lead:acme/L-17"}).encode()] * 6
        found = answers(lines)
        assert [next(found)["allowed"], next(found)["allowed"]] == [True, True]
        Membership.objects.filter(user__email=ANN).update(status="removed", removed_at="2026-01-01T00:00:00Z")
        assert [answer["allowed"] for answer in found] == [False, False, False, False]

    @pytest.mark.parametrize(
        "question",
        [
            lambda user, ref: {"user": user, "permission": "change_company", "target": f"company:acme/{ref}"},
            lambda user, ref: {"permission": "export_company", "who": f"company:acme/{ref}"},
        ],
    )
    def test_many_lines_take_no_more_queries_than_a_few(
        self, run: Run, question: Callable[[str, str], dict[str, str]]
    ) -> None:
        rows = [
            {"type": "company", "ref": f"C-{n}", "branch": "north", "responsible": BEN, "created_by": CEM}
            for n in range(1, 101)
        ]
        organisation.create(organisation.parse(acme_with(records=rows)))
        lines = [json.dumps(question(user, f"C-{n}")).encode() for n in range(1, 101) for user in (ANN, BEN, DORA)]
        with CaptureQueriesContext(connection) as captured:
            assert all("error" not in answer for answer in answers(lines))
        assert len(captured) <= 30, [query["sql"][:100] for query in captured]


def test_the_answers_are_those_of_the_single_questions(acme: Account, run: Run) -> None:
    users = (ANN, BEN, CEM, DORA, ZOE)
    targets = [f"{row['type']}:acme/{row['ref']}" for row in ACME["records"]]
    asked = [(user, f"view_{target.partition(':')[0]}", target) for user in users for target in targets]
    many = batch(run, *({"user": u, "permission": p, "target": t} for u, p, t in asked))
    one_by_one = [json.loads(run("check_access", u, p, t, "--json").out) for u, p, t in asked]
    assert many == one_by_one
