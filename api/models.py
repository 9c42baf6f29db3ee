"""What the service says and hears, as JSON: the command line's --json and the HTTP bodies are the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

import shapely
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import from_json

from api.moments import moment
from layers.base import Text
from layers.plan.capacity import Capacity
from layers.plan.exactness import Exactness
from layers.plan.levelling import Levelling
from layers.plan.routes import Route
from layers.plan.sheet import Line, Part, Service, Sheet
from layers.standards import Standard
from layers.units import mu

Moment = Annotated[AwareDatetime, BeforeValidator(moment)]


class Words(BaseModel):
    """Words in both languages."""

    en: str
    zh: str

    @classmethod
    def of(cls, text: Text) -> Words:
        """Copy a text."""
        return cls(en=text.en, zh=text.zh)


class CheckLine(BaseModel):
    """One check: its severity, the area it concerns and the rule with its source; `layer` holds the objects, "" where several do."""

    id: str
    layer: str
    title: Words
    severity: Literal["pass", "warn", "unknown", "block"]
    area_m2: float
    mu: float
    ratio: float
    unknown_m2: float
    objects: list[str]
    detail: Words
    rule: Words
    source: str
    since: date
    verified: bool
    data_date: date | None

    @classmethod
    def of(cls, line: Line) -> CheckLine:
        """Write a line of a sheet."""
        return cls(
            id=line.id,
            layer=line.layer,
            title=Words.of(line.title),
            severity=line.severity,  # type: ignore[arg-type]
            area_m2=round(line.area, 2),
            mu=round(mu(line.area), 4),
            ratio=round(line.ratio, 6),
            unknown_m2=round(line.unknown_area, 2),
            objects=list(line.objects),
            detail=Words.of(line.detail),
            rule=Words.of(line.rule),
            source=line.source,
            since=line.since,
            verified=line.verified,
            data_date=line.data_date,
        )


class PartLine(BaseModel):
    """One part of the partition; the parts add up to the site."""

    severity: str
    reason: str
    claims: list[str]
    area_m2: float
    mu: float
    geometry: dict[str, Any]

    @classmethod
    def of(cls, part: Part) -> PartLine:
        """Write a part; its area keeps all digits so that the parts add up."""
        return cls(
            severity=part.severity,
            reason=part.reason,
            claims=list(part.claims),
            area_m2=part.area,
            mu=mu(part.area),
            geometry=from_json(shapely.to_geojson(part.geometry)),
        )


class CapacityBody(BaseModel):
    """Whether the network can take the site's load, in `unit`; null is unknown.

    `demand_min`, `demand_max`: what the site asks for. `spare_line`, `spare_way`, `spare_source`: what is spare at most on the line,
    on the lines between that every way to it passes and at the source if there is one only; `spare`: the least of them, at the
    `bottleneck`; `spare_sure`: what is surely spare on one way.
    `others`: what other plots ask for at least at `place`, where there is surely not enough for all, else at the bottleneck (null:
    not counted); `rivals`: the largest of them; `takers`: plots whose load is committed there.
    """

    state: str
    unit: str
    demand_min: float | None
    demand_max: float | None
    spare_line: float | None
    spare_way: float | None
    spare_source: float | None
    spare: float | None
    spare_sure: float | None
    bottleneck: str | None
    place: str | None
    others: float | None
    rivals: list[str]
    rival_count: int
    takers: list[str]
    taker_count: int

    @classmethod
    def of(cls, found: Capacity) -> CapacityBody:
        """Write a capacity."""
        return cls(
            state=found.state,
            unit=found.unit,
            demand_min=_rounded(found.low, 1),
            demand_max=_rounded(found.high, 1),
            spare_line=_rounded(found.line, 1),
            spare_way=_rounded(found.way, 1),
            spare_source=_rounded(found.source, 1),
            spare=_rounded(found.spare, 1),
            spare_sure=_rounded(found.sure, 1),
            bottleneck=found.bottleneck,
            place=found.place,
            others=_rounded(found.others, 1),
            rivals=list(found.rivals),
            rival_count=found.rival_count,
            takers=list(found.takers),
            taker_count=found.taker_count,
        )


class RouteBody(BaseModel):
    """The way from the site to a line, in `crs`: over road land, plots of the same holder and land without parcels.

    Without a way `length_m` is null; `between` is the plot of another that bars it, and `says` tells why there is none.
    """

    length_m: float | None
    road_m: float
    own_m: float
    open_m: float
    plots: list[str]
    between: str | None
    bent: bool
    says: Words
    geometry: dict[str, Any] | None

    @classmethod
    def of(cls, route: Route) -> RouteBody:
        """Write a way."""
        return cls(
            length_m=_rounded(route.length, 2),
            road_m=round(route.road, 2),
            own_m=round(route.own, 2),
            open_m=round(route.open, 2),
            plots=list(route.plots),
            between=route.between,
            bent=route.bent,
            says=Words.of(route.says),
            geometry=None if route.course is None else from_json(shapely.to_geojson(route.course)),
        )


class ServiceState(BaseModel):
    """The state of one service and the line that decides it."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    kind: str
    title: Words
    state: str
    since: Annotated[date | None, Field(alias="from")]
    line: str | None


class ServiceLine(ServiceState):
    """The state of one service with its evidence."""

    source: str | None
    distance_m: float | None
    required: bool
    until: date | None
    capacity: CapacityBody | None
    route: RouteBody | None

    @classmethod
    def of(cls, service: Service, route: Route | None) -> ServiceLine:
        """Write a service."""
        distance = None if service.distance is None else round(service.distance, 2)
        return cls(
            kind=service.kind,
            title=Words.of(service.title),
            state=service.state,
            since=service.since,
            line=service.line,
            source=service.source,
            distance_m=distance,
            required=service.required,
            until=service.until,
            capacity=None if service.capacity is None else CapacityBody.of(service.capacity),
            route=None if route is None else RouteBody.of(route),
        )


class Figure(BaseModel):
    """A number of law or practice that an answer rests on."""

    name: str
    value: float
    unit: str
    rule: Words
    source: str
    since: date
    verified: bool

    @classmethod
    def of(cls, line: Standard) -> Figure:
        """Write a standard."""
        return cls(
            name=line.name,
            value=line.value,
            unit=line.unit,
            rule=Words(en=line.en, zh=line.zh),
            source=line.source,
            since=line.since,
            verified=line.verified,
        )


class ExactnessBody(BaseModel):
    """How exact the area is, and whether the verdict survives a boundary that errs by the tolerance.

    `smaller` and `larger` are the verdicts on the site moved in and out; `because` names the rules that turn the verdict.
    """

    planar_m2: float
    ellipsoidal_m2: float
    sigma_m2: float
    survey_class: str
    tolerance_m: float
    survives: bool
    smaller: Literal["free", "unknown", "blocked"]
    larger: Literal["free", "unknown", "blocked"]
    because: list[str]

    @classmethod
    def of(cls, found: Exactness) -> ExactnessBody:
        """Write how exact a site is; areas keep the digits that tell planar from ellipsoidal."""
        return cls(
            planar_m2=round(found.planar, 4),
            ellipsoidal_m2=round(found.ellipsoidal, 4),
            sigma_m2=round(found.sigma, 2),
            survey_class=found.survey_class,
            tolerance_m=found.tolerance,
            survives=found.survives,
            smaller=found.smaller,  # type: ignore[arg-type]
            larger=found.larger,  # type: ignore[arg-type]
            because=list(found.because),
        )


class LevellingBody(BaseModel):
    """What levels a site: cut in the ground, fill in place, net what is left over in place; null is unknown."""

    balanced: bool
    level_m: float | None
    cut_m3: float | None
    fill_m3: float | None
    net_m3: float | None
    depth_m: float | None
    above_share: float | None
    slope_over_share: float | None
    earthwork: bool | None
    bulking: Figure
    limit: Figure
    data_date: date | None

    @classmethod
    def of(cls, found: Levelling) -> LevellingBody:
        """Write the levelling of a site."""
        return cls(
            balanced=found.balanced,
            level_m=_rounded(found.level, 3),
            cut_m3=_rounded(found.cut, 2),
            fill_m3=_rounded(found.fill, 2),
            net_m3=_rounded(found.net, 2),
            depth_m=_rounded(found.depth, 3),
            above_share=_rounded(found.above, 4),
            slope_over_share=_rounded(found.slope_over_share, 4),
            earthwork=found.earthwork,
            bulking=Figure.of(found.bulking),
            limit=Figure.of(found.limit),
            data_date=found.data_date,
        )


class LevelBody(BaseModel):
    """The levelling of one site on its own."""

    id: str
    as_of: datetime | None
    generated: bool
    levelling: LevellingBody


def _rounded(value: float | None, digits: int) -> float | None:
    """Round what is known; a rounding error has no sign."""
    return None if value is None else round(value, digits) + 0.0


class InputsBody(BaseModel):
    """What an answer was made from: the day asked about, that of the knowledge, the rules, the engine, the version of each layer."""

    on: date
    known: date
    standards: str
    engine: int
    layers: dict[str, int]


class SheetBody(BaseModel):
    """The sheet of one site: checks, partition, services, verdict. Geometry is in `crs`, east before north."""

    id: str
    crs: str
    on: date
    as_of: datetime | None
    use: str | None
    generated: bool
    area_m2: float
    mu: float
    verdict: Literal["free", "unknown", "blocked"]
    ready_state: str
    ready_from: date | None
    deciding: str
    missing: list[str]
    residual_m2: float
    checks: list[CheckLine]
    parts: list[PartLine]
    services: list[ServiceLine]
    land_use_m2: dict[str, float]
    terrain: dict[str, float | None]
    serviced_level: Literal[0, 3, 5, 7]
    levelled: bool | None
    levelling: LevellingBody
    exactness: ExactnessBody
    not_asked: list[str]
    inputs: InputsBody | None

    @classmethod
    def of(
        cls, sheet: Sheet, crs: str, generated: bool, as_of: datetime | None = None, inputs: Mapping[str, Any] | None = None
    ) -> SheetBody:
        """Write a sheet; without `inputs` where others tell what it was made from, as packs of listings do."""
        return cls(
            id=sheet.id,
            crs=crs,
            on=sheet.on,
            as_of=as_of,
            use=sheet.use,
            generated=generated,
            area_m2=sheet.area,
            mu=mu(sheet.area),
            verdict=sheet.verdict,  # type: ignore[arg-type]
            ready_state=sheet.ready_state,
            ready_from=sheet.ready_from,
            deciding=sheet.deciding,
            missing=list(sheet.missing),
            residual_m2=sheet.residual,
            checks=[CheckLine.of(line) for line in sheet.lines],
            parts=[PartLine.of(part) for part in sheet.parts],
            services=[ServiceLine.of(service, sheet.routes.get(service.kind)) for service in sheet.services],
            land_use_m2={k: round(v, 2) for k, v in sheet.land_use.items()},
            terrain={k: _rounded(v, 3) for k, v in sheet.terrain.items()},
            serviced_level=sheet.serviced_level,  # type: ignore[arg-type]
            levelled=None if sheet.levelling.earthwork is None else not sheet.levelling.earthwork,
            levelling=LevellingBody.of(sheet.levelling),
            exactness=ExactnessBody.of(sheet.exactness),
            not_asked=list(sheet.not_asked),
            inputs=None if inputs is None else InputsBody(**inputs),
        )


class CheckRequest(BaseModel):
    """A site to check: a GeoJSON polygon or multipolygon in `crs` (east before north), and what the project needs."""

    geometry: dict[str, Any]
    crs: str = "EPSG:4326"
    use: str | None = None
    required_mu: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None
    on: date | None = None
    as_of: Moment | None = None
    level: Literal[3, 5, 7] | None = None
    answer_crs: str | None = Field(None, description="CRS of the answer's geometry, east before north; default: the base's")


class Health(BaseModel):
    """Whether the service can answer, from which base and in what state."""

    status: Literal["ok"]
    title: str | None = None
    crs: str | None = None
    layers: dict[str, int] | None = None


class Problem(BaseModel):
    """An error as RFC 9457 problem+json; `id` finds it in the server's log; `terms`: what is wrong with each, by its name."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    detail_zh: str
    id: str
    terms: dict[str, Words] | None = None
