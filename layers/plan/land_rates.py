"""The figures of the park's land: how much of it is developed, supplied, built, serviced, to what use and how densely (domain.md section 7).

What counts as developed, supplied, built and industrial is of `standards/ledger.toml`, where it is not verified: the definitions are
common knowledge of the field. What nobody recorded belongs to no side: it is told beside the figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from layers.base import Text
from layers.plan.figures import Figure, Tables
from layers.standards import Rulebook

NAMED = 10_000
"""Parcels that a figure names; of more its formula says which they are."""
FINISHED = ("completed", "accepted")
Mask = NDArray[np.bool_]


class Stock(NamedTuple):
    """The land of a park.

    parcels: id, status, code_system, use_code, area [m2], ready_state, ready_from; plans: id, area [m2] and public_interest_ratio of the
    approved area-development plans; pairs: project and parcel of the land cases.
    """

    parcels: pd.DataFrame
    plans: pd.DataFrame
    pairs: pd.DataFrame


def land_rates(stock: Stock, tables: Tables, on: np.datetime64, book: Rulebook) -> Iterator[Figure]:
    """Tell the figures of the land on a day. Time and memory grow with the parcels."""
    of = stock.parcels
    known = of["status"].notna().to_numpy(bool)
    developed, supplied, built = (
        of["status"].isin(book[f"ledger.land_{name}"]).to_numpy(bool) for name in ("developed", "supplied", "built")
    )
    everywhere = np.ones(len(of), bool)
    for id, title, part, whole, en, zh in (
        ("developed_rate", Text("Land developed", "土地开发率"), developed, everywhere, "developed / all parcels", "已开发 / 全部宗地"),
        ("supplied_rate", Text("Land supplied of developed", "土地供应率"), supplied, developed, "supplied / developed parcels", "已供应 / 已开发宗地"),
        ("built_rate", Text("Land built of supplied", "土地建成率"), built, supplied, "built / supplied parcels", "已建成 / 已供应宗地"),
    ):  # fmt: skip
        said = Text(f"area of {en}, by their status", f"面积:{zh},按宗地状态")
        yield _rate(of, id, title, said, part, whole & known, ~known)
    code = of["use_code"].where((of["code_system"] == "planning_2023").to_numpy(bool, na_value=False))
    used = code.notna().to_numpy(bool)
    industrial = code.str.startswith(tuple(book["ledger.industrial_uses"])).to_numpy(bool, na_value=False)
    said = Text(
        "area of built parcels of an industrial use / built parcels whose use is recorded",
        "工业用途已建成宗地面积 / 用途有记录的已建成宗地面积",
    )
    yield _rate(
        of, "industrial_share", Text("Industrial land", "工业用地率"), said, industrial & built, built & used, built & ~used
    )
    yield _density(stock, tables, built)
    yield _serviced(of, on)
    yield _public(stock.plans)
    yield _batches(tables.approvals, book)


def _rate(of: pd.DataFrame, id: str, title: Text, formula: Text, part: Mask, whole: Mask, lacks: Mask) -> Figure:
    """Divide the area of some parcels by that of others; None where there are none of these."""
    area, ids = of["area"].to_numpy(float), of["id"]
    value = float(area[part & whole].sum() / area[whole].sum()) if whole.any() else None
    return Figure(
        id, title, value, "1", formula, _parcels(ids[part & whole]), _parcels(ids[whole]), lacks=_parcels(ids[lacks]), lacking=int(lacks.sum())
    )  # fmt: skip


def _parcels(ids: Sequence[str] | pd.Series) -> tuple[str, ...]:
    """Name parcels as rows, if they are not too many."""
    return tuple(f"parcels:{id}" for id in ids) if len(ids) <= NAMED else ()


def _density(stock: Stock, tables: Tables, built: Mask) -> Figure:
    """Tell the floor area of finished buildings by the built land of their projects, of those that record both."""
    of = stock.parcels[built].set_index("id")["area"]
    pairs = stock.pairs[stock.pairs["parcel"].isin(of.index).to_numpy(bool)].drop_duplicates("parcel")
    done = tables.buildings[tables.buildings["progress"].isin(FINISHED).to_numpy(bool)]
    floors = done.groupby("project")["floor_area"].agg(["sum", "count", "size"])
    told = floors.index[(floors["count"] == floors["size"]).to_numpy(bool)]
    mine = pairs[pairs["project"].isin(told).to_numpy(bool)]
    area = float(of.reindex(mine["parcel"]).sum())
    floor = float(floors["sum"].reindex(mine["project"].unique()).sum())
    rows = done["id"][done["project"].isin(mine["project"]).to_numpy(bool)]
    lacks = of.index[~of.index.isin(mine["parcel"])].to_numpy(object)
    return Figure(
        "composite_far", Text("Composite floor area ratio", "综合容积率"), floor / area if area else None, "m2/m2",
        Text(
            "floor_area of finished buildings / area of the built parcels of their projects, of parcels whose project records its buildings",
            "已竣工单体建筑面积 / 其项目已建成宗地面积,仅计有建筑记录的宗地",
        ),
        tuple(f"buildings:{id}" for id in rows), _parcels(mine["parcel"].tolist()), lacks=_parcels(lacks.tolist()), lacking=len(lacks),
    )  # fmt: skip


def _serviced(of: pd.DataFrame, on: np.datetime64) -> Figure:
    """Tell which share of net land is serviced on a day, by the stored findings."""
    net = (of["status"] == "ready").to_numpy(bool, na_value=False)
    state, since = of["ready_state"].to_numpy(object), pd.to_datetime(of["ready_from"]).to_numpy("datetime64[D]")
    known = ~pd.isna(state) & (state != "unknown")
    served = (state == "ready") | ((state == "dated") & (since <= on))
    said = Text(
        "area of serviced net land / net land whose readiness is known (findings as stored)",
        "已配套净地面积 / 配套状态已知的净地面积(按已存结论)",
    )
    return _rate(
        of, "serviced_ratio", Text("Serviced net land", "净地配套率"), said, np.asarray(served, bool), net & known, net & ~known
    )


def _public(plans: pd.DataFrame) -> Figure:
    """Tell the share of land of public interest in the approved area-development plans, by their area."""
    there = plans["public_interest_ratio"].notna().to_numpy(bool)
    area, ratio = plans["area"].to_numpy(float)[there], plans["public_interest_ratio"].to_numpy(float)[there]
    rows, lacks = (tuple(f"development_areas:{id}" for id in plans["id"][mask]) for mask in (there, ~there))
    return Figure(
        "public_interest_ratio", Text("Land of public interest", "公益性用地比例"), float((area * ratio).sum() / area.sum()) if len(area) else None, "1",
        Text("public_interest_ratio of approved area-development plans, weighted by their area", "已批准成片开发方案公益性用地比例,按面积加权"),
        rows, rows, lacks=lacks, lacking=len(lacks),
    )  # fmt: skip


def _batches(approvals: pd.DataFrame, book: Rulebook) -> Figure:
    """Count the batches of acquisition so large that only the State Council may approve them; an approval without a batch is one.

    Of a batch of which no such area is exceeded the approvals that do not record their arable land are told.
    """
    mine = approvals[(approvals["kind"] == "acquisition").to_numpy(bool)]
    batch = mine["batch"].fillna(mine["id"]).to_numpy(object)
    arable = mine["arable_area"].to_numpy(float, na_value=np.nan)
    area = pd.Series(shapely.area(mine["geometry"].to_numpy(object)), mine.index).to_numpy(float)
    told = pd.DataFrame(
        {"id": mine["id"].to_numpy(object), "batch": batch, "arable": arable, "other": area - np.nan_to_num(arable)}
    )
    sums = told.groupby("batch")[["arable", "other"]].transform("sum")
    known = told.groupby("batch")["arable"].transform("count").eq(told.groupby("batch")["arable"].transform("size"))
    over = (sums["arable"] > book["ledger.batch_arable"]) | (known & (sums["other"] > book["ledger.batch_other"]))
    lacks = told["id"][(~over & told["arable"].isna()).to_numpy(bool)]
    return Figure(
        "batches_state_council", Text("Batches for the State Council", "须报国务院审批的批次"), float(told["batch"][over].nunique()), "",
        Text(
            "batches of acquisition with more than 35 ha of arable land, or more than 70 ha of other land",
            "征收批次中耕地超过35公顷或其他土地超过70公顷的批次数",
        ),
        tuple(f"approvals:{id}" for id in told["id"][over]), lacks=tuple(f"approvals:{id}" for id in lacks), lacking=len(lacks),
    )  # fmt: skip
