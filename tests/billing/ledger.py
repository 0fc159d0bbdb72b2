"""A second ledger, in another style: a day at a time, in cents, with nothing kept but what a clerk would write down.

It knows nothing of the product's code, and goes by what `docs/billing.md` says.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

PRICES = {
    "starter": {"month": 900, "year": 9000},
    "professional": {"month": 2400, "year": 24000},
    "business": {"month": 4900, "year": 49000},
}
RANKS = ["starter", "professional", "business"]
Agreed = tuple[str, str, int]  # plan, interval, seats


@dataclass
class Sheet:
    """One period: what each of its days costs, and what was asked for it so far."""

    first: date
    until: date
    length: int
    interval: str
    days: dict[date, Fraction] = field(default_factory=dict)
    asked: int = 0


@dataclass
class Clerk:
    """Keeps the books of one account that pays for itself, from its first day on."""

    today: date
    agreed: Agreed
    sheets: list[Sheet] = field(default_factory=list)
    later: tuple[date, Agreed] | None = None
    quits: date | None = None
    out: list[tuple[date, int, int]] = field(default_factory=list)  # day, net, tax
    open: dict[int, tuple[date, int]] = field(default_factory=dict)  # number of the invoice: due, cents
    warned: dict[int, date] = field(default_factory=dict)
    closed_since: date | None = None
    anchor: date | None = None

    def wish(self, plan: str, interval: str, seats: int) -> None:
        """Somebody chooses."""
        if self._over():
            self.agreed, self.later, self.quits, self.closed_since = (plan, interval, seats), None, None, None
            self._open_sheet(self.today)
            return
        had = self.agreed
        now: Agreed = (
            RANKS[max(RANKS.index(had[0]), RANKS.index(plan))],
            "year" if "year" in (had[1], interval) else "month",
            max(had[2], seats),
        )
        sheet = self.sheets[-1]
        if now[1] != sheet.interval:
            sheet.until = self.today
            self.agreed = now
            self._open_sheet(self.today)
        self.agreed = now
        wanted = (plan, interval, seats)
        self.later = None if wanted == now else (self.sheets[-1].until, wanted)

    def quit(self) -> None:
        """Somebody cancels."""
        self.quits = self.sheets[-1].until

    def settle(self) -> None:
        """Everything that is open is paid."""
        self.open.clear()
        self.warned.clear()
        self.closed_since = None

    def night(self) -> None:
        """The day's work, done at its end; then it is the next day."""
        while self.sheets[-1].until <= self.today and not self._over():
            self._turn(self.sheets[-1].until)
        self._bill()
        self._warn()
        self.today += timedelta(days=1)

    def pen(self) -> None:
        """Write down what every day that has begun, and every day ahead, costs as things are agreed now."""
        for sheet in self.sheets:
            if sheet.until > self.today or not sheet.days:
                self._write(sheet)

    def _turn(self, day: date) -> None:
        if self.later is not None and self.later[0] <= day:
            self.agreed, self.later = self.later[1], None
        self._open_sheet(day)

    def _open_sheet(self, day: date) -> None:
        interval = self.agreed[1]
        follows = self.sheets and self.sheets[-1].until == day and self.sheets[-1].interval == interval
        if self.anchor is None or not follows:
            self.anchor = day
        months = 12 if interval == "year" else 1
        until, step = day, 0
        while until <= day:
            step += months
            number = self.anchor.year * 12 + self.anchor.month - 1 + step
            year, month = number // 12, number % 12 + 1
            until = date(year, month, min(self.anchor.day, monthrange(year, month)[1]))
        self.sheets.append(Sheet(day, until, (until - day).days, interval))

    def _write(self, sheet: Sheet) -> None:
        plan, interval, seats = self.agreed
        each = Fraction(PRICES[plan][interval] * seats, sheet.length)
        day = max(sheet.first, self.today)
        while day < sheet.until:
            sheet.days[day] = each
            day += timedelta(days=1)

    def _bill(self) -> None:
        self.pen()
        net = 0
        for sheet in self.sheets:
            cost = sum((cents for day, cents in sheet.days.items() if day < sheet.until), Fraction(0))
            rounded = int(cost + Fraction(1, 2))
            net += rounded - sheet.asked
            sheet.asked = rounded
        if net:
            tax = int(Fraction(net * 19, 100) + Fraction(1, 2))
            self.out.append((self.today, net, tax))
            self.open[len(self.out)] = (self.today + timedelta(days=14), net + tax)

    def _warn(self) -> None:
        for number, (due, _) in self.open.items():
            late = (self.today - due).days
            if late >= 17:
                self.warned.setdefault(number, self.today)
            if late >= 30 and (self.today - self.warned[number]).days >= 7 and self.closed_since is None:
                self.closed_since = self.today

    def _over(self) -> bool:
        return self.quits is not None and self.quits <= self.today
