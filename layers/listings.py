"""Listings of a base: drafted from a plot, reviewed, published by who may, and held against the land as it then is."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path, PurePath
from typing import Any

import geopandas as gpd
import pandas as pd

from layers.assessment import Networks, NotFoundError, mapped, stored
from layers.base import Text
from layers.errors import Refusal
from layers.evidence import Moment, verdict
from layers.plan.listing import (
    MOVES,
    BadTermsError,
    FaultyError,
    Listing,
    NoMoveError,
    SchemeFile,
    Wrong,
    complete,
    contradictions,
    faults,
    move,
    read,
    refuse,
    written,
)
from layers.plan.listing import terms as read_terms
from layers.plan.parcel_map import SIDES
from layers.standards import Standards
from layers.store.address import Where
from layers.store.base import Change, Compare, Edit, Store
from layers.store.people import ROLES
from layers.store.people import beside as people

RANK = {role: rank for rank, role in enumerate(ROLES)}
CONTRADICTS = Text("contradicts itself", "自相矛盾")


OPEN = ("draft", "reviewed")
"""States in which terms may change."""
FILES, SIZE = 50, 200 << 20
"""Most files of a scheme, and their size together [bytes]: a pack holds them."""


class SchemeError(Refusal):
    """Files cannot be the scheme of a listing."""


class NotYoursError(Refusal):
    """A role may not do this to a listing."""


@dataclass(frozen=True, slots=True)
class By:
    """Who acts on a listing, in which role, why, and on which version of it (None: on that which is stored)."""

    actor: str
    role: str
    reason: str = ""
    version: int | None = None

    @property
    def change(self) -> Change:
        """Note it for the history."""
        return Change(self.actor, self.reason)


def listing(store: Store, id: str, public: bool = False) -> tuple[Listing, int]:
    """Read a listing and its version; to the `public` one that is not published is not there."""
    found = store.read("listings", ids=[id])
    if len(found):
        made = read(found.drop(columns="geometry").iloc[0].to_dict())
        if made.state == "published" or not public:
            return made, store.stamps("listings", [id])[id]
    raise NotFoundError(
        f"there is no listing {id}; shudi listing show lists all", f"没有供地信息 {id};可用 shudi listing show 查看"
    )


def listings(store: Store, state: str | None = None) -> list[Listing]:
    """Read all listings, or those in a state, by number."""
    where = [Compare("state", "=", state)] if state else []
    rows = store.read("listings", where=where).drop(columns="geometry").sort_values("id").to_dict("records")
    return [read({str(k): v for k, v in row.items()}) for row in rows]


def feed(store: Store, made: Sequence[Listing]) -> gpd.GeoDataFrame:
    """Lay listings out as features: number, plot, state and terms as they are stored, the outline of the plot."""
    rows = [{"id": one.id, **written(one)} for one in made]
    frame = pd.DataFrame(rows, columns=["id", *written(Listing("", "", ""))]).drop(columns=["entry"])
    plots = store.read("parcels", ids=sorted({one.plot for one in made}), columns=["id"]).set_index("id").geometry
    return gpd.GeoDataFrame(frame, geometry=plots.reindex(frame["plot"]).to_numpy(), crs=store.crs)


def draft(store: Store, plot: str, said: Mapping[str, str], by: By, standards: Standards, id: str = "") -> Listing:
    """Draft the listing of a plot: area, use, location and level are the plot's own unless they are said."""
    parcel = stored(store, "parcels", plot)
    bounds = mapped(store, plot, None, "zh").bounds
    book = standards.on(Moment.now(store).on)
    stated = parcel["required_level"]
    level = book["readiness.required"] if pd.isna(stated) else stated
    own: dict[str, Any] = {
        "area": float(parcel.geometry.area),
        "location": ";".join(f"{side.zh}至{b.zh}" for side, b in zip(SIDES, bounds, strict=True)),
        "level": str(level),
    }
    own |= {"use_code": parcel["use_code"]} if isinstance(parcel["use_code"], str) else {}
    made = Listing(id or f"L-{plot}", plot, "draft", own | read_terms(said))
    return _put(store, made, 0, by, standards)


def change(store: Store, id: str, said: Mapping[str, str | None], by: By, standards: Standards) -> Listing:
    """Change the terms of a draft; None takes one out. A reviewed listing becomes a draft again."""
    made, version = listing(store, id)
    _open(made)
    kept = {name: value for name, value in made.terms.items() if name not in said}
    terms = kept | read_terms({name: text for name, text in said.items() if text is not None})
    return _put(store, replace(made, state="draft", terms=terms), version, by, standards)


def ways(made: Listing, role: str) -> tuple[str, ...]:
    """List the states to which a role may move a listing."""
    return tuple(to for (before, to), least in MOVES.items() if before == made.state and RANK[role] >= RANK[least])


def alterable(made: Listing, role: str) -> bool:
    """Tell whether a role may change the terms of a listing."""
    return made.state in OPEN and RANK[role] >= RANK["planner"]


def bind(store: Store, id: str, files: Sequence[SchemeFile], by: By, standards: Standards) -> Listing:
    """Bind the files of a scheme to a draft by their hashes, instead of those before; the files are kept under them (`beside`)."""
    return _bound(store, id, by, standards, lambda before: tuple(files))


def attach(store: Store, id: str, file: SchemeFile, by: By, standards: Standards) -> Listing:
    """Bind one more file to a draft, or another one of the same name."""
    return _bound(store, id, by, standards, lambda before: (*(f for f in before if f.name != file.name), file))


def detach(store: Store, id: str, name: str, by: By, standards: Standards) -> Listing:
    """Unbind a file of a draft; NotFoundError where it has none of the name."""
    if not any(file.name == name for file in listing(store, id)[0].scheme):
        raise NotFoundError(f"listing {id} has no file {name[:80]}", f"供地信息 {id} 没有文件 {name[:80]}")
    return _bound(store, id, by, standards, lambda before: tuple(f for f in before if f.name != name))


def _bound(
    store: Store, id: str, by: By, standards: Standards, change: Callable[[tuple[SchemeFile, ...]], tuple[SchemeFile, ...]]
) -> Listing:
    """Change the files of a draft's scheme."""
    made, version = listing(store, id)
    _open(made)
    scheme = change(made.scheme)
    if len(scheme) > FILES or sum(file.size for file in scheme) > SIZE:
        raise SchemeError(
            f"a scheme has at most {FILES} files of {SIZE >> 20} MB together; leave some out",
            f"方案最多 {FILES} 个文件,合计不超过 {SIZE >> 20} MB;请减少文件",
        )
    if len({file.name for file in scheme}) < len(scheme):
        raise SchemeError("two files of the scheme have the same name; rename one", "方案中有两个文件同名,请改名")
    bound = replace(made, state="draft", scheme=scheme, terms={**made.terms, "with_scheme": bool(scheme)})
    return _put(store, bound, version, by, standards)


def open_for_change(store: Store, id: str) -> None:
    """Refuse before a file is taken in where the listing is not there or its terms stand."""
    _open(listing(store, id)[0])


def _open(made: Listing) -> None:
    """Refuse to change what was published."""
    if made.state not in OPEN:
        raise NoMoveError(
            f"listing {made.id} is {made.state}: its terms stand; withdraw it and draft another",
            f"供地信息 {made.id} 的状态为 {made.state},条款不可再改;请撤回后另行草拟",
        )


def advance(
    store: Store,
    id: str,
    to: str,
    by: By,
    standards: Standards,
    override: str = "",
    networks: Networks | None = None,
    on: date | None = None,
) -> Listing:
    """Move a listing to another state.

    NotYoursError where the role is too low, BadTermsError where terms lack or the day is to come, FaultyError where the plot is not net
    land, serviced to the stated level and free, and no `override` says why it is published even so.
    """
    made, version = listing(store, id)
    least = move(made, to)
    if RANK[by.role] < RANK[least]:
        raise NotYoursError(
            f"to make a listing {to} needs the role {least}, and {by.actor} has {by.role}; ask an {least}",
            f"将供地信息变为 {to} 需要角色 {least},而 {by.actor} 是 {by.role};请联系 {least}",
        )
    if to == "reviewed":
        complete(made)
    if to == "published":
        if on and on > date.today():
            raise BadTermsError(
                f"listing {id} cannot be published on {on}, a day to come, when lines may serve that do not yet; leave --on out",
                f"供地信息 {id} 不能以未来日期 {on} 发布,届时的配套尚未具备;请去掉 --on",
            )
        made = _published(store, made, Moment.now(store, on), standards, override, networks)
    return _put(store, replace(made, state=to), version, by, standards)


def _published(
    store: Store, made: Listing, moment: Moment, standards: Standards, override: str, networks: Networks | None
) -> Listing:
    """Hold a plot against its listing on the day of its publication."""
    with store.snapshot():
        level = level_of(made)
        sheet = verdict(store, made.plot, moment, level, standards, networks)
    if abs(sheet.area - float(str(made.terms["area"]))) > 0.005:
        a, b = f"{made.terms['area']:.2f}", f"{sheet.area:.2f}"
        raise BadTermsError(
            f"the plot {made.plot} has {b} m² and not the {a} m² of the draft; draft it again",
            f"宗地 {made.plot} 面积为 {b} m²,与草拟的 {a} m² 不符;请重新草拟",
        )
    found = faults(sheet, level)
    if found and not override:
        en, zh = "; ".join(t.en for t in found), ";".join(t.zh for t in found)
        raise FaultyError(
            f"the plot {made.plot} is not as its listing says: {en}. Mend it, or publish it by --override with a reason",
            f"宗地 {made.plot} 与供地条件不符:{zh}。请整改,或用 --override 说明理由后发布",
        )
    return replace(made, override=override if found else "", faults=found, published_on=moment.on, entry=moment.entry)


def _put(store: Store, made: Listing, version: int, by: By, standards: Standards) -> Listing:
    """Store a listing, and with its publication the state of its plot; nothing where its terms contradict each other."""
    parcel = store.read("parcels", ids=[made.plot])
    use = parcel["use_code"].iloc[0]
    book = standards.on(made.published_on or Moment.now(store).on)
    refuse(made, contradictions(made, use if isinstance(use, str) else None, book), CONTRADICTS)
    row = {"id": [made.id], **{name: [value] for name, value in written(made).items()}}
    rests_on = version if by.version is None else by.version
    edits = [Edit("listings", gpd.GeoDataFrame(row, geometry=[None], crs=store.crs), expect={made.id: rests_on})]
    if status := _status(store, made):
        edits.append(Edit("parcels", parcel.assign(status=status), expect=dict(store.stamps("parcels", [made.plot]))))
    store.batch(edits, by.change)
    return listing(store, made.id)[0]


def _status(store: Store, made: Listing) -> str | None:
    """Tell what becomes of the plot's status: listed with the publication, supplied with the sale, with a withdrawal as before it."""
    if made.state == "withdrawn":
        before = stored(store, "parcels", made.plot, made.entry)["status"]
        return before if isinstance(before, str) else None
    return {"published": "listed", "sold": "supplied_unused"}.get(made.state)


def moment_of(store: Store, made: Listing) -> Moment:
    """Tell of which moment a listing's papers speak: that of its publication, else now."""
    if made.published_on and made.entry is not None:
        return Moment(made.published_on, made.published_on, made.entry)
    return Moment.now(store)


def level_of(made: Listing) -> int:
    """Tell the level of development that a listing states; BadTermsError where it does not."""
    if "level" not in made.terms:
        raise BadTermsError(
            f"listing {made.id} states no level of development; say level=3, 5 or 7 first",
            f"供地信息 {made.id} 未注明开发程度 level;请先填写 3、5 或 7", [Wrong(("level",), Text("not said", "未填写"))],
        )  # fmt: skip
    return int(str(made.terms["level"]))


def land_of(made: Listing) -> Text:
    """Say how the land of a listing is, as far as it was held against it."""
    return state_of_land(made.faults) if made.published_on else Text("not held against the land yet", "尚未与土地现状核对")


def state_of_land(found: Iterable[Text]) -> Text:
    """Say in a sentence how the land is."""
    told = list(found)
    if not told:
        return Text("net land, level and serviced as stated", "净地,场地平整,达到所述开发程度")
    return Text("not as stated: " + "; ".join(t.en for t in told), "与所述条件不符:" + ";".join(t.zh for t in told))


def beside(base: Where) -> Path:
    """Name the folder of a base's schemes, which lies where the file of its people does."""
    file = people(base)
    return file.with_name(file.name.removesuffix(".users.db") + ".schemes")


def bring_schemes(source: Where, target: Where) -> int:
    """Copy the files of schemes that lie beside a base to beside another, each whole under its hash; gives how many there are."""
    found, folder = sorted(beside(source).glob("[0-9a-f]*")), beside(target)
    found = [path for path in found if len(path.name) == 64]
    for path in found:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = folder / f"{uuid.uuid4().hex}.part"
        try:
            shutil.copyfile(path, part)
            part.replace(folder / path.name)
        finally:
            part.unlink(missing_ok=True)
    return len(found)


class Arriving:
    """A file of a scheme that arrives in parts; it is kept under its hash, whole or not at all."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name = PurePath(name).name
        if not self._name or not self._name.isprintable() or len(self._name) > 200:
            raise SchemeError(
                "a file of a scheme needs a name of at most 200 characters", "方案文件需要不超过 200 个字符的文件名"
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder, self._part = folder, folder / f"{uuid.uuid4().hex}.part"
        self._hash, self._size, self._file = hashlib.sha256(), 0, self._part.open("xb")

    def add(self, content: bytes) -> None:
        """Take the next part."""
        self._size += len(content)
        if self._size > SIZE:
            raise SchemeError(
                f"{self._name} is over {SIZE >> 20} MB; a pack could not hold it",
                f"{self._name} 超过 {SIZE >> 20} MB,资料包无法容纳",
            )
        self._hash.update(content)
        self._file.write(content)

    def end(self) -> SchemeFile:
        """Keep the file; SchemeError where nothing arrived."""
        self._file.close()
        if not self._size:
            raise SchemeError(f"{self._name} is empty; send the file as it is", f"{self._name} 是空文件;请发送原文件")
        found = SchemeFile(self._name, self._size, self._hash.hexdigest())
        self._part.replace(self._folder / found.sha256)
        return found

    def close(self) -> None:
        """Take away what was not kept."""
        self._file.close()
        self._part.unlink(missing_ok=True)


def kept(folder: Path, name: str, content: Iterable[bytes]) -> SchemeFile:
    """Keep a file of a scheme."""
    with closing(Arriving(folder, name)) as file:
        for part in content:
            file.add(part)
        return file.end()


def scheme_files(folder: Path, made: Listing) -> dict[str, bytes]:
    """Read the files of a listing's scheme that are kept; Refusal where one is missing or was altered."""
    found = {}
    for file in made.scheme:
        path = folder / file.sha256
        content = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise Refusal(
                f"the scheme's file {file.name} is not the one that listing {made.id} binds ({file.sha256[:12]}); bind it again",
                f"方案文件 {file.name} 不是供地信息 {made.id} 所绑定的文件({file.sha256[:12]});请重新绑定",
            )
        found[file.name] = content
    return found
