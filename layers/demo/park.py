"""The ground plan of the demo park: the lattice of streets, the blocks between them, the plots in the blocks.

A city is a square of districts side by side, numbered from the south-west, row by row. A district has 5 x 4 blocks of 20 plots.
Every district is made from the seed and its own number (and the neighbours' lattice where they share streets), so that
any of them can be made again at any time: memory holds one district, however large the city.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from layers.errors import Refusal

Coordinates = NDArray[np.float64]
Shapes = NDArray[np.object_]
Mask = NDArray[np.bool_]

ORIGIN = np.array([500_000.0, 4_077_000.0])
COLUMNS, ROWS = 5, 4
PITCH = np.array([480.0, 375.0])
SIZE = PITCH * (COLUMNS, ROWS)
BLOCK_PLOTS = 20
DISTRICT_PLOTS = BLOCK_PLOTS * COLUMNS * ROWS
MARGIN = 300.0
UNSURVEYED = 120.0
JITTER = 22.0

CLASSES = {"arterial": 40.0, "secondary": 30.0, "local": 20.0}
NORTHWARD = ("arterial", "local", "secondary", "local", "secondary", "arterial")
EASTWARD = ("arterial", "secondary", "local", "secondary", "arterial")
HALF_NORTHWARD = np.array([CLASSES[name] / 2 for name in NORTHWARD])
HALF_EASTWARD = np.array([CLASSES[name] / 2 for name in EASTWARD])

FIRST = (
    "裕Yu", "华Hua", "梓Zi", "泰Tai", "恒Heng", "瑞Rui", "安An", "盛Sheng",
    "景Jing", "荣Rong", "嘉Jia", "康Kang", "鼎Ding", "宏Hong", "锦Jin", "福Fu",
)  # fmt: skip
SECOND = (
    "兴xing", "丰feng", "源yuan", "达da", "昌chang", "和he", "隆long", "通tong",
    "明ming", "润run", "业ye", "宁ning", "顺shun", "信xin", "远yuan", "茂mao",
)  # fmt: skip


class NoSuchPark(Refusal):
    """A demo park cannot be made of these numbers."""


def street(index: int, northward: bool) -> tuple[str, str]:
    """Name a street of the city in Chinese and in English; the names of 256 streets a direction differ."""
    at = index + (0 if northward else 8)
    first, second = FIRST[at % 16], SECOND[(at // 16 + at) % 16]
    return f"{first[0]}{second[0]}{'路' if northward else '街'}", f"{first[1:]}{second[1:]} {'Road' if northward else 'Street'}"


@dataclass(frozen=True, slots=True)
class City:
    """How many plots from which seed; plots >= 1, seed >= 0, else NoSuchPark."""

    plots: int
    seed: int

    def __post_init__(self) -> None:
        if self.plots < 1:
            raise NoSuchPark(
                f"a park of {self.plots} plots cannot be made: ask for --plots 1 or more",
                f"无法生成 {self.plots} 个地块的园区:请将 --plots 设为 1 或更大",
            )
        if self.seed < 0:
            raise NoSuchPark(
                f"the seed {self.seed} is negative: give --seed 0 or more",
                f"随机种子 {self.seed} 为负:请将 --seed 设为 0 或更大",
            )

    @property
    def districts(self) -> int:
        """Count the districts; the last may be incomplete."""
        return math.ceil(self.plots / DISTRICT_PLOTS)

    @property
    def side(self) -> int:
        """Count the districts of a full row."""
        return math.ceil(math.sqrt(self.districts))

    @property
    def shape(self) -> tuple[int, int]:
        """Count the columns and the rows of districts."""
        return min(self.side, self.districts), math.ceil(self.districts / self.side)

    def blocks(self, column: int, row: int) -> int:
        """Count the blocks of the district there; 0 where there is none."""
        if not 0 <= column < self.side or row < 0:
            return 0
        rest = self.plots - (row * self.side + column) * DISTRICT_PLOTS
        return min(max(math.ceil(rest / BLOCK_PLOTS), 0), COLUMNS * ROWS)

    def box(self) -> shapely.Polygon:
        """Outline the park with a margin of 300 m; what surveys of the whole park cover."""
        low, high = ORIGIN - MARGIN, ORIGIN + SIZE * self.shape + MARGIN
        return shapely.box(*low, *high)

    def surveyed(self) -> shapely.Geometry:
        """Outline what surveys cover that left out the eastern 120 m or so of every column of districts."""
        _, low, _, high = self.box().bounds
        edge = ORIGIN[0] + SIZE[0] * np.arange(self.shape[0] + 1)
        west = np.r_[edge[0] - MARGIN, edge[1:-1] - JITTER]
        return shapely.union_all(shapely.box(west, low, edge[1:] - UNSURVEYED, high))


@dataclass(frozen=True, slots=True)
class District:
    """One district of a city.

    nodes: street intersections, shape (6, 5, 2). there: which blocks exist, shape (6, 5), with those of the neighbours to the
    east (column 5) and north (row 4) that share its streets. plots: number of plots of each block, shape (5, 4).
    corners: each block between its red lines, from the south-west counter-clockwise, shape (5, 4, 4, 2). All in m, x east.
    """

    city: City
    number: int
    column: int
    row: int
    nodes: Coordinates
    there: Mask
    plots: NDArray[np.intp]
    corners: Coordinates

    @property
    def name(self) -> str:
        """Name the district as its features' ids do, from D001."""
        return f"D{self.number + 1:03d}"

    @property
    def origin(self) -> Coordinates:
        """Give the south-western corner of its share of the plan, before the streets were shifted; shape (2,)."""
        return ORIGIN + SIZE * (self.column, self.row)

    @property
    def own(self) -> Mask:
        """Tell which of its own blocks exist, shape (5, 4)."""
        return self.there[:COLUMNS, :ROWS]

    def rng(self, stream: int = 0) -> np.random.Generator:
        """Start the random numbers of one purpose; the same every time."""
        return np.random.default_rng([self.city.seed, self.number, stream])

    def quads(self) -> Shapes:
        """Draw the quads between the axes of the streets, shape (5, 4): a partition of the district."""
        return np.asarray(shapely.polygons(surrounding(self.nodes)))

    def label(self, column: int, row: int) -> str:
        """Name a block as its plots' ids do."""
        return f"{self.name}-B{row * COLUMNS + column + 1:02d}"

    def northward(self, i: int) -> tuple[str, str]:
        """Name the street that runs north at lattice column i."""
        return street(self.column * COLUMNS + i, True)

    def eastward(self, j: int) -> tuple[str, str]:
        """Name the street that runs east at lattice row j."""
        return street(self.row * ROWS + j, False)

    def owned(self) -> tuple[Mask, Mask]:
        """Tell which street segments belong to this district, so that neighbours do not draw them twice.

        northward: shape (6, 4), segment (i, r) from node (i, r) to (i, r + 1); eastward: shape (5, 5), segment (c, j) from node
        (c, j) to (c + 1, j). A segment belongs to the block to its east or north, and where there is none to the other.
        """
        northward, eastward = np.zeros((COLUMNS + 1, ROWS), bool), np.zeros((COLUMNS, ROWS + 1), bool)
        northward[:COLUMNS] = self.own
        northward[1:] |= self.own & ~self.there[1:, :ROWS]
        eastward[:, :ROWS] |= self.own
        eastward[:, 1:] |= self.own & ~self.there[:COLUMNS, 1:]
        return northward, eastward


def district(city: City, number: int) -> District:
    """Lay out one district of a city."""
    row, column = divmod(number, city.side)
    own = city.blocks(column, row)
    there = np.zeros((COLUMNS + 1, ROWS + 1), bool)
    order = np.arange(COLUMNS * ROWS).reshape(ROWS, COLUMNS).T
    there[:COLUMNS, :ROWS] = order < own
    there[COLUMNS, :ROWS] = order[0] < city.blocks(column + 1, row)
    there[:COLUMNS, ROWS] = order[:, 0] < city.blocks(column, row + 1)
    rest = min(city.plots - number * DISTRICT_PLOTS, DISTRICT_PLOTS)
    plots = np.clip(rest - order * BLOCK_PLOTS, 0, BLOCK_PLOTS)
    nodes = intersections(city.seed, column, row)
    return District(city, number, column, row, nodes, there, plots, inset(nodes))


def intersections(seed: int, column: int, row: int) -> Coordinates:
    """Place the intersections of a district's streets, shape (6, 5, 2); the outer ones are the neighbours' own."""

    def shifts(column: int, row: int) -> Coordinates:
        return np.random.default_rng([seed, column, row, 1]).uniform(-JITTER, JITTER, (COLUMNS, ROWS, 2))

    shift = np.empty((COLUMNS + 1, ROWS + 1, 2))
    shift[:-1, :-1] = shifts(column, row)
    shift[-1, :-1] = shifts(column + 1, row)[0]
    shift[:-1, -1] = shifts(column, row + 1)[:, 0]
    shift[-1, -1] = shifts(column + 1, row + 1)[0, 0]
    i, j = np.mgrid[: COLUMNS + 1, : ROWS + 1]
    lattice = np.stack([i + column * COLUMNS, j + row * ROWS], axis=-1)
    return np.asarray(ORIGIN + PITCH * lattice + shift)


def surrounding(nodes: Coordinates) -> Coordinates:
    """Gather the four intersections around each block, from the south-west counter-clockwise: shape (5, 4, 4, 2)."""
    return np.stack([nodes[:-1, :-1], nodes[1:, :-1], nodes[1:, 1:], nodes[:-1, 1:]], axis=2)


def inset(nodes: Coordinates) -> Coordinates:
    """Find the corners of the blocks between the red lines, shape (5, 4, 4, 2).

    A corner lies half a red-line width from the axes of both its streets: the offset o from the intersection solves
    o . n1 = h1, o . n2 = h2 with the inward normals n and half widths h.
    """
    corner = surrounding(nodes)
    along = np.roll(corner, -1, axis=2) - corner
    along /= np.hypot(along[..., 0], along[..., 1])[..., None]
    normal = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    half = np.empty(corner.shape[:3])
    half[:, :, 0], half[:, :, 2] = HALF_EASTWARD[None, :-1], HALF_EASTWARD[None, 1:]
    half[:, :, 3], half[:, :, 1] = HALF_NORTHWARD[:-1, None], HALF_NORTHWARD[1:, None]
    before, width = np.roll(normal, 1, axis=2), np.roll(half, 1, axis=2)
    determinant = before[..., 0] * normal[..., 1] - before[..., 1] * normal[..., 0]
    x = (width * normal[..., 1] - half * before[..., 1]) / determinant
    y = (half * before[..., 0] - width * normal[..., 0]) / determinant
    return corner + np.stack([x, y], axis=-1)


def bends(axis: Coordinates, offset: float) -> Coordinates:
    """Find where the red line `offset` m to the left of a street's axis bends, at each inner intersection: shape (n - 2, 2)."""
    along = np.diff(axis, axis=0)
    along /= np.hypot(along[:, 0], along[:, 1])[:, None]
    normal = np.c_[-along[:, 1], along[:, 0]]
    share = 1 + (normal[:-1] * normal[1:]).sum(axis=1, keepdims=True)
    return np.asarray(axis[1:-1] + offset * (normal[:-1] + normal[1:]) / share)


def place(corners: Coordinates, t: Coordinates, s: Coordinates) -> Coordinates:
    """Map shares t of the way east and s of the way north into a block; corners: (4, 2), answer: t's shape + (2,)."""
    t, s = t[..., None], s[..., None]
    south = (1 - t) * corners[0] + t * corners[1]
    north = (1 - t) * corners[3] + t * corners[2]
    return np.asarray((1 - s) * south + s * north)


def subdivide(corners: Coordinates, count: int, rng: np.random.Generator) -> Shapes:
    """Cut a block into `count` plots in two rows of irregular columns, shape (count,); an odd last one has the whole depth.

    Neighbours share their vertices, 8 to 20 a plot, so the plots are a valid coverage; those at the block's edge lie on
    the red line exactly.
    """
    columns, extra = (count + 1) // 2, int(rng.integers(1, 5))
    t = np.linspace(0, 1, columns + 1)[:, None] + rng.uniform(-0.2, 0.2, (columns + 1, 3)) / columns
    t[0], t[-1] = 0, 1
    s = np.tile([0, 0.5, 1], (columns + 1, 1))
    s[:, 1] += rng.uniform(-0.04, 0.04, columns + 1)
    node = place(corners, t, s)
    share = (np.arange(1, extra + 1) / (extra + 1))[:, None]
    east = (1 - share) * node[:-1, :, None] + share * node[1:, :, None]
    north = (1 - share) * node[:, :-1, None] + share * node[:, 1:, None]
    east[:, 1] += rng.uniform(-2.5, 2.5, east[:, 1].shape)
    north[1:-1] += rng.uniform(-2.5, 2.5, north[1:-1].shape)
    ring = np.concatenate(
        [
            node[:-1, :-1, None], east[:, :-1], node[1:, :-1, None], north[1:],
            node[1:, 1:, None], east[:, 1:, ::-1], node[:-1, 1:, None], north[:-1, :, ::-1],
        ],
        axis=2,
    )  # fmt: skip
    plots: Shapes = np.asarray(shapely.polygons(ring))
    if count % 2:
        return np.array([*plots[:-1].ravel(), shapely.coverage_union_all(plots[-1])], object)
    return plots.ravel()
