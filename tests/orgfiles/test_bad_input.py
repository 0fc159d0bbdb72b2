"""What an organisation file must not say: each is refused with its place, and nothing is left behind."""

from typing import Any

import pytest

from apps.accounts.models import Account, User
from apps.orgfiles import organisation
from apps.orgfiles.organisation import InvalidOrganisation
from tests.orgfiles.files import ACME, ANN, BEN, CEM, DORA, ZOE, acme, counts, refusals

pytestmark = pytest.mark.django_db


def more(section: str, *rows: dict[str, Any]) -> dict[str, Any]:
    """The organisation with these rows at the end of a section."""
    return acme(**{section: [*ACME[section], *rows]} if section in ACME else {section: list(rows)})


def without(section: str, key: str, index: int = 0) -> dict[str, Any]:
    """The organisation with a key left out of one row."""
    data = acme()
    rows = data[section]
    del (rows if key in rows else rows[index])[key]
    return data


def with_(section: str, index: int, **values: Any) -> dict[str, Any]:
    """The organisation with other values in one row."""
    data = acme()
    data[section][index] |= values
    return data


OVERRIDE = {"user": BEN, "branch": "south", "permission": "view_lead", "scope": "all", "reason": "To see"}
SHARE = {"record": "company/C-1", "user": ZOE, "permissions": ["view"], "reason": "To see"}
OWN = {"key": "auditor", "based_on": "employee", "grants": {}}
STAFF = {
    "account": {"slug": "acme", "scheme": "staff-ladder"},
    "users": ACME["users"],
    "branches": [{"slug": "main"}],
    "members": [{"user": ANN, "branch": "main", "role": "super_admin"}],
}
AMO = {
    "account": {"slug": "acme", "scheme": "amocrm"},
    "users": ACME["users"],
    "branches": [{"slug": "main"}],
    "members": [{"user": ANN, "branch": "main", "role": "administrator"}],
}
LEAD = {"type": "lead", "branch": "north"}
FIELD = {"type": "lead", "key": "extra", "kind": "text"}
NOT_CHOSEN = "custom_fields[8].choices: a field of the kind text can't have choices: delete this key."

CASES: list[tuple[dict[str, Any], str]] = [
    # the account's own fields
    (more("custom_fields", {"key": "extra", "kind": "text"}), "custom_fields[8].type: is missing."),
    (
        more("custom_fields", FIELD | {"type": "activity"}),
        'custom_fields[8].type: "activity" is not one of lead, contact',
    ),
    (more("custom_fields", FIELD | {"kind": "poem"}), 'custom_fields[8].kind: "poem" is not one of text, long_text'),
    (more("custom_fields", FIELD | {"key": "a b"}), 'custom_fields[8].key: "a b" is not a slug'),
    (
        more("custom_fields", FIELD | {"key": "segment"}),
        "custom_fields[8].key: lead/segment is listed twice",
    ),
    (
        more("custom_fields", FIELD | {"name": "topics"}),
        "custom_fields[8].name: another field of the type lead already",
    ),
    (more("custom_fields", FIELD | {"kind": "choice"}), "custom_fields[8].choices: is missing: a field of the kind"),
    (more("custom_fields", FIELD | {"choices": ["a"]}), NOT_CHOSEN),
    (
        more("custom_fields", FIELD | {"kind": "choice", "choices": ["a", "a"]}),
        'custom_fields[8].choices: "a" is listed twice.',
    ),
    (
        more("custom_fields", FIELD | {"kind": "choice", "choices": [" "]}),
        "custom_fields[8].choices: contains an empty choice: delete it.",
    ),
    (
        more("custom_fields", FIELD | {"kind": "choice", "choices": ["a"], "former_choices": ["a"]}),
        'custom_fields[8].former_choices: "a" is among the choices, too.',
    ),
    (
        more("custom_fields", FIELD | {"kind": "choice", "choices": [str(number) for number in range(101)]}),
        "custom_fields[8].choices: has 101 entries; at most 100 are allowed.",
    ),
    (
        more("custom_fields", *(FIELD | {"key": f"key-{number}"} for number in range(49))),
        "custom_fields[56]: exceeds the limit of 50 fields of the type lead.",
    ),
    (with_("records", 0, custom=["fleet"]), "records[0].custom: must be a mapping of keys to values, not a list."),
    (with_("records", 0, custom={"flet": 1}), "records[0].custom.flet: this key is unknown; did you mean fleet?"),
    (with_("records", 0, custom={"segment": "B2B"}), "records[0].custom.segment: this key is unknown"),
    (with_("records", 0, custom={"fleet": "many"}), 'records[0].custom.fleet: must be a number, not "many".'),
    (
        with_("records", 0, custom={"fleet": 10**14}),
        "records[0].custom.fleet: Enter a number with 14 digits at most",
    ),
    (with_("records", 0, custom={"since": "2019"}), "records[0].custom.since: must be a date such as 2027-01-31"),
    (with_("records", 0, custom={"vip": "no"}), 'records[0].custom.vip: must be true or false, not "no".'),
    (with_("records", 0, custom={"shop": "initech"}), "records[0].custom.shop: Enter a web address, such as"),
    (with_("records", 0, custom={"motto": ["a"]}), "records[0].custom.motto: must be text, not a list."),
    (with_("records", 0, custom={"motto": "a" * 256}), "records[0].custom.motto: Enter 255 characters at most"),
    (
        with_("records", 3, custom={"segment": "Public"}),
        "records[3].custom.segment: “Public” is not one of the choices.",
    ),
    (with_("records", 3, custom={"topics": "Toner"}), 'records[3].custom.topics: must be a list, not "Toner".'),
    (with_("records", 7, custom={"fleet": 1}), "records[7].custom: this key is unknown"),
    # keys and kinds
    (acme(user=[]), "user: this key is unknown; the allowed keys are mandate, account, users, branches"),
    (acme(mandate=2), 'mandate: is "2", but this program reads only files of version 1.'),
    (with_("users", 1, role="owner"), "users[1].role: this key is unknown; the allowed keys are email"),
    (with_("users", 1, superuser=True), "users[1].superuser: this key is unknown; the allowed keys are email, name"),
    (with_("records", 3, amount=5), "records[3].amount: this key is unknown"),
    (with_("records", 3, private=True), "records[3].private: this key is unknown"),
    (with_("records", 3, about="company/C-1"), "records[3].about: this key is unknown"),
    (acme(users={}), "users: must be a list, not a mapping."),
    (acme(users=["ann"]), 'users[0]: must be a mapping of keys to values, not "ann".'),
    (with_("users", 0, email="Ann"), 'users[0].email: "ann" is not an email address.'),
    (with_("users", 0, email=["a"]), "users[0].email: must be text, not a list."),
    (with_("users", 0, name="n" * 151), "users[0].name: is 151 characters long; at most 150 are allowed."),
    (with_("users", 0, password=""), "users[0].password: is empty"),
    (with_("users", 0, active="no"), 'users[0].active: must be true or false, not "no".'),
    (acme(account=ACME["account"] | {"slug": "Acme Ltd"}), 'account.slug: "Acme Ltd" is not a slug'),
    (
        acme(account=ACME["account"] | {"scheme": "atlantis"}),
        'account.scheme: "atlantis" is not a role system: choose from',
    ),
    (acme(account=ACME["account"] | {"currency": "eur"}), 'account.currency: "eur" is not a currency'),
    (
        acme(account=ACME["account"] | {"status": "open"}),
        'account.status: "open" is not one of active, closing, closed.',
    ),
    (without("account", "scheme"), "account.scheme: is missing."),
    (without("members", "role"), "members[0].role: is missing."),
    (with_("members", 0, status="gone"), 'members[0].status: "gone" is not one of active, removed.'),
    (with_("branches", 0, teams=[{"name": "A"}]), "branches[0].teams[0].slug: is missing."),
    (with_("branches", 0, teams=[{"slug": "a", "lead": ANN}]), "branches[0].teams[0].lead: this key is unknown"),
    # people
    (more("users", {"email": "ANN@acme.example"}), f"users[5].email: {ANN} is listed twice."),
    (more("members", {"user": "eve@acme.example", "branch": "north", "role": "member"}), "members[4].user: eve@acme"),
    (with_("branches", 0, teams=[{"slug": "a", "members": ["x@y.example"]}]), "branches[0].teams[0].members[0]: x@y"),
    (
        with_("branches", 0, teams=[{"slug": "a", "members": [ANN, ANN.upper()]}]),
        f'branches[0].teams[0].members: "{ANN}" is listed twice.',
    ),
    (more("members", {"user": ANN, "branch": "north", "role": "member"}), f"members[4]: {ANN} on north is listed tw"),
    (more("parent_roles", {"user": ZOE, "role": "viewer"}), f"parent_roles[1].user: {ZOE} is listed twice."),
    # branches and teams
    (more("branches", {"slug": "north"}), "branches[2].slug: north is listed twice."),
    (with_("branches", 0, teams=[{"slug": "a"}, {"slug": "a"}]), "branches[0].teams[1].slug: north/a is listed tw"),
    (more("members", {"user": ANN, "branch": "globex", "role": "member"}), "members[4].branch: there is no branch glo"),
    (with_("records", 0, branch="globex/north"), 'records[0].branch: "globex/north" is not a slug'),
    (with_("records", 0, branch="globex"), "records[0].branch: there is no branch globex in the file."),
    (
        STAFF | {"branches": [{"slug": "main"}, {"slug": "other"}]},
        "branches[1]: is a second branch, but an account that",
    ),
    # roles
    (
        more("members", {"user": DORA, "branch": "north", "role": "boss"}),
        "members[4].role: there is no branch role boss",
    ),
    (more("members", {"user": DORA, "branch": "north", "role": "viewer"}), "members[4].role: viewer is a parent role"),
    (more("parent_roles", {"user": DORA, "role": "owner"}), "parent_roles[1].role: owner is a branch role"),
    (
        STAFF | {"parent_roles": [{"user": ZOE, "role": "viewer"}]},
        "parent_roles[0].role: there is no parent role viewer: staff",
    ),
    (acme(roles=[OWN]), "roles: atlas doesn't support custom roles: delete this section."),
    (
        AMO | {"roles": [OWN | {"key": "employee"}]},
        "roles[0].key: employee is a built-in role of amocrm. Choose another key.",
    ),
    (AMO | {"roles": [OWN, OWN]}, "roles[1].key: auditor is listed twice."),
    (AMO | {"roles": [OWN | {"based_on": "administrator"}]}, "roles[0].based_on: administrator is locked"),
    (
        AMO | {"roles": [OWN | {"based_on": "auditor"}]},
        "roles[0].based_on: auditor is not a built-in role of the role system.",
    ),
    (AMO | {"roles": [OWN | {"grants": {"fly": "all"}}]}, 'roles[0].grants.fly: "fly" is not a permission.'),
    (AMO | {"roles": [OWN | {"grants": {"view_lead": "some"}}]}, 'roles[0].grants.view_lead: "some" is not a scope'),
    (
        AMO | {"roles": [OWN | {"grants": {"view_members": ["team"]}}]},
        "roles[0].grants.view_members: view_members applies",
    ),
    (
        AMO | {"roles": [OWN | {"grants": {"view_lead": "all", "crm.view_lead": "none"}}]},
        'roles[0].grants["crm.view_lead"]: view_lead is listed twice.',
    ),
    (
        STAFF | {"members": [*STAFF["members"], {"user": BEN, "branch": "main", "role": "super_admin"}]},
        f"members[1].role: only one user can have the role super_admin, and {ANN} already has it.",
    ),
    # keepers
    (
        acme(members=ACME["members"][1:]),
        "members: the account would have no owner: it needs an active user who is owner or sup",
    ),
    (with_("members", 0, status="removed"), "members: the account would have no owner"),
    (with_("users", 0, active=False), "members: the account would have no owner"),
    ({"account": ACME["account"]}, "members: the account would have no owner"),
    # overrides
    (more("overrides", OVERRIDE | {"permission": "fly"}), 'overrides[2].permission: "fly" is not a permission.'),
    (
        more("overrides", OVERRIDE | {"permission": "teams.view_lead"}),
        'overrides[2].permission: "teams.view_lead" is no',
    ),
    (more("overrides", OVERRIDE | {"scope": ["sight"]}), 'overrides[2].scope: "sight" is not a scope'),
    (
        more("overrides", OVERRIDE | {"scope": ["all"]}),
        "overrides[2].scope: is a list with all in it: write only all.",
    ),
    (more("overrides", OVERRIDE | {"scope": {}}), "overrides[2].scope: must be a list, not a mapping."),
    (
        more("overrides", OVERRIDE | {"permission": "view_billing", "scope": ["created"]}),
        "overrides[2].permission: view_billing applies to the branch, so its scope must be none or all",
    ),
    (more("overrides", OVERRIDE | {"reason": " \n"}), "overrides[2].reason: is blank."),
    (more("overrides", OVERRIDE | {"user": "x@y.example"}), "overrides[2].user: x@y.example is not a user in the file"),
    (more("overrides", OVERRIDE | {"branch": "west"}), "overrides[2].branch: there is no branch west in the file."),
    (
        more("overrides", OVERRIDE, OVERRIDE | {"permission": "crm.view_lead", "scope": "none"}),
        f"overrides[3]: view_lead of {BEN} on south is listed twice.",
    ),
    (
        more("overrides", OVERRIDE | {"expires": "2027-01-31T00:00:00"}),
        'overrides[2].expires: "2027-01-31T00:00:00" has no time zone',
    ),
    (more("overrides", OVERRIDE | {"expires": "2027-01-31"}), 'overrides[2].expires: "2027-01-31" is a date without'),
    (more("overrides", OVERRIDE | {"expires": "tomorrow"}), "overrides[2].expires: must be a time such as"),
    (more("overrides", OVERRIDE | {"expires": "2027-02-31T00:00:00Z"}), "overrides[2].expires: must be a time such as"),
    (
        STAFF | {"overrides": [OVERRIDE | {"user": ANN, "branch": "main"}]},
        f"overrides[0]: {ANN} is super_admin on main, and this locked role can't have overrides.",
    ),
    # records
    (more("records", LEAD | {"ref": "L-17"}), "records[8].ref: lead/L-17 is listed twice."),
    (more("records", LEAD | {"ref": " "}), "records[8].ref: is blank."),
    (more("records", LEAD), "records[8].ref: is missing."),
    (more("records", LEAD | {"ref": "L" * 61}), "records[8].ref: is 61 characters long; at most 60 are allowed."),
    (more("records", LEAD | {"ref": "L-1", "type": "page"}), 'records[8].type: "page" is not one of'),
    (
        more("records", LEAD | {"ref": "L-1", "responsible": "x@y.example"}),
        "records[8].responsible: x@y.example is not a u",
    ),
    (
        more("records", LEAD | {"ref": "L-1", "created_by": "x@y.example"}),
        "records[8].created_by: x@y.example is not a u",
    ),
    (more("records", LEAD | {"ref": "L-1", "company": "C-9"}), "records[8].company: there is no company C-9 in the"),
    (more("records", LEAD | {"ref": "L-1", "value": "lots"}), 'records[8].value: must be a number, not "lots".'),
    (
        more("records", LEAD | {"ref": "L-1", "value": "1.005"}),
        "records[8].value: 1.005 has more than 2 decimal places",
    ),
    (more("records", LEAD | {"ref": "L-1", "value": "1e15"}), "records[8].value: 1e15 is too large"),
    (more("records", LEAD | {"ref": "L-1", "emails": "a@b.example"}), "records[8].emails: must be a list"),
    (
        more("records", LEAD | {"ref": "L-1", "website": "javascript:alert(1)"}),
        'records[8].website: "javascript:alert(1)" is not a web address such as https://example.com.',
    ),
    (with_("records", 0, size="big"), 'records[0].size: "big" is not one of 1-9, 10-49, 50-249, 250-999, 1000+.'),
    (with_("records", 7, kind="fax"), 'records[7].kind: "fax" is not one of note, call, message, email, meeting.'),
    (with_("records", 4, probability=101), "records[4].probability: 101 is not between 0 and 100."),
    (with_("records", 4, close_date="soon"), "records[4].close_date: must be a date such as"),
    (with_("records", 5, due_at="2027-02-01 09:00"), 'records[5].due_at: "2027-02-01 09:00" has no time zone'),
    (with_("records", 5, priority=3), "records[5].priority: must be text"),
    (with_("records", 5, done_at="2027-02-01T09:00:00Z"), "records[5].done_at: is said of a task that is not done."),
    (with_("records", 6, done_by="x@y.example"), "records[6].done_by: x@y.example is not a user in the file"),
    (with_("records", 2, private=True), "records[2].private: a private contact needs a responsible"),
    (without("records", "about", 7), "records[7].about: is missing: an activity is about exactly one record."),
    (with_("records", 7, about="C-1"), 'records[7].about: "C-1" is not a record'),
    (with_("records", 7, about="company/C-9"), "records[7].about: there is no company C-9 in the file."),
    (with_("records", 7, about="activity/N-1"), "records[7].about: a record of the type activity can't be about acti"),
    (with_("records", 7, about="contact/P-2"), "records[7].about: contact/P-2 is on the branch south, not on north."),
    (with_("records", 6, about="task/T-1"), "records[6].about: a record of the type task can't be about task/T-1."),
    # shares
    (more("shares", SHARE | {"record": "lead/L-1"}), "shares[2].record: there is no lead L-1 in the file."),
    (more("shares", SHARE | {"record": "page/W-1"}), "shares[2].record: there is no page W-1 in the file."),
    (more("shares", SHARE | {"record": "activity/N-1"}), "shares[2].record: activity/N-1 can't be shared"),
    (
        more("shares", SHARE | {"record": "contact/P-1"}),
        "shares[2].record: contact/P-1 is private, so it can't be shared",
    ),
    (
        more("shares", SHARE | {"record": "task/T-1", "permissions": ["export"]}),
        "shares[2].permissions: records of the type task can't be shared with the permission export.",
    ),
    (
        more("shares", SHARE | {"permissions": ["merge"]}),
        'shares[2].permissions: "merge" is not one of view, change, del',
    ),
    (more("shares", SHARE | {"permissions": []}), "shares[2].permissions: is empty: a share needs at least one."),
    (more("shares", SHARE | {"permissions": "view"}), "shares[2].permissions: must be a list"),
    (more("shares", SHARE | {"team": "north/sales"}), "shares[2]: a share is for one user or one team"),
    (more("shares", SHARE | {"user": None}), "shares[2]: a share is for one user or one team"),
    (more("shares", SHARE | {"user": None, "team": "sales"}), 'shares[2].team: "sales" is not a team'),
    (more("shares", SHARE | {"user": None, "team": "globex/sales"}), "shares[2].team: there is no team globex/sales"),
    (more("shares", SHARE | {"user": "x@y.example"}), "shares[2].user: x@y.example is not a user in the file"),
    (more("shares", SHARE | {"reason": ""}), "shares[2].reason: is blank."),
    (
        more("shares", SHARE, SHARE | {"permissions": ["change", "view"]}),
        "shares[3].permissions: view of company/C-1 is shared twice with the same user or team.",
    ),
]


@pytest.mark.parametrize(("data", "line"), CASES, ids=[line[:60] for _, line in CASES])
def test_it_is_refused_with_its_place_and_nothing_is_left_behind(data: dict[str, Any], line: str) -> None:
    before = counts()
    lines = refusals(data)
    assert any(each.startswith(line) for each in lines), lines
    assert counts() == before


def test_what_the_cases_are_made_from_is_taken() -> None:
    for data in (ACME, STAFF, AMO | {"roles": [OWN], "account": AMO["account"] | {"slug": "b"}}):
        renamed = data | {"account": data["account"] | {"slug": f"is-{data['account']['scheme']}"}}
        organisation.create(organisation.parse(renamed))
    assert Account.objects.count() == 3


def test_every_problem_of_a_file_is_told_at_once() -> None:
    data = more("members", {"user": "x@y.example", "branch": "west", "role": "boss"})
    assert [line.partition(":")[0] for line in refusals(data)] == [
        "members[4].user",
        "members[4].branch",
        "members[4].role",
    ]


def test_a_slug_that_is_taken_is_refused() -> None:
    organisation.create(organisation.parse(ACME))
    before = counts()
    assert refusals(acme()) == ["account.slug: an account acme already exists. Choose another slug."]
    assert counts() == before


def test_what_was_refused_once_can_be_created_once_the_reason_is_gone() -> None:
    found = organisation.parse(ACME)
    taken = Account.objects.create(slug="acme", name="Acme", scheme="atlas")
    with pytest.raises(InvalidOrganisation):
        organisation.create(found)
    taken.delete()
    assert organisation.create(found).slug == "acme"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            {"name": "Benjamin"},
            "users[1].name: ben@acme.example already exists, and an import can't change users: the n",
        ),
        (
            {"active": False},
            "users[1].active: ben@acme.example already exists, and an import can't change users: active",
        ),
        (
            {"staff": True},
            "users[1].staff: ben@acme.example already exists, and an import can't change users: staff is",
        ),
        (
            {"password": "x"},
            "users[1].password: ben@acme.example already exists, and an import can't change users: the p",
        ),
    ],
)
def test_a_known_user_of_whom_something_else_is_said_is_refused(said: dict[str, Any], line: str) -> None:
    organisation.create(organisation.parse(ACME))
    before = counts()
    data = with_("users", 1, **said) | {"account": ACME["account"] | {"slug": "other"}}
    assert refusals(data)[0].startswith(line)
    assert counts() == before


def test_a_known_user_who_is_inactive_keeps_no_account() -> None:
    organisation.create(organisation.parse(ACME))
    data = acme(
        account=ACME["account"] | {"slug": "other"},
        users=[{"email": CEM}],
        members=[{"user": CEM, "branch": "north", "role": "owner"}],
        branches=[{"slug": "north"}],
        parent_roles=[],
        overrides=[],
        records=[],
        shares=[],
    )
    assert refusals(data)[0].startswith("members: the account would have no owner")


def test_a_user_who_signs_up_in_the_same_moment_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.create_user(ANN, name="Ann Archer")
    before = counts()
    monkeypatch.setattr("apps.orgfiles.people.users_by_email", lambda emails: {})
    assert refusals(acme()) == [
        'the database rejects it: duplicate key value violates unique constraint "accounts_user_email_key".'
    ]
    assert counts() == before


def test_what_the_database_checks_last_is_refused_before_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    other = organisation.create(organisation.parse(acme()))
    foreign = {branch.slug: branch.pk for branch in other.branches.all()}
    before = counts()
    monkeypatch.setattr("apps.orgfiles.writing._Writer._branches", lambda writer: foreign)
    data = acme(
        account=ACME["account"] | {"slug": "other"},
        branches=[{"slug": "north"}, {"slug": "south"}],
        members=[],
        parent_roles=[{"user": ANN, "role": "super_admin"}],
        overrides=[],
        shares=[],
    )
    (line,) = refusals(data)
    assert line.startswith("the database rejects it: insert or update on table")
    assert "same_account" in line
    assert counts() == before
