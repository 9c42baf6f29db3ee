"""The ledger of the demo park: the key projects of the founding documents, whose figures its rows give (domain.md F08, F13, F15).

41 key projects, 4 provincial and 16 municipal, all started that were due, 35.6 hundred million yuan invested, 710,000 m2 of
new floor; seven more land cases of 616 mu passed the review, a fifth more than the year before, 77 mu of them as a first phase.
The year is 2025. None of it is real.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from layers.demo.frame import dates, frame
from layers.demo.park import District
from layers.demo.records import Rows, records
from layers.demo.records import table as _table
from layers.demo.sites import MU, PROJECTS
from layers.ledger.land import APPROVALS

YEAR = 2025
KEY, PROVINCIAL, MUNICIPAL = 41, 4, 16
INVESTED, FLOOR = 356_000, 710_000.0
"""Investment made by the key projects [10^4 CNY] and the floor area of their buildings begun in the year [m2]."""
REVIEWED, FIRST_PHASE, GROWTH = 616, 77, 1.2
PEOPLE = ("王Wang", "李Li", "张Zhang", "刘Liu", "陈Chen", "杨Yang")
TRADES = (
    ("C3311", "新材料 new materials"), ("C3484", "装备 equipment"), ("C3841", "储能 batteries"), ("C2710", "医药 pharmaceuticals"),
    ("C3391", "铸造 castings"), ("C3985", "电子材料 electronic materials"),
)  # fmt: skip
TAGS = ("世界强企业 global leaders", "央企 central enterprises", "流域协同 river basin", "动能转换 new drivers")
"""How signings are told apart (F43)."""
CLEARED = 150
"""Land that the consolidation of the year cleared [mu] (F40)."""
PHASED, PARTS = 120, (72, 48)
"""A reviewed project in two phases, and the land of each [mu]."""
DONE = ("signing", "joint_review", "planning_conditions", "listing_notice", "listing", "grant_contract")
"""Steps up to the contract."""
LATER = (
    "filing", "environmental_impact", "energy_review", "water_conservation", "scheme", "scheme_notice", "drawing_review", "tender",
    "safety_measures", "land_price_paid", "land_planning_permit", "title_certificate", "engineering_planning_permit",
    "civil_defence_relocation", "construction_permit", "start",
)  # fmt: skip
"""Steps from the contract to the start."""
WORKS = ("line_check", "above_ground", "topped_out", "utilities_connected", "completion", "planning_verification", "acceptance", "title", "trial_production", "in_production")  # fmt: skip


def tables(parcels: gpd.GeoDataFrame) -> Iterator[tuple[str, date, gpd.GeoDataFrame]]:
    """Give the tables of the ledger with the day to which each is kept; `parcels`: those on which projects may stand."""
    land = _land(parcels, KEY - len(_reviewed()))
    started = [_started(k, land[k]) for k in range(len(land))]
    coming = [*_reviewed(), _consolidation()]
    kept = date(YEAR + 1, 3, 31)
    yield "projects", kept, _table("projects", [*(p for p, *_ in started), *(p for p, *_ in coming), *_others()])
    yield "phases", kept, _table("phases", _phases())
    yield "permits", kept, _table("permits", [row for _, rows, *_ in [*started, *coming] for row in rows])
    yield "land_cases", kept, _table("land_cases", [case for *_, case in [*started, *coming]])
    yield "buildings", kept, _table("buildings", _buildings(len(started)))
    yield "connections", kept, _table("connections", _orders(len(started)))
    yield "issues", kept, _table("issues", _issues(len(started)))
    yield from records(kept, parcels)


def approvals(district: District) -> gpd.GeoDataFrame | None:
    """Draw the approvals of acquisition and conversion, each of a whole block; None where there is no such block."""
    blocks = [b for b in APPROVED if district.number == 0 and district.own[b]]
    if not blocks:
        return None
    shapes = np.array([shapely.Polygon(district.corners[b]) for b in blocks for _ in APPROVALS], object)
    kinds = [kind for _ in blocks for kind in APPROVALS]
    count = len(shapes)
    columns = {
        "id": [f"A-{n + 1}" for n in range(count)], "kind": kinds, "batch": f"{YEAR}年第一批次", "number": f"示例批文{YEAR}-1",
        "authority": "省人民政府 province", "arable_area": np.round(0.6 * shapely.area(shapes), 2), "approved_on": dates([f"{YEAR}-03-20"] * count),
    }  # fmt: skip
    return frame("approvals", shapes, columns)


def _carried(number: int) -> dict[str, str]:
    """Name who carries a project: the five ones."""
    who = [PEOPLE[(number + k) % len(PEOPLE)] for k in range(2)]
    return {
        "leader": who[0], "department": "建设服务科 construction services", "steward": who[1],
        "work_plan": f"方案{YEAR}-{number:03d}", "target": "当年开工,次年投产 start this year, produce the next",
    }  # fmt: skip


def _level(number: int) -> str:
    """Choose the level of a key project by its number."""
    return "provincial" if number < PROVINCIAL else "municipal" if number < PROVINCIAL + MUNICIPAL else "district"


def _shared(total: float, count: int, k: int) -> int:
    """Share a whole number out among many, so that the shares add up to it."""
    return int(total * (k + 1) // count - total * k // count)


def _day(start: str, days: int) -> str:
    """Go on from a day."""
    return str(np.datetime64(start, "D") + days)


def _land(parcels: gpd.GeoDataFrame, count: int) -> list[tuple[str | None, float]]:
    """Choose the parcels of each project that started, with their area [mu]; of some, and where there are none, nobody wrote them down."""
    sizes = dict(zip(parcels["id"], shapely.area(parcels.geometry.to_numpy()) / MU, strict=True))
    free = {status: [id for id, s in zip(parcels["id"], parcels["status"], strict=True) if s == status] for status in ("built", "under_construction")}  # fmt: skip
    found: list[tuple[str | None, float]] = []
    for k in range(count):
        status, wanted = ("built", 3) if k % 2 == 0 else ("under_construction", 1)
        mine = [] if k in LATE else free[status][:wanted]
        free[status] = free[status][len(mine) :]
        mu = round(sum(sizes[id] for id in mine), 2) if mine else 30.0 + 5 * (k % 7)
        found.append((", ".join(mine) or None, mu))
    return found


def _started(k: int, land: tuple[str | None, float]) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """Make a project that started in the year, the earlier half in production since: project, steps, land case."""
    id, (code, trade) = f"P-K{k + 1:02d}", TRADES[k % len(TRADES)]
    count = KEY - len(_reviewed())
    parcels, mu = land
    project = {
        "id": id, "name": f"示例 demo · {trade} {k + 1}", "kind": "industrial", "level": _level(k), "industry_code": code,
        "status": "in_production" if k % 2 == 0 else "started", "enterprise": f"示例企业 demo company {k + 1}", **_carried(k),
        "investment_planned": 15_000 + 500 * (k % 9), "investment_actual": _shared(INVESTED, count, k),
        "required_area": mu * MU, "required_use_code": "100102", "jobs_expected": 120 + k,
        "target_item": "in_production", "target_on": f"{YEAR + 1}-12-31", "tags": TAGS[k % len(TAGS)],
    }  # fmt: skip
    if k % 2 == 0:
        project |= {"output_actual": 20_000 + 100 * k, "tax_actual": 900 + 10 * k, "jobs_actual": 110 + k}
    signed = _day(f"{YEAR}-01-06", k)
    gap = k % 4 * 3  # days from contract to start: a quarter starts the day the land is taken
    contract = _day(signed, 45 + k % 5)
    begun = _day(contract, gap)
    days = {item: _day(signed, 6 * n) for n, item in enumerate(DONE[:-1])} | {"grant_contract": contract}
    days |= {item: contract for item in LATER if item in EARLY} | {item: begun for item in LATER if item not in EARLY}
    works = {item: _day(begun, 20 * n + 5) for n, item in enumerate(WORKS)} if k % 2 == 0 else {}
    works = works or {item: _day(begun, 70 * n + 5) for n, item in enumerate(WORKS[:3])}
    steps = [_step(id, item, day, day) for item, day in (days | works).items()]
    behind = 40 if k in LATE else 0
    coming = zip(WORKS, (0, 0, 0, *COMING), strict=True)
    steps += [_step(id, item, _day(f"{YEAR + 1}-05-15", n - behind), None) for item, n in coming if item not in works]
    earlier = k < len(EARLIER)
    case = {
        "id": f"C-K{k + 1:02d}", "project": id, "parcels": parcels, "total_area": (EARLIER[k] if earlier else mu) * MU, "review_status": "passed",
        "opinion_no": f"联审{YEAR - (1 if earlier else 2)}-{k + 1:03d}", "opinion_on": f"{YEAR - (1 if earlier else 2)}-11-{k % 27 + 1:02d}",
        "supply": "listing", "contract_no": f"示例合同{k + 1}", "supplied_on": contract, "supplied_area": mu * MU,
    }  # fmt: skip
    return project, steps, case


EARLY = ("filing", "environmental_impact", "energy_review", "water_conservation", "scheme", "scheme_notice", "drawing_review", "tender", "safety_measures", "land_price_paid")  # fmt: skip
"""Steps of which all is prepared by the day of the contract."""
COMING = (0, 60, 100, 125, 125, 160, 225)
"""When the works of projects that are under construction are planned, from the connection of utilities on [d]."""
LATE = (3, 11, 19)
"""Projects whose works were planned too early."""
APPROVED = ((2, 2), (1, 2))
"""Blocks of the first district that acquisition approvals cover."""
EARLIER = (80.0, 90.0, 85.0, 75.0, 95.0, REVIEWED / GROWTH - 425.0)
"""Land of the cases that passed the review in the year before [mu]."""


def _step(project: str, item: str, planned: str, actual: str | None) -> dict[str, Any]:
    """Make a step of a project."""
    return {"id": f"{project}-{item}", "project": project, "item": item, "planned_on": planned, "actual_on": actual}


def _reviewed() -> list[tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]]:
    """Make the seven projects whose land passed the review in the year, those of the demo's sites."""
    found = []
    for n, p in enumerate(PROJECTS[:7]):
        id, (code, _) = f"P-{p.mu}(示例)", TRADES[n % len(TRADES)]
        project = {
            "id": id, "name": f"示例 demo · {p.name}", "kind": "industrial", "template": "industrial_scheme" if p.mu == FIRST_PHASE else None,
            "status": "review_passed", "level": _level(KEY - 7 + n), "industry_code": code, **_carried(KEY - 7 + n),
            "investment_planned": 200 * p.mu, "required_area": p.mu * MU, "required_use_code": p.use,
            "target_item": "in_production", "target_on": _day(p.needed_by, 500), "tags": TAGS[n % len(TAGS)],
        }  # fmt: skip
        steps = [
            _step(id, "signing", f"{YEAR}-05-12", f"{YEAR}-05-12"),
            _step(id, "joint_review", f"{YEAR}-08-29", f"{YEAR}-08-29"),
        ]
        steps += [_step(id, "grant_contract", p.needed_by, None), _step(id, "start", _day(p.needed_by, 30), None)]
        case = {
            "id": f"C-{p.mu}", "project": id, "total_area": p.mu * MU, "review_status": "passed", "opinion_no": f"联审{YEAR}-{p.mu}",
            "opinion_on": f"{YEAR}-08-29", "valid_until": f"{YEAR + 2}-08-29",
            "first_phase_area": FIRST_PHASE * MU if p.mu == FIRST_PHASE else None,
        }  # fmt: skip
        found.append((project, steps, case))
    return found


def _consolidation() -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """Make the project that clears land of villages in the year (F40, F58): project, steps, the land that it cleared."""
    id = "P-land(示例)"
    project = {
        "id": id, "name": "示例 demo · 土地清理 land clearing", "kind": "consolidation", "template": "consolidation", "level": "park",
        "status": "acquiring", **_carried(52), "funds_planned": 9_000, "funds_paid": 6_300, "funder": "示例平台公司 demo platform company",
        "required_area": CLEARED * MU, "target_item": "acceptance", "target_on": f"{YEAR + 1}-12-31",
    }  # fmt: skip
    days = zip(("signing", "filing", "land_survey", "compensation_notice", "compensation_agreement", "land_cleared"),
               ("02-10", "02-14", "03-28", "05-06", "07-15", "10-20"), strict=True)  # fmt: skip
    steps = [_step(id, item, f"{YEAR}-{day}", f"{YEAR}-{day}") for item, day in days]
    steps += [_step(id, "start", f"{YEAR + 1}-05-15", None), _step(id, "completion", f"{YEAR + 1}-10-15", None)]
    return project, steps, {"id": "C-land", "project": id, "total_area": CLEARED * MU}


def _phases() -> Rows:
    """Part a reviewed project into phases: each with its land, its investment and its target."""
    site = next(p for p in PROJECTS if p.mu == PHASED)
    return [
        {
            "id": f"F-{PHASED}-{k + 1}", "project": f"P-{PHASED}(示例)", "phase": k + 1, "name": f"{k + 1}期 phase {k + 1}", "area": mu * MU,
            "investment_planned": 200 * mu, "floor_planned": mu * MU * 1.2, "target_item": "in_production", "target_on": _day(site.needed_by, 500 + 365 * k),
        }
        for k, mu in enumerate(PARTS)
    ]  # fmt: skip


def _others() -> Rows:
    """Make the projects of the demo's other sites, which are no key projects: housing and a street."""
    return [
        {"id": "P-189(示例)", "name": "示例 demo · 住宅项目 housing", "kind": "residential", "level": "park", **_carried(50)},
        {"id": "P-road(示例)", "name": "示例 demo · 道路工程 street works", "kind": "infrastructure", "level": "park", "continued": False,
         "investment_planned": 3_000, "funds_planned": 3_000, "funds_paid": 1_200, "funder": "示例平台公司 demo platform company", **_carried(51)},
    ]  # fmt: skip


def _buildings(count: int) -> Rows:
    """Make two buildings a project, begun in the year."""
    return [
        {
            "id": f"B-K{k // 2 + 1:02d}-{k % 2 + 1}", "project": f"P-K{k // 2 + 1:02d}", "name": f"{k % 2 + 1}号楼",
            "floor_area": float(_shared(FLOOR, 2 * count, k)), "started_on": f"{YEAR}-0{k % 5 + 4}-01",
            "progress": "accepted" if k // 2 % 2 == 0 else "topped_out",
        }
        for k in range(2 * count)
    ]  # fmt: skip


def _orders(count: int) -> Rows:
    """Make the connection orders of 20 projects: gas, sewage and water (F16)."""
    return [
        {
            "id": f"O-K{k + 1:02d}-{utility}", "project": f"P-K{k + 1:02d}", "utility": utility, "ordered_on": f"{YEAR}-06-0{n + 1}",
            "planned_on": f"{YEAR + 1}-0{n + 3}-15", "connected_on": f"{YEAR}-09-2{n}" if k % 2 == 0 else None,
        }
        for k in range(min(20, count)) for n, utility in enumerate(("gas", "sewage", "water"))
    ]  # fmt: skip


def _issues(count: int) -> Rows:
    """Make the issues of ten projects, most of them settled the same day (F47)."""
    return [
        {
            "id": f"I-{k + 1:03d}", "project": f"P-K{k % count + 1:02d}", "subject": "临时用电 temporary power",
            "received_on": f"{YEAR}-07-{k + 1:02d}", "handled_on": f"{YEAR}-07-{k + 1 + (k % 5 == 4):02d}",
            "verified_on": f"{YEAR}-07-{k + 3:02d}", "first_contact": PEOPLE[k % len(PEOPLE)],
        }
        for k in range(10)
    ]  # fmt: skip
