"""Suitability: plots scored from 0 to 10 by weighted factors, as planners know it; each score opens into its parts.

What is not known of a plot is no zero: its score is then a span, from where the unknown would be worst to where it would be best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.errors import Refusal
from layers.plan.readiness import LEVELS, SERVICES
from layers.service import SERVING
from layers.standards import Rulebook

Numbers = NDArray[np.float64]
BEST = 10.0


class BadModelError(Refusal):
    """The factors of a suitability cannot be what was given."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A column of the findings, its weight, and the scores (0 to 10) of its values, in order; between two values straight."""

    column: str
    weight: float
    scores: tuple[tuple[float, float], ...]

    def score(self, values: Numbers) -> Numbers:
        """Score values, shape (n,); beyond the first and the last they score like these, NaN is unknown."""
        at, worth = np.array(self.scores).T
        return np.where(np.isnan(values), np.nan, np.interp(values, at, worth))


class Consistency(NamedTuple):
    """Weights out of pairwise comparisons: they add up to 1; `ratio` tells how far the comparisons contradict each other."""

    weights: Mapping[str, float]
    ratio: float
    most: float

    @property
    def holds(self) -> bool:
        """Tell whether the comparisons agree well enough."""
        return self.ratio <= self.most


def factors(given: Sequence[Mapping[str, Any]], known: Sequence[str]) -> tuple[Factor, ...]:
    """Read factors; BadModelError names what is wrong with one."""
    made = []
    for row in given if isinstance(given, list | tuple) else ():
        try:
            factor = Factor(
                str(row["column"]), float(row.get("weight", 1.0)), tuple((float(v), float(s)) for v, s in row["scores"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadModelError(
                "a factor is not as documented: give column, weight and scores = [[value, score], ...]",
                "因子格式不符:请给出 column、weight 和 scores = [[数值, 分值], ...]",
            ) from error
        if factor.column not in known:
            listed = ", ".join(known)
            raise BadModelError(
                f"the findings have no number {factor.column}; there are {listed}",
                f"结论中没有数值列 {factor.column};现有 {listed}",
            )
        values, scores = zip(*factor.scores, strict=True) if factor.scores else ((), ())
        rising = all(a < b for a, b in pairwise(values))
        if not values or not rising or not all(0 <= s <= BEST for s in scores) or not 0 < factor.weight < np.inf:
            raise BadModelError(
                f"the scores of {factor.column} need rising values, scores from 0 to 10 and a weight above 0",
                f"{factor.column} 的分值应按数值递增,分值为 0 至 10,权重大于 0",
            )
        made.append(factor)
    if not made or len({f.column for f in made}) < len(made):
        raise BadModelError("a suitability needs factors, each column once", "适宜性评价需要因子,且每列只能出现一次")
    return tuple(made)


def compared(names: Sequence[str], pairs: Mapping[tuple[str, str], float], book: Rulebook) -> Consistency:
    """Find weights by pairwise comparison (AHP; Saaty 1980): the principal eigenvector, and the consistency ratio.

    `pairs`: how many times the first of two counts more than the second, each pair once. BadModelError where one is missing.
    """
    n, at = len(names), {name: k for k, name in enumerate(names)}
    matrix = np.eye(n)
    for (a, b), times in pairs.items():
        if a not in at or b not in at or a == b or not 1 / 9 <= times <= 9:
            raise BadModelError(
                f"the comparison {a}/{b} = {times:g} needs two factors and a number from 1/9 to 9",
                f"比较 {a}/{b} = {times:g} 应为两个因子,取值 1/9 至 9",
            )
        matrix[at[a], at[b]], matrix[at[b], at[a]] = times, 1 / times
    lacking = [f"{a}/{b}" for k, a in enumerate(names) for b in names[k + 1 :] if not {(a, b), (b, a)} & pairs.keys()]
    index = book["suitability.random_index"]
    if lacking or n > len(index):
        listed, most = ", ".join(lacking[:5]), len(index)
        raise BadModelError(
            f"compare each two factors, at most {most} of them; missing: {listed}", f"应两两比较,至多 {most} 个因子;缺:{listed}"
        )
    values, vectors = np.linalg.eig(matrix)
    top = int(np.argmax(values.real))
    weights = np.abs(vectors[:, top].real)
    weights /= weights.sum()
    random = index[n - 1]
    ratio = float((values[top].real - n) / (n - 1) / random) if random else 0.0
    return Consistency(dict(zip(names, weights.tolist(), strict=True)), max(ratio, 0.0), book["suitability.consistency_max"])


def weighed(model: Mapping[str, Any], known: Sequence[str], book: Rulebook) -> tuple[tuple[Factor, ...], Consistency | None]:
    """Make the factors of a model, by default those of the standard, weighed by its comparisons where it has some ("a/b" = 3)."""
    made = factors(model.get("factors", book["suitability.factors"]), known)
    if not model.get("compare"):
        return made, None
    try:
        pairs = {
            (a.strip(), b.strip()): float(times) for a, b, times in ((*k.split("/"), v) for k, v in model["compare"].items())
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise BadModelError('write comparisons as "a/b" = 3', '比较应写成 "a/b" = 3') from error
    found = compared([f.column for f in made], pairs, book)
    return tuple(Factor(f.column, found.weights[f.column], f.scores) for f in made), found


def sure(findings: pd.DataFrame, book: Rulebook) -> pd.DataFrame:
    """Make the level of services unknown where services of which nobody knows could raise it: what was found is the least that serves."""
    states = {kind: findings[f"{kind}_state"].to_numpy(object) for kind in SERVICES}
    most = np.zeros(len(findings), np.int64)
    for level in LEVELS:
        may = [np.isin(states[kind], (*SERVING, "unknown")) for kind in book[f"readiness.services_{level}"]]
        most[np.logical_and.reduce(may)] = level
    told = findings["serviced_level"].astype("Float64")
    return findings.assign(serviced_level=told.mask(most > told))


def suitability(findings: pd.DataFrame, model: Sequence[Factor]) -> pd.DataFrame:
    """Score plots, indexed as their findings.

    Columns: `score`, NaN where anything is unknown; `score_min` and `score_max`, the span of it; and of each factor
    `<column>_value`, `<column>_score` (0 to 10) and `<column>_part`: weight times score by the sum of the weights. The parts add up
    to the score. Time grows with plots times factors.
    """
    whole = sum(f.weight for f in model)
    parts: dict[str, Numbers] = {}
    for f in model:
        values = findings[f.column].to_numpy(np.float64, na_value=np.nan)
        scores = f.score(values)
        parts |= {f"{f.column}_value": values, f"{f.column}_score": scores, f"{f.column}_part": f.weight * scores / whole}
    told = np.stack([parts[f"{f.column}_part"] for f in model])
    best = np.array([f.weight * BEST / whole for f in model])[:, None]
    span = {"score_min": np.nan_to_num(told).sum(axis=0), "score_max": np.where(np.isnan(told), best, told).sum(axis=0)}
    return pd.DataFrame({"score": told.sum(axis=0), **span, **parts}, index=findings.index)
