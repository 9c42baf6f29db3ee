"""What land is free, blocked or unknown: every rule of every layer, and the exact partition of each plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.overlay import Pairs, Pieces, overlaps, partition, rims
from layers.base import Ask, Claims, Land, Layer, Rule, Survey, codes, empty
from layers.catalogue import LAYERS

SEVERITIES = codes(
    ("pass", "pass", "通过", "#0072B2"),
    ("warn", "warning", "提示", "#E69F00"),
    ("unknown", "unknown", "未知", "#BBBBBB"),
    ("block", "blocked", "阻断", "#882255"),
)
VERDICTS = codes(
    ("free", "free", "可供", "#0072B2"),
    ("unknown", "unknown remains", "存在未知", "#BBBBBB"),
    ("blocked", "blocked", "受限", "#882255"),
)
PASS, WARN, UNKNOWN, BLOCK = range(4)
NAMES = np.array(list(SEVERITIES), object)


NO_CLAIMS = Claims(*(np.zeros(0, object) for _ in range(3)))


class Asked(NamedTuple):
    """A rule of a layer, as it is asked."""

    layer: Layer
    rule: Rule

    @property
    def key(self) -> str:
        """The rule's name: its check and what it is about."""
        return f"{self.rule.id}:{self.rule.severity}"


def asked() -> tuple[Asked, ...]:
    """List all rules of all layers in the order of their checks."""
    return tuple(sorted((Asked(y, r) for y in LAYERS.values() for r in y.rules), key=lambda a: a.rule.id))


@dataclass(frozen=True, slots=True)
class Supply:
    """The verdict on many plots.

    `plots`: index of the plots; `area`, `free_area`, `warn_area`, `unknown_area`, `blocked_area`, `residual` [m2] (the five
    add up to `area`), `verdict` (free, unknown, blocked), `reason` (key of the deciding rule, "" where none).
    `checks`: one row a plot and rule: `plot` (position), `rule` (position in `asked()`), `severity`, `area` [m2] of the land
    of that severity, `unknown_area` [m2].
    `parts`: the partition: `plot` (position), `severity`, `reason` (key, "" where free), `area` [m2], geometry; `piece`.
    `claims`: what lies on the parts: `piece`, `rule`, `object`, `severity`, `area` [m2 of the part].
    """

    plots: pd.DataFrame
    checks: pd.DataFrame
    parts: gpd.GeoDataFrame
    claims: pd.DataFrame

    def of(self, plot: int) -> Supply:
        """Pick what is said of one plot, by its position; in the answer it is plot 0 and its pieces are numbered from 0."""
        first, stop = np.searchsorted(self.parts["plot"], (plot, plot + 1))
        mine = self.claims["piece"].between(first, stop - 1)
        parts = self.parts.iloc[first:stop]
        return Supply(
            self.plots.iloc[[plot]],
            self.checks[self.checks["plot"] == plot].assign(plot=0),
            parts.assign(plot=0, piece=parts["piece"] - first),
            self.claims[mine].assign(piece=self.claims["piece"][mine] - first),
        )


class _Claims(NamedTuple):
    """The claims of all rules, one row each; `shape` numbers distinct polygons of `shapes`."""

    shapes: NDArray[np.object_]
    shape: NDArray[np.intp]
    rule: NDArray[np.intp]
    code: NDArray[np.int8]
    object: NDArray[np.object_]


def survey_of(land: Land, layer: Layer, crs: object) -> Survey:
    """Look up a layer's survey; a layer that nobody delivered is an empty one."""
    return land[layer.name] if layer.name in land else Survey(empty(layer, crs))


def severity_code(ask: Ask, rule: Rule) -> int:
    """Number the severity of a breach of a rule on the day."""
    return list(SEVERITIES).index(ask.standards[rule.severity])


def _claims(plots: gpd.GeoDataFrame, land: Land, ask: Ask, rules: tuple[Asked, ...]) -> _Claims:
    """Collect the claims of all rules; polygons that several rules share are kept once."""
    frames = [
        rule.claims(land[layer.name].features, ask) if layer.name in land and len(land[layer.name].features) else NO_CLAIMS
        for layer, rule in rules
    ]
    geometry = np.concatenate([f.shapes for f in frames])
    which = np.repeat(np.arange(len(rules)), [len(f.shapes) for f in frames])
    outcome = np.concatenate([f.outcomes for f in frames])
    breach = np.array([severity_code(ask, rule) for _, rule in rules])
    code = np.select([outcome == "breach", outcome == "unknown"], [breach[which], UNKNOWN], PASS).astype(np.int8)
    # Numbered as they come, not by their addresses: the same land gives the same answer to the last digit.
    shape = pd.factorize(np.array([id(g) for g in geometry], np.int64))[0]
    first = np.unique(shape, return_index=True)[1]
    objects = np.concatenate([f.objects for f in frames])
    return _Claims(geometry[first], shape, which, code, objects)


class Sliver(NamedTuple):
    """What counts as a drawing sliver: no larger than `area` [m2] and narrower than `width` [m].

    A shape is as wide as twice its area by its perimeter, and none is wider than the root of its area.
    """

    area: float
    width: float

    def among(self, rim: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which shapes of a given perimeter [m] and size [m2] are slivers."""
        return (size <= self.area) & ((size <= self.width**2) | (2 * size <= self.width * rim))

    def few(self, thin: NDArray[np.bool_], size: NDArray[np.float64], plot: NDArray[np.intp], plots: int) -> NDArray[np.bool_]:
        """Keep the slivers of those plots whose slivers are together no larger than one may be."""
        total = np.bincount(plot[thin], size[thin], plots)
        return thin & (total[plot] <= self.area)


def _settle(a: NDArray[np.object_], pairs: Pairs, sliver: Sliver) -> Pairs:
    """Take drawing slivers out: a thin overlap is none, and a plot that lacks but a thin rim is wholly inside."""
    thin = ~pairs.whole & (pairs.area <= sliver.area)
    thin[thin] = sliver.among(rims(a, pairs.pick(thin))[0], pairs.area[thin])
    thin = sliver.few(thin, pairs.area, pairs.i, len(a))
    rest = shapely.area(a)[pairs.i] - pairs.area
    nearly = ~pairs.whole & ~thin & (rest <= sliver.area)
    whole = pairs.whole.copy()
    whole[nearly] = sliver.among(rims(a, pairs.pick(nearly))[1], rest[nearly])
    return pairs._replace(whole=whole).pick(~thin)


def _absorb(pieces: Pieces, code: NDArray[np.int8], sliver: Sliver, plots: int) -> NDArray[np.int8]:
    """Let the thin gaps and rims between claims follow the largest piece of their plot."""
    thin = sliver.few(sliver.among(pieces.rim, pieces.area), pieces.area, pieces.plot, plots)
    order = np.lexsort((-pieces.area, pieces.plot))
    largest = np.empty(plots, np.intp)
    largest[pieces.plot[order[::-1]]] = order[::-1]
    return np.where(thin[:, None], code[largest[pieces.plot]], code)


def _known(pieces: Pieces, first: int, covers: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell for each piece and rule whether the rule's kind was surveyed there, shape (pieces, rules)."""
    surveyed = np.zeros((len(pieces.plot), covers.max(initial=-1) + 2), bool)
    mine = pieces.polygon >= first
    surveyed[pieces.piece[mine], pieces.polygon[mine] - first] = True
    return surveyed[:, covers]


def _coverages(land: Land, rules: tuple[Asked, ...], crs: object) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    """List the distinct coverage polygons, and for each rule the number of its own (the last, empty one where none)."""
    areas = [survey_of(land, layer, crs).coverage(rule.kind) for layer, rule in rules]
    distinct = {shapely.to_wkb(area): area for area in areas if not area.is_empty}
    number = {key: n for n, key in enumerate(distinct)}
    covers = np.array([number.get(shapely.to_wkb(area), len(distinct)) for area in areas], np.intp)
    return np.array(list(distinct.values()), object), covers


def judge(plots: gpd.GeoDataFrame, land: Land, ask: Ask, own: str = "", draw: bool = True) -> Supply:
    """Judge every plot by every rule, and split its area into parts that add up.

    Parameters
    ----------
    plots : polygons with a column `id`, in the CRS of `land`
    land : what is stored around the plots, by layer; a layer that is missing makes its rules unknown
    ask : the day, the standards and the use
    own : the layer that the plots are stored in: their own row there is no claim of another ("" for none)
    draw : whether the parts get outlines; without them `parts` has none for most

    Memory grows with the claims on the plots: callers work tile by tile.
    """
    rules = asked()
    a = plots.geometry.to_numpy()
    claims = _claims(plots, land, ask, rules)
    coverages, covers = _coverages(land, rules, plots.crs)
    pairs = overlaps(a, np.concatenate([claims.shapes, coverages]), ask.standards["supply.drawing_noise"], draw)
    sliver = Sliver(ask.standards["control_lines.sliver_area"], ask.standards["control_lines.sliver_width"])
    pairs = _settle(a, pairs, sliver)
    pieces = partition(a, pairs, np.inf if draw else sliver.area)
    known = _known(pieces, len(claims.shapes), covers)
    laid = _laid(pieces, claims)
    if own == "sites":
        mine = np.array([y.layer.name == own for y in rules])[laid["rule"]]
        laid = laid[~(mine & (laid["object"].to_numpy(object) == plots["id"].to_numpy(object)[pieces.plot[laid["piece"]]]))]
    code = _absorb(pieces, _decide(pieces, laid, known, rules, ask), sliver, len(a))
    return _report(plots, pieces, code, laid, rules)


def _laid(pieces: Pieces, claims: _Claims) -> pd.DataFrame:
    """List what claim lies on which piece."""
    order = np.argsort(claims.shape, kind="stable")
    mine = pieces.polygon < len(claims.shapes)
    piece, shape = pieces.piece[mine], pieces.polygon[mine]
    start, stop = np.searchsorted(claims.shape[order], shape), np.searchsorted(claims.shape[order], shape, "right")
    count = stop - start
    at = np.repeat(np.arange(len(shape)), count)
    turn = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    claim = order[start[at] + turn]
    return pd.DataFrame(
        {"piece": piece[at], "rule": claims.rule[claim], "code": claims.code[claim], "object": claims.object[claim]}
    )


def _decide(pieces: Pieces, laid: pd.DataFrame, known: NDArray[np.bool_], rules: tuple[Asked, ...], ask: Ask) -> NDArray[np.int8]:
    """Decide each piece by each rule, shape (pieces, rules): the worst of the claims on it, else what holds elsewhere."""
    code = np.full(known.shape, -1, np.int8)
    np.maximum.at(code, (laid["piece"].to_numpy(), laid["rule"].to_numpy()), laid["code"].to_numpy())
    breach = [severity_code(ask, rule) for _, rule in rules]
    beyond = [{"pass": PASS, "unknown": UNKNOWN, "breach": b}[r.rule.elsewhere] for r, b in zip(rules, breach, strict=True)]
    default = np.where(known, np.array(beyond, np.int8), UNKNOWN)
    return np.where(code < 0, default, code).astype(np.int8)


def _report(
    plots: gpd.GeoDataFrame, pieces: Pieces, code: NDArray[np.int8], laid: pd.DataFrame, rules: tuple[Asked, ...]
) -> Supply:
    """Sum the decisions up by piece, by plot and rule, and by plot."""
    n, keys = len(plots), np.array([r.key for r in rules], object)
    worst, decider = code.max(axis=1), code.argmax(axis=1)
    reason = np.where(worst > PASS, keys[decider], "")
    parts = gpd.GeoDataFrame(
        {"plot": pieces.plot, "severity": NAMES[worst], "reason": reason, "area": pieces.area, "piece": np.arange(len(worst))},
        geometry=pieces.geometry,
        crs=plots.crs,
    )
    areas = np.stack([np.bincount(pieces.plot[worst == s], pieces.area[worst == s], n) for s in range(4)])
    whole = plots.geometry.area.to_numpy()
    most = np.zeros(n, np.int8)
    np.maximum.at(most, pieces.plot, worst)
    first = np.full(n, len(rules))
    deciding = worst == most[pieces.plot]
    np.minimum.at(first, pieces.plot[deciding], decider[deciding])
    summary = pd.DataFrame(
        {
            "area": whole,
            "free_area": areas[PASS],
            "warn_area": areas[WARN],
            "unknown_area": areas[UNKNOWN],
            "blocked_area": areas[BLOCK],
            "residual": whole - areas.sum(axis=0),
            "verdict": np.array(["free", "free", "unknown", "blocked"], object)[most],
            "reason": np.where(most > PASS, keys[np.minimum(first, len(rules) - 1)], ""),
        },
        index=plots.index,
    )
    claims = laid.assign(severity=NAMES[laid["code"]], area=pieces.area[laid["piece"]]).drop(columns="code")
    return Supply(summary, _checks(n, pieces, code), parts, claims)


def _checks(n: int, pieces: Pieces, code: NDArray[np.int8]) -> pd.DataFrame:
    """Sum the decisions by plot and rule."""
    rules = code.shape[1]
    cell = pieces.plot[:, None] * rules + np.arange(rules)
    most = np.zeros(n * rules, np.int8)
    np.maximum.at(most, cell, code)
    weight = np.broadcast_to(pieces.area[:, None], code.shape)
    area = np.bincount(cell.ravel(), np.where(code == most[cell], weight, 0.0).ravel(), n * rules)
    unknown = np.bincount(cell.ravel(), np.where(code == UNKNOWN, weight, 0.0).ravel(), n * rules)
    return pd.DataFrame(
        {
            "plot": np.repeat(np.arange(n), rules),
            "rule": np.tile(np.arange(rules), n),
            "severity": NAMES[most],
            "area": area,
            "unknown_area": unknown,
        }
    )
