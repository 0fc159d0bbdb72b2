"""The time zones that exist, and those that people choose from."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from django.utils.translation import gettext

UTC = "UTC"
# The zones that are named after places, as people look for them.
REGIONS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


@cache
def known_time_zones() -> frozenset[str]:
    """Return the names of all time zones.

    Kept for the life of the process: each look walks the zone database on disk, which takes about 10 ms.
    """
    return frozenset(available_timezones())


def zone_in_words(name: str) -> str:
    """Return the name of a time zone as people read it: `America / New York`."""
    return name.replace("_", " ").replace("/", " / ")


def time_zone_choices() -> list[tuple[str, str]]:
    """Return the time zones to choose from, sorted by name, UTC first."""
    places = sorted(zone for zone in known_time_zones() if zone.partition("/")[0] in REGIONS)
    return [(UTC, gettext("Universal time (UTC)")), *((zone, zone_in_words(zone)) for zone in places)]
