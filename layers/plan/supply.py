"""What land is free, blocked or unknown: every rule of every layer, and the exact partition of each plot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.overlay import Pairs, overlaps, rims
from geo.partition import Pieces, partition
from layers.base import NO_CLAIMS, Ask, Land, Layer, Rule, Survey, codes, empty, tabled, texts, united
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


class Asked(NamedTuple):
    """A rule of a layer, as it is asked."""

    layer: Layer
    rule: Rule

    @property
    def key(self) -> str:
        """The rule's name: its check and what it is about."""
        return f"{self.rule.id}:{self.rule.severity}"


@cache
def asked() -> tuple[Asked, ...]:
    """List all rules of all layers in the order of their checks."""
    return tuple(sorted((Asked(y, r) for y in LAYERS.values() for r in y.rules), key=lambda a: a.rule.id))


@cache
def keys() -> NDArray[np.object_]:
    """List the keys of all rules, in the order of `asked`."""
    return np.array([a.key for a in asked()], object)


class Laid(NamedTuple):
    """Which claims lie on which pieces, shape (n,) each: the piece, the rule, the severity and the object that claims."""

    piece: NDArray[np.intp]
    rule: NDArray[np.intp]
    code: NDArray[np.int8]
    object: NDArray[np.object_]


class ByRule(NamedTuple):
    """What each rule says of each plot, shape (plots, rules): the worst severity, the area of it and what is unknown [m2]."""

    code: NDArray[np.int8]
    area: NDArray[np.float64]
    unknown: NDArray[np.float64]


class Decided(NamedTuple):
    """The decisions on plots: `size` [m2] of each, their pieces, `code` (the severity by piece and rule) and the claims."""

    size: NDArray[np.float64]
    pieces: Pieces
    code: NDArray[np.int8]
    laid: Laid

    @property
    def worst(self) -> NDArray[np.int8]:
        """The worst severity on each piece."""
        return np.asarray(self.code.max(axis=1), np.int8)

    @property
    def reason(self) -> NDArray[np.object_]:
        """The key of the rule that decides each piece, "" where it passes."""
        return np.where(self.worst > PASS, keys()[self.code.argmax(axis=1)], "")

    def areas(self) -> NDArray[np.float64]:
        """Sum the areas by severity, shape (4, plots) [m2]."""
        plot, area, worst, n = self.pieces.plot, self.pieces.area, self.worst, len(self.size)
        return np.stack([np.bincount(plot[worst == s], area[worst == s], n) for s in range(4)])

    def by_rule(self) -> ByRule:
        """Sum the decisions up by plot and rule."""
        n, rules = len(self.size), self.code.shape[1]
        cell = self.pieces.plot[:, None] * rules + np.arange(rules)
        most = np.zeros(n * rules, np.int8)
        np.maximum.at(most, cell, self.code)
        weight = np.broadcast_to(self.pieces.area[:, None], self.code.shape)
        area = np.bincount(cell.ravel(), np.where(self.code == most[cell], weight, 0.0).ravel(), n * rules)
        unknown = np.bincount(cell.ravel(), np.where(self.code == UNKNOWN, weight, 0.0).ravel(), n * rules)
        return ByRule(*(np.asarray(sums).reshape(n, rules) for sums in (most, area, unknown)))


@dataclass(frozen=True, slots=True)
class Supply:
    """The verdict on many plots.

    `plots`: index of the plots; `area`, `free_area`, `warn_area`, `unknown_area`, `blocked_area`, `residual` [m2] (the five
    add up to `area`), `verdict` (free, unknown, blocked), `reason` (key of the deciding rule, "" where none).
    """

    plots: pd.DataFrame
    decided: Decided

    @property
    def checks(self) -> pd.DataFrame:
        """Tell what each rule says: one row a plot and rule.

        `plot` (position), `rule` (position in `asked()`), `severity`, `area` [m2] of the land of that severity, `unknown_area`
        [m2].
        """
        by_rule = self.decided.by_rule()
        n, rules = by_rule.code.shape
        return pd.DataFrame(
            {
                "plot": np.repeat(np.arange(n), rules),
                "rule": np.tile(np.arange(rules), n),
                "severity": NAMES[by_rule.code.ravel()],
                "area": by_rule.area.ravel(),
                "unknown_area": by_rule.unknown.ravel(),
            }
        )


class Claimed(NamedTuple):
    """What all rules claim, one row a claim; `shape` numbers distinct polygons of `shapes`.

    `coverages` are the distinct areas that were surveyed, and `covers` numbers for each rule its own, or the place behind the
    last where nobody surveyed.
    """

    shapes: NDArray[np.object_]
    shape: NDArray[np.intp]
    rule: NDArray[np.intp]
    code: NDArray[np.int8]
    object: NDArray[np.object_]
    coverages: NDArray[np.object_]
    covers: NDArray[np.intp]


def survey_of(land: Land, layer: Layer, crs: object) -> Survey:
    """Look up a layer's survey; a layer that nobody delivered is an empty one."""
    return land[layer.name] if layer.name in land else Survey(empty(layer, crs))


def severity_code(ask: Ask, rule: Rule) -> int:
    """Number the severity of a breach of a rule on the day."""
    return list(SEVERITIES).index(ask.standards[rule.severity])


def claimed(land: Land, ask: Ask) -> Claimed:
    """Collect the claims of all rules; polygons that several rules share are kept once."""
    rules = asked()
    found = [
        rule.claims(land[layer.name].features, ask) if layer.name in land and len(land[layer.name].features) else NO_CLAIMS
        for layer, rule in rules
    ]
    geometry = np.concatenate([f.shapes for f in found])
    which = np.repeat(np.arange(len(rules)), [len(f.shapes) for f in found])
    outcome = np.concatenate([f.outcomes for f in found])
    breach = np.array([severity_code(ask, rule) for _, rule in rules])
    code = np.select([outcome == "breach", outcome == "unknown"], [breach[which], UNKNOWN], PASS).astype(np.int8)
    # Numbered as they come, not by their addresses: the same land gives the same answer to the last digit.
    shape = pd.factorize(np.array([id(g) for g in geometry], np.int64))[0]
    first = np.unique(shape, return_index=True)[1]
    objects = np.concatenate([f.objects for f in found])
    return Claimed(geometry[first], shape, which, code, objects, *_coverages(land, rules))


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


def _coverages(land: Land, rules: tuple[Asked, ...]) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    """List the distinct coverage polygons, and for each rule the number of its own (the place behind the last where none)."""
    scopes = [land[y.name].of(r.kind) if y.name in land else () for y, r in rules]
    names = [tuple(map(id, scope)) for scope in scopes]
    areas = {name: united(scope) for name, scope in zip(names, scopes, strict=True)}
    written = {name: shapely.to_wkb(area) for name, area in areas.items() if not area.is_empty}
    distinct = {text: areas[name] for name, text in written.items()}
    number = {text: n for n, text in enumerate(distinct)}
    covers = [number[written[name]] if name in written else len(distinct) for name in names]
    return np.array(list(distinct.values()), object), np.array(covers, np.intp)


def judge(plots: gpd.GeoDataFrame, land: Land, ask: Ask, own: str = "") -> Supply:
    """Judge every plot by every rule, and split its area into parts that add up.

    Parameters
    ----------
    plots : polygons with a column `id`, in the CRS of `land`
    land : what is stored around the plots, by layer; a layer that is missing makes its rules unknown
    ask : the day, the standards and the use
    own : the layer that the plots are stored in: their own row there is no claim of another ("" for none)

    Memory grows with the claims on the plots: callers work tile by tile.
    """
    ids = plots["id"].to_numpy(object) if own == "sites" else None
    return _report(plots, decide(plots.geometry.to_numpy(), claimed(land, ask), ask, ids, draw=False))


def decide(
    a: NDArray[np.object_], claims: Claimed, ask: Ask, ids: NDArray[np.object_] | None = None, draw: bool = True
) -> Decided:
    """Decide polygons by all claims around them, as `judge` does.

    `ids` are their numbers where they are stored sites. Without `draw` most pieces have no outlines.
    """
    rules = asked()
    pairs = overlaps(a, np.concatenate([claims.shapes, claims.coverages]), ask.standards["supply.drawing_noise"], draw)
    sliver = Sliver(ask.standards["control_lines.sliver_area"], ask.standards["control_lines.sliver_width"])
    pairs = _settle(a, pairs, sliver)
    pieces = partition(a, pairs, sliver.area, draw)
    known = _known(pieces, len(claims.shapes), claims.covers)
    laid = _laid(pieces, claims)
    if ids is not None:
        mine = np.array([y.layer.name == "sites" for y in rules])[laid.rule] & (laid.object == ids[pieces.plot[laid.piece]])
        laid = Laid(*(column[~mine] for column in laid))
    code = _absorb(pieces, _decide(laid, known, rules, ask), sliver, len(a))
    return Decided(shapely.area(a), pieces, code, laid)


def _laid(pieces: Pieces, claims: Claimed) -> Laid:
    """List what claim lies on which piece."""
    order = np.argsort(claims.shape, kind="stable")
    mine = pieces.polygon < len(claims.shapes)
    piece, shape = pieces.piece[mine], pieces.polygon[mine]
    start, stop = np.searchsorted(claims.shape[order], shape), np.searchsorted(claims.shape[order], shape, "right")
    count = stop - start
    at = np.repeat(np.arange(len(shape)), count)
    turn = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    claim = order[start[at] + turn]
    return Laid(piece[at], claims.rule[claim], claims.code[claim], claims.object[claim])


def _decide(laid: Laid, known: NDArray[np.bool_], rules: tuple[Asked, ...], ask: Ask) -> NDArray[np.int8]:
    """Decide each piece by each rule, shape (pieces, rules): the worst of the claims on it, else what holds elsewhere."""
    code = np.full(known.shape, -1, np.int8)
    np.maximum.at(code, (laid.piece, laid.rule), laid.code)
    breach = [severity_code(ask, rule) for _, rule in rules]
    beyond = [{"pass": PASS, "unknown": UNKNOWN, "breach": b}[r.rule.elsewhere] for r, b in zip(rules, breach, strict=True)]
    default = np.where(known, np.array(beyond, np.int8), UNKNOWN)
    return np.where(code < 0, default, code).astype(np.int8)


def _report(plots: gpd.GeoDataFrame, found: Decided) -> Supply:
    """Sum the decisions up by plot."""
    n, rules, plot, worst, areas = len(plots), len(keys()), found.pieces.plot, found.worst, found.areas()
    most = np.zeros(n, np.int8)
    np.maximum.at(most, plot, worst)
    first = np.full(n, rules)
    deciding = worst == most[plot]
    np.minimum.at(first, plot[deciding], found.code.argmax(axis=1)[deciding])
    summary = tabled(
        {
            "area": found.size,
            "free_area": areas[PASS],
            "warn_area": areas[WARN],
            "unknown_area": areas[UNKNOWN],
            "blocked_area": areas[BLOCK],
            "residual": found.size - areas.sum(axis=0),
            "verdict": texts(np.array(["free", "free", "unknown", "blocked"], object)[most]),
            "reason": texts(np.where(most > PASS, keys()[np.minimum(first, rules - 1)], "")),
        },
        plots.index,
    )
    return Supply(summary, found)
