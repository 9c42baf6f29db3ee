"""The processes of the service (OGC API - Processes): check, assess, supply, packs, suitability, meeting; their inputs and how each is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.jobs import Progress
from api.meeting import MeetingBody, MeetingInputs, meeting
from api.models import CheckRequest, Moment, SheetBody
from api.packs import PacksBody, PacksInputs, packs
from api.settings import Settings
from api.suitability import SuitabilityBody, SuitabilityInputs, scored
from api.supply import SupplyBody
from layers.assessment import Networks, anew, carried, check, question, supply
from layers.base import Text
from layers.census import assess, summed
from layers.drawn import site_from
from layers.inputs import current
from layers.standards import Standards
from layers.store import open_store
from layers.store.base import Store
from layers.units import m2


@dataclass(frozen=True, slots=True)
class Land:
    """What a process is run on."""

    store: Store
    standards: Standards
    networks: Networks
    settings: Settings


class AssessInputs(BaseModel):
    """The day on which all plots are assessed, by default today; of what was known at `as_of` only the sums are told."""

    model_config = ConfigDict(extra="forbid")

    on: date | None = None
    as_of: Moment | None = None


class SupplyInputs(BaseModel):
    """How the supply is tabled."""

    model_config = ConfigDict(extra="forbid")

    by: Literal["quarter", "year"] = "quarter"
    take_up: Annotated[float | None, Field(gt=0, allow_inf_nan=False, description="ha a year")] = None
    level: Literal[3, 5, 7] | None = None
    on: date | None = None
    as_of: Moment | None = None


class AssessBody(BaseModel):
    """What the assessment found: plots by verdict and by readiness."""

    on: date
    as_of: datetime | None
    plots: int
    verdict: dict[str, int]
    ready_state: dict[str, int]
    area_m2: float
    residual_m2: float


def run_check(land: Land, given: CheckRequest, progress: Progress) -> SheetBody:
    """Check a site."""
    return checked(land.store, land.standards, land.networks, given)


def checked(store: Store, standards: Standards, networks: Networks, given: CheckRequest) -> SheetBody:
    """Check a site: every rule, the partition of its area, the services and the verdict."""
    shape = site_from(given.geometry, given.crs, store.crs)
    ask = question(standards, given.on, given.as_of, given.use)
    needed = m2(given.required_mu) if given.required_mu else None
    with store.snapshot():
        sheet = check(store, shape, ask, required_area=needed, level=given.level, as_of=given.as_of, networks=networks)
        made = current(store, ask, standards, given.as_of)
    shown = carried(sheet, store.crs, given.answer_crs) if given.answer_crs else sheet
    return SheetBody.of(shown, given.answer_crs or store.crs, "generated" in store.title, given.as_of, made)


def run_assess(land: Land, given: AssessInputs, progress: Progress) -> AssessBody:
    """Assess every plot and store what is found, all at once at the end; of what was known once nothing is stored."""
    ask = question(land.standards, given.on, given.as_of, None)
    if given.as_of:
        found = summed(anew(land.store, ask, given.as_of))
    else:
        with closing(open_store(land.settings.base)) as store:
            found = assess(store, ask, land.standards, progress)
    by = {name: found.groups["plots"].groupby(level=name).sum().to_dict() for name in ("verdict", "ready_state")}
    return AssessBody(
        on=ask.on, as_of=given.as_of, plots=found.plots, area_m2=float(found.groups["area"].sum()), residual_m2=found.residual,
        verdict={str(k): int(v) for k, v in by["verdict"].items()},
        ready_state={str(k): int(v) for k, v in by["ready_state"].items()},
    )  # fmt: skip


def run_supply(land: Land, given: SupplyInputs, progress: Progress) -> SupplyBody:
    """Table when free land becomes serviced, from the stored findings, or anew for another day."""
    table, day = supply(land.store, land.standards, given.by, given.level, given.on, given.as_of)
    return SupplyBody.of(table, land.standards.on(day), given.by, given.level, given.take_up, "generated" in land.store.title)


def run_packs(land: Land, given: PacksInputs, progress: Progress) -> PacksBody:
    """Pack listings."""
    return packs(land.store, land.settings.base, land.standards, land.networks, given, progress)


def run_suitability(land: Land, given: SuitabilityInputs, progress: Progress) -> SuitabilityBody:
    """Score plots or cells."""
    return scored(land.store, land.settings.base, land.standards, given, progress)


def run_meeting(land: Land, given: MeetingInputs, progress: Progress) -> MeetingBody:
    """Print the papers of a meeting."""
    return meeting(land.store, land.settings.base, land.standards, given, progress)


@dataclass(frozen=True, slots=True)
class Process:
    """A process: what it is called, what it takes and gives, and how it is run."""

    title: Text
    about: Text
    inputs: type[BaseModel]
    output: type[BaseModel]
    run: Callable[[Land, Any, Progress], BaseModel]


PROCESSES: Mapping[str, Process] = {
    "check": Process(
        Text("Check a site", "选址检查"),
        Text("Every rule, the partition of the area, the services and the verdict.", "逐条检查、面积划分、配套与结论。"),
        CheckRequest, SheetBody, run_check,
    ),
    "assess": Process(
        Text("Assess all plots", "评估全部宗地"),
        Text("Finds the verdict and the readiness of every plot and stores them.", "求出并存储每宗地的结论与配套状态。"),
        AssessInputs, AssessBody, run_assess,
    ),
    "supply": Process(
        Text("Supply of serviced land", "熟地供应"),
        Text("When free land becomes serviced, from the stored findings.", "由已存结论得出可供土地何时具备条件。"),
        SupplyInputs, SupplyBody, run_supply,
    ),
    "packs": Process(
        Text("Packs of listings", "供地资料包"),
        Text("All papers of many listings in one file below /results/.", "将多宗供地信息的全部资料打包,存于 /results/ 下。"),
        PacksInputs, PacksBody, run_packs,
    ),
    "suitability": Process(
        Text("Suitability", "适宜性评价"),
        Text("Plots, or the cells of a grid, scored from 0 to 10 by weighted factors.", "按加权因子为宗地或格网像元评分(0 至 10)。"),
        SuitabilityInputs, SuitabilityBody, run_suitability,
    ),
    "meeting": Process(
        Text("Papers of a meeting", "过堂会材料"),
        Text("Ledger of month and week, wall map and project sheets in one file below /results/.", "月、周台账,挂图作战图与项目单页,打包存于 /results/ 下。"),
        MeetingInputs, MeetingBody, run_meeting,
    ),
}  # fmt: skip
