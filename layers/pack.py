"""The pack of a listing, read again: is each file what the manifest says, and does the verdict follow again from the base?"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

from layers.assessment import Networks, NotFoundError
from layers.base import Text
from layers.errors import Refusal
from layers.evidence import Moment, differences, differing, inputs, since, verdict
from layers.plan.sheet import Sheet
from layers.standards import Standards
from layers.store.base import Store

FORMAT = "shudi-pack 1"
MANIFEST, VERDICT = "manifest.json", "verdict.json"
MOST, MEMBERS = 500 << 20, 1000
"""How many bytes and files a pack may hold."""
Told = Callable[[Sheet], Mapping[str, Any]]
"""Writes a sheet as JSON has it."""


class PackError(Refusal):
    """A file is no pack, or not one of this base."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a pack turned out to be.

    `altered`: files that are not what the manifest says. `verdict`: as the pack tells it; `again`: as it follows now from the land
    of that moment, None without a base; `differences`: where the two sheets differ; `inputs`: what of that moment is not what it
    was; `since`: what changed later; `today`: the verdict as of now, None where the plot is no more.
    """

    listing: str
    plot: str
    files: int
    altered: tuple[str, ...]
    moment: Moment
    verdict: str
    again: str | None = None
    differences: tuple[str, ...] = ()
    inputs: tuple[Text, ...] = ()
    since: tuple[Text, ...] = ()
    today: str | None = None

    @property
    def holds(self) -> bool:
        """Tell whether every file is as it was and the verdict, where it was looked at, the same."""
        return not self.altered and not self.differences


def sealed(files: Mapping[str, bytes], about: Mapping[str, Any]) -> dict[str, bytes]:
    """Add the manifest to the files of a pack: what it is about, and the size and SHA-256 of each file."""
    listed = {name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()}
    return {**files, MANIFEST: written({"format": FORMAT, **about, "files": listed})}


def written(body: Mapping[str, Any]) -> bytes:
    """Write JSON in the one way that packs have."""
    return (json.dumps(body, ensure_ascii=False, indent=1, default=str) + "\n").encode()


def opened(pack: bytes) -> dict[str, bytes]:
    """Read the files of a pack; PackError where it is none."""
    try:
        with zipfile.ZipFile(BytesIO(pack)) as archive:
            found = archive.infolist()
            if len(found) <= MEMBERS and sum(member.file_size for member in found) <= MOST:
                return {member.filename: archive.read(member) for member in found}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise PackError(
            f"this is no pack, or a damaged one ({error}); ask for it again", f"不是供地资料包,或已损坏({error});请重新获取"
        ) from error
    raise PackError("the pack holds more than any pack does; it was not opened", "资料包内容超出上限,未打开")


def verify(pack: bytes, store: Store | None, standards: Standards, told: Told) -> Verified:
    """Hold a pack against its manifest and, where there is a base, its verdict against the land of its moment.

    PackError where the file is no pack, or the base does not reach back or up to its moment.
    """
    files = opened(pack)
    try:
        manifest, said = json.loads(files[MANIFEST]), json.loads(files[VERDICT])
        moment = Moment(date.fromisoformat(said["on"]), date.fromisoformat(said["known"]), int(said["entry"]))
        listed, plot, then = manifest["files"], str(said["plot"]), said["sheet"]["verdict"]
        wrong = [n for n in {**listed, **files} if n != MANIFEST and not _same(files.get(n), listed.get(n))]
        found = Verified(str(manifest["listing"]), plot, len(listed), tuple(sorted(wrong)), moment, str(then))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise PackError(
            "this is no pack: its manifest or its verdict does not read; ask for it again",
            "不是供地资料包:清单或结论无法读取;请重新获取",
        ) from error
    return found if store is None else _replayed(found, said, store, standards, told)


def _same(content: bytes | None, listed: Any) -> bool:
    """Tell whether a file is the one that a manifest lists."""
    return content is not None and listed is not None and hashlib.sha256(content).hexdigest() == listed["sha256"]


def _replayed(found: Verified, said: Mapping[str, Any], store: Store, standards: Standards, told: Told) -> Verified:
    """Make the verdict of a pack again."""
    newest, entry = max(store.versions().values()), found.moment.entry
    if newest < entry or store.crs != said["crs"]:
        raise PackError(
            f"the base ends at entry {newest} ({store.crs}), and the pack is of entry {entry} ({said['crs']}): it is of another base",
            f"本库历史止于条目 {newest}({store.crs}),而资料包依据条目 {entry}({said['crs']}):并非出自本库",
        )
    level, networks = int(said["level"]), Networks()
    with store.snapshot():
        sheet = verdict(store, found.plot, found.moment, level, standards, networks)
        now = inputs(store, found.plot, found.moment, standards)
        later = since(store, said["inputs"], found.moment)
        try:
            today: str | None = verdict(store, found.plot, Moment.now(store), level, standards, networks).verdict
        except NotFoundError:
            today = None
    again = json.loads(written(told(sheet)))
    return Verified(
        found.listing, found.plot, found.files, found.altered, found.moment, found.verdict, sheet.verdict,
        tuple(differences(said["sheet"], again)), tuple(differing(said["inputs"], now)), tuple(later), today,
    )  # fmt: skip
