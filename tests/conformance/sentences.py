"""The claims of the vendors' own pages, as cases that the published roles must satisfy."""

from functools import cache
from typing import NamedTuple

from tests.conformance.tables import REACHES, Reaches, data_lines, names_of


class Claim(NamedTuple):
    """One claim about one permission of one role; reaches is None where only grantable is claimed."""

    scheme: str
    role: str
    codename: str
    reaches: Reaches | None
    grantable: bool
    sentence: str


@cache
def claims() -> tuple[Claim, ...]:
    """Every claim, one for each permission that its sentence covers."""
    found: list[Claim] = []
    for line in data_lines("sentences"):
        scheme, role, names, letter, sentence = (part.strip() for part in line.split("|"))
        for codename in sorted(names_of(names)):
            found.append(Claim(scheme, role, codename, REACHES.get(letter), letter != "x", sentence))
    return tuple(found)


def contradictions(published: dict[str, dict[str, dict[str, tuple[Reaches, bool]]]]) -> list[Claim]:
    """The claims that do not hold for ``published[scheme][role][codename] = (reaches, grantable)``."""
    wrong: list[Claim] = []
    for claim in claims():
        reaches, grantable = published[claim.scheme][claim.role][claim.codename]
        if grantable != claim.grantable or claim.reaches not in (None, reaches):
            wrong.append(claim)
    return wrong
