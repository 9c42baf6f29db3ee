"""Working days: weekends, public holidays, and the weekends that are worked for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from layers.errors import Refusal
from layers.standards import Standards

Days = NDArray[np.datetime64]
FIRST, LAST = np.datetime64("2000-01-01", "D"), np.datetime64("2060-12-31", "D")


class OutOfCalendarError(Refusal):
    """A day lies beyond the years of the calendar."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which offices work, in order, and the years for which their holidays are known.

    Of other years only the weekends are free: what reaches into them is a first guess.
    """

    open: Days
    known: tuple[int, ...]

    @classmethod
    def of(cls, standards: Standards) -> Calendar:
        """Read the calendar of all years from the standards `calendar.holidays` and `calendar.workdays`."""
        lines = [line for line in standards.lines if line.name in ("calendar.holidays", "calendar.workdays")]
        off = _days(d for line in lines if line.name == "calendar.holidays" for d in _listed(line.value))
        on = _days(d for line in lines if line.name == "calendar.workdays" for d in _listed(line.value))
        every = np.arange(FIRST, LAST + 1)
        works = np.is_busday(every) & ~np.isin(every, off) | np.isin(every, on)
        return cls(every[works], tuple(sorted({line.since.year for line in lines})))

    def add(self, day: Days, count: int) -> Days:
        """Add working days, any shape: the first day counted is the next that is open; NaT stays NaT.

        OutOfCalendarError beyond the years 2000 to 2060.
        """
        return self._open(day, np.searchsorted(self.open, day, "right") + count - 1) if count else day

    def begin(self, day: Days, count: int) -> Days:
        """Find the last day from which so many working days end by `day`: the inverse of `add`; NaT stays NaT."""
        one = np.timedelta64(1, "D")
        return self._open(day, np.searchsorted(self.open, day, "right") - count) - one if count else day

    def _open(self, day: Days, at: NDArray[np.intp]) -> Days:
        """Look up open days by their number, where there is a day at all."""
        real = ~np.isnat(day)
        if (real & ((at < 0) | (at >= len(self.open)))).any():
            raise OutOfCalendarError(
                f"a date lies outside of {FIRST} to {LAST}; correct it", f"日期不在 {FIRST} 至 {LAST} 之间,请更正"
            )
        return np.where(real, self.open[np.clip(at, 0, len(self.open) - 1)], np.datetime64("NaT", "D"))

    def between(self, start: Days, end: Days) -> NDArray[np.int64]:
        """Count the working days after `start` up to and with `end`; negative where the end is earlier."""
        first, last = (np.searchsorted(self.open, np.asarray(d, "datetime64[D]"), "right") for d in (start, end))
        return np.asarray(last - first, np.int64)


def _listed(said: Iterable[str]) -> Iterator[date]:
    """List the days of "2026-01-01" and "2026-02-15..2026-02-23"."""
    for one in said:
        first, _, last = one.partition("..")
        start, end = np.datetime64(first, "D"), np.datetime64(last or first, "D")
        yield from np.arange(start, end + 1).tolist()


def _days(days: Iterable[date]) -> Days:
    """Put days into an array."""
    return np.array(sorted(days), "datetime64[D]")
