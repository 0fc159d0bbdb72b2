"""Sections 4 and 5 of the access model, clause by clause, on examples worked out by hand."""

import pytest

from tests.reference import model
from tests.reference.cast import may, override, record, world
from tests.reference.compiled import Reference
from tests.reference.world import Row, Unknown, World, WrongTarget

LEAD = "lead:acme/L-1"
PEOPLE = {"ann": "owner", "ben": "member", "cem": "member"}


# Section 4: prerequisites


@pytest.mark.parametrize("verb", ["change", "delete", "export", "merge"])
def test_prohibited_view_takes_the_other_verbs_with_it(verb: str) -> None:
    asked = world(
        "atlas",
        {"ann": "owner"},
        overrides=[override("ann", "view_lead", "none")],
        records=[record("lead", "L-1", "ann")],
    )
    assert not may(asked, "ann", f"{verb}_lead", LEAD)


@pytest.mark.parametrize("permission", ["change_lead", "delete_lead", "export_lead", "merge_lead", "assign_record"])
def test_the_scope_of_view_caps_the_others_record_by_record(permission: str) -> None:
    asked = world(
        "atlas",
        {"ann": "owner"},
        overrides=[override("ann", "view_lead", ["responsible", "shared"])],
        records=[record("lead", "L-1", "", "ann"), record("lead", "L-2", "ann")],
    )
    assert may(asked, "ann", permission, LEAD)
    assert not may(asked, "ann", permission, "lead:acme/L-2")


def test_scopes_that_do_not_meet_on_a_record_give_nothing_on_it() -> None:
    overrides = [override("ann", "view_lead", ["created"]), override("ann", "change_lead", ["responsible"])]
    records = [record("lead", "L-1", "ann"), record("lead", "L-2", "", "ann"), record("lead", "L-3", "ann", "ann")]
    asked = world("atlas", {"ann": "owner"}, overrides=overrides, records=records)
    assert model.visible(asked, "ann", "change_lead", "acme") == ["L-3"]


@pytest.mark.parametrize("lost", ["view", "change", "delete"])
def test_merging_needs_all_three(lost: str) -> None:
    overrides = [override("ann", f"{lost}_company", "none")]
    asked = world("atlas", {"ann": "owner"}, overrides=overrides, records=[record("company", "C-1")])
    assert not may(asked, "ann", "merge_company", "company:acme/C-1")
    assert may(asked, "ann", "sync_company", "company:acme/C-1") is (lost != "view")


@pytest.mark.parametrize(("scheme", "role", "answer"), [("amocrm", "employee", False), ("atlas", "member", True)])
@pytest.mark.parametrize("verb", ["delete", "export"])
def test_amocrm_alone_makes_deleting_and_exporting_need_editing(
    scheme: str, role: str, answer: bool, verb: str
) -> None:
    verbs = {"view": "all", "change": "none", verb: "all"}
    overrides = [override("ben", f"{each}_lead", scope) for each, scope in verbs.items()]
    asked = world(scheme, {"ben": role}, overrides=overrides, records=[record("lead", "L-1")])
    assert may(asked, "ben", f"{verb}_lead", LEAD) is answer


def test_own_targets_need_the_pipeline_and_bulk_tools_need_nothing() -> None:
    overrides = [override("ben", "change_own_targets", "all"), override("ben", "bulk_delete", "all")]
    overrides += [override("ben", "view_lead", "none"), override("ben", "add_lead", "all")]
    asked = world("onepagecrm", {"ben": "user"}, overrides=overrides)
    assert not may(asked, "ben", "change_own_targets", "branch:acme/north")
    assert may(asked, "ben", "bulk_delete", "branch:acme/north")
    assert may(asked, "ben", "add_lead", "branch:acme/north")
    overrides.append(override("ben", "view_pipeline", "all"))
    assert may(
        world("onepagecrm", {"ben": "user"}, overrides=overrides), "ben", "change_own_targets", "branch:acme/north"
    )


@pytest.mark.parametrize("permission", ["view_activity", "change_activity", "delete_activity", "assign_record"])
def test_everything_asked_of_an_activity_needs_the_view_of_what_it_is_about(permission: str) -> None:
    activities = [record("activity", f"N-{n}", "ann", "ann", about=f"lead/L-{n}") for n in (1, 2)]
    asked = world(
        "atlas",
        {"ann": "owner"},
        overrides=[override("ann", "view_lead", ["responsible"])],
        records=[record("lead", "L-1", "", "ann"), record("lead", "L-2", "ann"), *activities],
    )
    assert may(asked, "ann", permission, "activity:acme/N-1")
    assert not may(asked, "ann", permission, "activity:acme/N-2")


def test_an_activity_of_ones_own_is_changed_with_created() -> None:
    records = [
        record("lead", "L-1"),
        *(record("activity", f"N-{who}", who, about="lead/L-1") for who in ("ben", "ann")),
    ]
    asked = world("amocrm", {"ann": "administrator", "ben": "employee"}, records=records)
    assert model.visible(asked, "ben", "view_activity", "acme") == ["N-ann", "N-ben"]
    assert model.visible(asked, "ben", "change_activity", "acme") == ["N-ben"]
    assert model.visible(asked, "ann", "change_activity", "acme") == ["N-ann", "N-ben"]


# Section 5: decisions


def test_a_task_is_seen_by_its_own_scopes_not_by_what_it_is_about() -> None:
    task, note = record("task", "T-1", "", "ben", about="lead/L-1"), record("activity", "N-1", about="task/T-1")
    asked = world("atlas", PEOPLE, records=[record("lead", "L-1", "", "ann"), task, note])
    assert not may(asked, "ben", "view_lead", LEAD)
    assert may(asked, "ben", "view_task", "task:acme/T-1")
    assert may(asked, "ben", "view_activity", "activity:acme/N-1")
    assert not may(asked, "cem", "view_activity", "activity:acme/N-1")


def private_world(responsible: str, *overrides: Row) -> World:
    """A private contact, a task and a note about it, and a note about the task; Dora is supreme, Eve operates."""
    records = [
        record("contact", "P-1", "ann", responsible, private=True),
        record("task", "T-1", "ann", "ann", about="contact/P-1"),
        record("activity", "N-1", "ann", "ann", about="contact/P-1"),
        record("activity", "N-2", "ann", "ann", about="task/T-1"),
    ]
    supreme, operator = [{"user": "dora", "role": "super_admin"}], {"eve": {"superuser": True}}
    return world("atlas", PEOPLE, people=operator, parent_roles=supreme, records=records, overrides=overrides)


PRIVATE = {"contact": "contact:acme/P-1", "task": "task:acme/T-1", "activity": "activity:acme/N-1"}


@pytest.mark.parametrize(("kind", "target"), [*PRIVATE.items(), ("activity", "activity:acme/N-2")])
def test_what_is_private_and_what_is_about_it_is_out_of_everybody_elses_reach(kind: str, target: str) -> None:
    asked = private_world("cem")
    for user in ("ann", "ben", "dora", "eve"):
        for permission in (f"view_{kind}", f"delete_{kind}", "assign_record"):
            assert not may(asked, user, permission, target)
    assert model.who_may(private_world("ann"), f"view_{kind}", target) == ["ann"]


def test_privacy_only_narrows() -> None:
    asked = private_world("ben", override("ben", "view_contact", ["created"]))
    assert not may(asked, "ben", "view_contact", PRIVATE["contact"])
    assert not may(private_world("ben"), "ben", "delete_contact", PRIVATE["contact"])
    assert may(private_world("ben"), "ben", "change_contact", PRIVATE["contact"])


def question_world() -> World:
    """A lead, a company, and a contact with an odd reference."""
    records = [record("lead", "L-1"), record("company", "C-1"), record("contact", "P/1")]
    return world("atlas", PEOPLE, records=records)


def test_a_permission_asked_of_the_wrong_kind_of_target_raises() -> None:
    asked = question_world()
    for permission, target in [
        ("view_lead", "branch:acme/north"),
        ("view_lead", "contact:acme/P/1"),
        ("add_lead", LEAD),
        ("view_billing", "account:acme"),
        ("manage_roles", "branch:acme/north"),
        ("sync_company", LEAD),
        ("merge_lead", "company:acme/C-1"),
        ("view_client_talk", LEAD),
    ]:
        with pytest.raises(WrongTarget):
            model.may(asked, "ann", permission, target)
        with pytest.raises(WrongTarget):
            model.who_may(asked, permission, target)
        with pytest.raises(WrongTarget):
            Reference(asked).who_may(permission, target)
        with pytest.raises(WrongTarget):
            Reference(asked).may("ann", permission, target)


def test_an_unknown_user_permission_or_target_raises() -> None:
    asked = question_world()
    for user, permission, target in [
        ("nobody", "view_lead", LEAD),
        ("ann", "export_task", LEAD),
        ("ann", "view_lead", "lead:acme/L-2"),
        ("ann", "view_lead", "lead:globex/L-1"),
        ("ann", "view_branch", "branch:acme/east"),
    ]:
        with pytest.raises(Unknown):
            model.may(asked, user, permission, target)
        with pytest.raises(Unknown):
            Reference(asked).may(user, permission, target)


def test_a_permission_may_be_written_with_its_app_and_a_reference_with_a_slash() -> None:
    assert may(question_world(), "ann", "crm.view_contact", "contact:acme/P/1")


def test_a_user_of_another_account_may_not() -> None:
    acme = world("atlas", PEOPLE, records=[record("lead", "L-1")])
    globex = world("atlas", {"zoe": "owner"}, account={"slug": "globex"}).organisations[0]
    globex["users"] = [{"email": "zoe", "name": "Zoe"}]
    asked = World([*acme.organisations, globex], acme.now)
    assert not may(asked, "zoe", "view_lead", LEAD)
    assert may(asked, "zoe", "view_branch", "branch:globex/north")
    assert not may(asked, "ann", "view_branch", "branch:globex/north")


def test_lists_are_sorted_by_code_point_and_leave_out_operators() -> None:
    references = ["L-10", "L-9", "Z", "a", "É"]
    people = {"eve": {"superuser": True}, "cem": {"active": False}}
    asked = world(
        "atlas",
        dict.fromkeys(("ben", "cem", "ann"), "owner"),
        people=people,
        records=[record("lead", r) for r in references],
    )
    for answers in (
        Reference(asked).visible("eve", "view_lead", "acme"),
        model.visible(asked, "eve", "view_lead", "acme"),
    ):
        assert answers == references
    assert model.visible(asked, "eve", "assign_record", "acme") == [f"lead/{each}" for each in references]
    for holders in (
        model.who_may(asked, "view_lead", "lead:acme/Z"),
        Reference(asked).who_may("view_lead", "lead:acme/Z"),
    ):
        assert holders == ["ann", "ben"]
    with pytest.raises(WrongTarget):
        model.visible(asked, "ann", "view_branch", "acme")
