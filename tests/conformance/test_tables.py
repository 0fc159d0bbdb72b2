"""The transcription holds together: every cell is filled, and no vendor's sentence is contradicted."""

import pytest

from tests.conformance import sentences, tables


def test_the_catalogue_has_every_permission_once() -> None:
    assert len(tables.CATALOGUE) == 112
    assert not tables.NEVER & tables.CATALOGUE.keys()
    assert {row.target for row in tables.CATALOGUE.values()} == {"account", "branch", "record"}
    assert tables.CATALOGUE["delete_lead"].danger
    assert not tables.CATALOGUE["view_lead"].danger


@pytest.mark.parametrize("scheme", tables.SCHEMES)
def test_every_role_has_a_cell_for_every_permission(scheme: str) -> None:
    for row in tables.expected(scheme).values():
        assert row.keys() == tables.CATALOGUE.keys()
        for codename, (reaches, grantable) in row.items():
            assert grantable or not reaches
            if tables.CATALOGUE[codename].target != "record":
                assert reaches <= {"all"}


def test_no_sentence_of_a_vendor_is_contradicted_by_the_tables() -> None:
    published = {scheme: tables.expected(scheme) for scheme in tables.SCHEMES}
    assert sentences.contradictions(published) == []
    assert len(sentences.claims()) > 700


def test_a_changed_cell_contradicts_a_sentence() -> None:
    published = {scheme: dict(tables.expected(scheme)) for scheme in tables.SCHEMES}
    published["atlas"]["member"] = published["atlas"]["admin"]
    assert {claim.role for claim in sentences.contradictions(published)} == {"member"}


@pytest.mark.parametrize(
    ("scheme", "role", "codename", "letter"),
    [
        ("atlas", "member", "add_company", "-"),
        ("atlas", "admin", "change_branch", "P"),
        ("atlas", "owner", "manage_roles", "-"),
        ("atlas", "owner", "view_parent_roles", "P"),
        ("atlas", "owner", "view_project", "P"),
        ("atlas", "member", "view_project", "-"),
        ("atlas", "viewer", "view_activity_page", "P"),
        ("amocrm", "employee", "delete_activity", "C"),
        ("amocrm", "employee", "manage_roles", "x"),
        ("amocrm", "employee", "manage_teams", "-"),
        ("atmos", "super_user", "merge_contact", "-"),
        ("atmos", "restricted_user", "delete_task", "CR"),
        ("staff-ladder", "super_admin", "transfer_account", "x"),
        ("staff-ladder", "admin", "delete_account", "x"),
        ("staff-ladder", "project_manager", "export_project", "-"),
        ("staff-ladder", "office_manager", "view_task", "P"),
        ("staff-ladder", "salesperson", "view_members", "P"),
        ("staff-ladder", "salesperson", "change_activity", "C"),
        ("onepagecrm", "user", "assign_record", "P"),
        ("onepagecrm", "user", "grant_record_access", "x"),
        ("onepagecrm", "user", "manage_reports", "-"),
        ("onepagecrm", "administrator", "transfer_account", "x"),
        ("onepagecrm", "focused_user", "delete_task", "C"),
        ("onepagecrm", "user", "use_dialer", "P"),
    ],
)
def test_where_rows_overlap_the_expansion_gives_the_published_letter(
    scheme: str, role: str, codename: str, letter: str
) -> None:
    assert tables.cells(scheme)[role][codename].letter == letter
