"""The figures of works on site over a period: earth moved, ground shaped and planted, points set out (domain.md F20, F49)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layers.base import Text
from layers.ledger.works import SHAPED
from layers.plan.figures import Figure, Tables, named, share, summed, within, year_on_year
from layers.plan.ledger import Ledger


def site_works(of: Ledger, tables: Tables, since: np.datetime64, until: np.datetime64) -> list[Figure]:
    """Tell all of them of the days from `since` to `until`, both inside, with the year before beside them."""

    def told(first: np.datetime64, last: np.datetime64) -> Iterator[Figure]:
        yield from _shaped(tables, first, last)
        yield from _set_out(of, tables, first, last)

    return year_on_year(told, since, until)


def _shaped(t: Tables, since: np.datetime64, until: np.datetime64) -> Iterator[Figure]:
    """Tell the earth that was moved and the ground that was shaped and planted in a period, each kind by itself."""
    if t.landscaping is None:
        return
    done = t.landscaping[within(t.landscaping["done_on"], since, until)]
    for kind, name in SHAPED.items():
        column, unit = ("volume", "m3") if kind in ("fill", "excavation") else ("area", "m2")
        yield summed(
            f"landscaping_{kind}", Text(f"Earthworks and landscaping, {name.name.en}", f"土方与绿化:{name.name.zh}"), unit, "landscaping",
            done[(done["kind"] == kind).to_numpy(bool, na_value=False)], column,
            Text(f"sum of {column} of works of this kind done in the period", f"期内完成的{name.name.zh}{'土方量' if unit == 'm3' else '面积'}之和"),
        )  # fmt: skip


def _set_out(of: Ledger, t: Tables, since: np.datetime64, until: np.datetime64) -> Iterator[Figure]:
    """Tell how many requests of a period were set out in time, of those that were or whose time is over."""
    if t.set_outs is None:
        return
    limit = int(of.book["ledger.set_out_days"])
    mine = t.set_outs[within(t.set_outs["requested_on"], since, until)]
    requested, done = (mine[name].to_numpy("datetime64[D]") for name in ("requested_on", "done_on"))
    took = of.calendar.between(requested, np.where(np.isnat(done), of.on, done))
    timely = ~np.isnat(done) & (took <= limit)
    judged = ~np.isnat(done) | (took > limit)
    yield Figure(
        "set_out_in_time", Text("Points set out in time", "规划放点按时率"), share(float(timely.sum()), float(judged.sum())), "1",
        Text(f"set out within {limit} working days / requested in the period and done, or overdue", f"{limit}个工作日内完成 / 期内申请中已完成或已超期"),
        named("set_outs", mine["id"][timely]), named("set_outs", mine["id"][judged]),
    )  # fmt: skip
