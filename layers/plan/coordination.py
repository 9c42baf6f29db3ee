"""Lines under a road in one round: is each laid while the road is built, agreed with it, so that the road is opened once?

管线一次规划、一干到底 (domain.md F38, F52, F53). Sections that state a red-line width build their road; those that state lines and no
width lay them under it. Works last from the day of their start to that of their end, as done or else as planned.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import Text
from layers.plan.workdays import Days
from layers.standards import Rulebook

LAID = Text(
    "{name} ({id}) is laid under road {road} from {begins} to {ends}; the road's works ({others}) last from {first} to {last}: ",
    "{name}({id})自{begins}至{ends}在道路{road}下敷设,道路施工({others})自{first}至{last},",
)
SAID: Mapping[str, Text] = {
    "road_after": Text("the road would be opened again {days} days after it is finished", "道路完工{days}天后将再次开挖"),
    "road_outside": Text("{days} days of it are outside of them", "其中超出{days}天"),
    "road_round": Text("it was agreed in {round}, the road in {rounds}", "本线协调会为{round},道路为{rounds}"),
    "road_unknown": Text(
        "a day or the round is not recorded, so it is not known to be coordinated", "日期或协调会未记录,是否统筹未知"
    ),
}
"""What is said of a line beside its road."""
TWICE = Text(
    "{name} ({id}) is laid under road {road} from {begins}; works there ({others}) end on {last}: the road would be opened again {days} days later",
    "{name}({id})自{begins}在道路{road}下敷设,此前施工({others})止于{last},{days}天后道路将再次开挖",
)
UNDATED = Text(
    "{name} ({id}) is laid under road {road} on days that are not recorded, beside others ({others}): it is not known to be coordinated",
    "{name}({id})在道路{road}下敷设的日期未记录,另有{others},是否统筹未知",
)
UNAGREED = Text(
    "{name} ({id}) of road {road} is built with lines ({utilities}) of which no round is recorded: they are not known to be coordinated",
    "{name}({id}):道路{road}同步敷设{utilities},未记录协调会,是否统筹未知",
)
RULES = (*SAID, "road_twice")
DATES = ("begins", "ends", "first", "last")


def coordination(sections: pd.DataFrame, on: np.datetime64, book: Rulebook) -> pd.DataFrame:
    """Find the lines that are not laid under their road in one round with it; columns of warnings, with the words of each.

    sections: a frame of that table, of living projects, whole for each road. road_after: works begin when those of the road are over;
    road_outside: they reach beyond the road's; road_twice: a road that nobody builds is opened again more than `ledger.road_gap_days`
    after other works; road_round: agreed in another round; road_unknown: a day or a round is not recorded, so that nobody knows. What
    is done is not told any more. `records` names all sections concerned, as table:number. Time and memory grow with the sections.
    """
    works = sections[sections["road"].notna().to_numpy(bool)].reset_index(drop=True)
    works = works.assign(
        begins=works["started_on"].fillna(works["planned_from"]), ends=works["done_on"].fillna(works["planned_to"]),
        open=works["done_on"].isna(),
    )  # fmt: skip
    builds = works[works["width"].notna().to_numpy(bool)]
    lines = works[(works["width"].isna() & works["utilities"].notna()).to_numpy(bool)]
    beside = lines["road"].isin(builds["road"]).to_numpy(bool)
    parts = [_with_road(lines[beside], builds), *_apart(lines[~beside], book), _alone(builds)]
    if not any(map(len, parts)):
        return pd.DataFrame()
    found = pd.concat([part for part in parts if len(part)], ignore_index=True)
    when, row = found["begins"].where(found["rule"] != "road_unknown"), "sections:" + found["id"].astype(object)
    return pd.DataFrame(
        {
            "project": found["project"], "phase": -1, "item": None, "rule": found["rule"], "days": found["days"], "row": row,
            "level": found["rule"].map(book["ledger.road_works"]), "on": when.fillna(pd.Timestamp(on)), "about": "",
            "mark": row + " " + when.dt.strftime("%Y-%m-%d").fillna(""), "en": found["en"], "zh": found["zh"],
            "records": row + _others(found["others"]),
        }
    )  # fmt: skip


def _with_road(lines: pd.DataFrame, builds: pd.DataFrame) -> pd.DataFrame:
    """Hold lines against the works of their road as a whole: its sections may follow each other."""
    road = builds.groupby("road").agg(
        first=("begins", "min"), last=("ends", "max"), begun=("begins", "count"), ended=("ends", "count"), size=("id", "size"),
        others=("id", ", ".join), rounds=("round", lambda said: ", ".join(said.dropna().unique())), agreed=("round", "count"),
    )  # fmt: skip
    both = lines[lines["open"].to_numpy(bool)].join(road, on="road")
    begins, ends, first, last = (both[name].to_numpy("datetime64[D]") for name in DATES)
    dated = (both["begun"] == both["size"]) & (both["ended"] == both["size"]) & both["begins"].notna() & both["ends"].notna()
    same = pd.MultiIndex.from_frame(both[["road", "round"]]).isin(pd.MultiIndex.from_frame(builds[["road", "round"]]))
    agreed = both["round"].notna() & (both["agreed"] == both["size"])
    conditions = [~dated, begins > last, (begins < first) | (ends > last), ~agreed, ~same]
    rules = ["road_unknown", "road_after", "road_outside", "road_unknown", "road_round"]
    rule = np.select([np.asarray(c, bool) for c in conditions], rules, "")
    beyond = np.maximum(np.maximum(_days(ends, last), _days(first, begins)), 0)
    days = np.select([rule == "road_after", rule == "road_outside"], [_days(begins, last), beyond], 0)
    words = {name: Text(LAID.en + said.en, LAID.zh + said.zh) for name, said in SAID.items()}
    return _told(both.assign(rule=rule, days=days.astype(np.int64))[rule != ""], words)


def _apart(lines: pd.DataFrame, book: Rulebook) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold lines under a road that nobody builds against those that are laid there before; those without days are unknown."""
    others = lines.groupby("road")["id"].agg(", ".join)
    lines = lines[lines.groupby("road")["id"].transform("size").gt(1).to_numpy(bool)]
    dated = lines["begins"].notna() & lines["ends"].notna()
    lost = lines[(~dated & lines["open"]).to_numpy(bool)]
    lost = lost.assign(rule="road_unknown", days=0, others=lost["road"].map(others))
    known = lines[dated.to_numpy(bool)].sort_values(["road", "begins", "ends", "id"], kind="stable")
    until = known.groupby("road")["ends"].cummax()
    latest = known["id"].where(known["ends"].eq(until)).groupby(known["road"]).ffill()
    known = known.assign(last=until.groupby(known["road"]).shift(), others=latest.groupby(known["road"]).shift())
    gap = _days(known["begins"].to_numpy("datetime64[D]"), known["last"].to_numpy("datetime64[D]"))
    twice = known.assign(rule="road_twice", days=gap.astype(np.int64))
    twice = twice[(gap > book["ledger.road_gap_days"]) & known["open"].to_numpy(bool)]
    return _told(lost, {"road_unknown": UNDATED}), _told(twice, {"road_twice": TWICE})


def _alone(builds: pd.DataFrame) -> pd.DataFrame:
    """Find roads that are built with lines of which no round is recorded."""
    found = builds[(builds["open"] & builds["utilities"].notna() & builds["round"].isna()).to_numpy(bool)]
    return _told(found.assign(rule="road_unknown", days=0, others=""), {"road_unknown": UNAGREED})


def _told(found: pd.DataFrame, words: Mapping[str, Text]) -> pd.DataFrame:
    """Say each in both languages."""
    for language, untold in (("en", "no day"), ("zh", "未定")):
        days = {name: found[name].dt.strftime("%Y-%m-%d").fillna(untold) for name in DATES if name in found}
        records = found.assign(**days).to_dict("records")
        found = found.assign(**{language: [str(getattr(words[r["rule"]], language)).format_map(r) for r in records]})
    return found


def _others(ids: pd.Series) -> pd.Series:
    """Name sections as records, behind another."""
    named = ids.astype(object).str.replace(", ", ", sections:", regex=False)
    return (", sections:" + named).where(named != "", "")


def _days(until: Days, since: Days) -> NDArray[np.float64]:
    """Count the days from one to another; 0 where there is none."""
    span = np.asarray(until - since, "timedelta64[D]")
    return np.where(np.isnat(span), 0, span.astype(np.float64))
