"""The catalogue and the schemes against the transcribed tables."""

import pytest

from apps.roles import catalogue
from apps.roles.schemes import scheme
from tests.conformance import tables
from tests.reference import model


def _key(category: str) -> str:
    return category.lower().replace(" and ", " ").replace(" ", "_")


def test_the_catalogue_is_the_published_one() -> None:
    ours = {
        permission.codename: (permission.category, str(permission.target), permission.danger)
        for permission in catalogue.permissions()
    }
    theirs = {
        name: (
            _key(permission.category),
            permission.target,
            permission.danger,
        )
        for name, permission in tables.CATALOGUE.items()
    }
    assert ours == theirs


@pytest.mark.parametrize("key", tables.SCHEMES)
def test_every_cell_of_the_scheme_holds(key: str) -> None:
    ours = {
        role.key: {codename: (frozenset(g.scope.names), g.grantable) for codename, g in role.grants.items()}
        for role in scheme(key).roles.values()
    }
    theirs = tables.expected(key)
    wrong = [
        f"{role}.{codename}: {ours[role][codename]} is not {cell}"
        for role, cells in theirs.items()
        for codename, cell in cells.items()
        if ours[role][codename] != cell
    ]
    assert ours.keys() == theirs.keys()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("key", tables.SCHEMES)
def test_the_roles_and_rules_of_the_scheme_hold(key: str) -> None:
    ours = scheme(key)
    for name, role in tables.roles(key).items():
        mine = ours.roles[name]
        assert (mine.kind, mine.single, mine.locked, mine.supreme) == (
            role.kind,
            role.single,
            role.locked,
            role.supreme,
        )
        if role.rank is not None:
            assert mine.rank == role.rank
    expected = tables.rules(key)
    assert {name: getattr(ours, name) for name in expected} == expected


@pytest.mark.parametrize("key", tables.SCHEMES)
def test_the_prerequisites_of_the_scheme_hold(key: str) -> None:
    ours = {
        permission.codename: frozenset(
            scheme(key).closure(permission.codename, permission.record_types[0] if permission.record_types else None)
        )
        - {permission.codename}
        for permission in catalogue.permissions()
    }
    theirs = tables.prerequisites(key)
    assert {name: needed for name, needed in ours.items() if needed} == {n: set(w) for n, w in theirs.items() if w}


def test_plan_features_are_those_of_the_reference() -> None:
    ours = {permission.codename: permission.feature for permission in catalogue.permissions() if permission.feature}
    assert ours == model.FEATURES
