"""The engine against the reference, over every position that one person can be in."""

import os
from collections import Counter

from tests.access.bridge import Bridge, engine_answers
from tests.reference.compiled import Reference
from tests.reference.small import SAM, small_worlds

EVERY = int(os.environ.get("MANDATE_SMALL_WORLDS_EVERY", "1"))
AT_LEAST = 1_000_000 // EVERY


def test_a_million_decisions_in_small_worlds_agree_with_the_reference() -> None:
    asked: Counter[bool] = Counter()
    for small in small_worlds(every=EVERY):
        reference = Reference(small.world)
        (organisation,) = small.world.organisations
        bridge = Bridge(small.world, organisation)
        mandate, shares = bridge.mandate(SAM), bridge.shares_of(SAM)
        for user, permission, target in small.questions:
            expected = reference.may(user, permission, target)
            found = engine_answers(bridge, mandate, shares, permission, target)
            assert found is expected, f"{small.name}: may Sam {permission} on {target}? {expected}, said the reference"
            asked[expected] += 1
    assert asked.total() >= AT_LEAST
    assert min(asked[True], asked[False]) > AT_LEAST // 10, f"the worlds are lopsided: {asked}"
