"""How a generated row follows from its number `n` and the seed.

Chance is PostgreSQL's hash of the number: hash partitioning relies on it, so it stays the same from release to release,
and it does not depend on the order in which rows are made.
"""

from __future__ import annotations


def chance(salt: int, choices: str | int, of: str = "n") -> str:
    """A number from 0 to `choices - 1` for each row; 0 where there is nothing to choose from."""
    return f"mod(hashint8extended({of}, %(seed)s + {salt}) & 9223372036854775807, greatest({choices}, 1))"


def skewed(salt: int, choices: str) -> str:
    """A number from 0 to `choices - 1`, the low ones more often: some people do more than others."""
    return f"floor(power({chance(salt, 1_000_000)} / 1000000.0, 1.6) * {choices})::bigint"


def rarely(salt: int, one_in: int) -> str:
    """True for one row in so many."""
    return f"{chance(salt, one_in)} = 0"


def one_of(name: str, salt: int, kind: str = "text") -> str:
    """One of the values in the parameter; NULL where it has none."""
    values = f"(%({name})s::{kind}[])"
    return f"{values}[1 + {chance(salt, f'cardinality{values}')}]"
