"""What counts as a refusal, said in one sentence, against a mistake of Shudi's own."""

from __future__ import annotations

from collections.abc import Mapping

from geo.errors import GeoError
from layers.base import Text
from layers.errors import Refusal
from layers.store.base import DamagedError, DuplicateError, NotABaseError, ReadOnlyError, StaleError, StoreError

REFUSALS = (Refusal, GeoError)
SHUT = Text("the land base cannot be used just now; try again shortly", "土地库暂时无法使用,请稍后再试")
"""Of a base that fails no more is told to people elsewhere: the store's own words name its path or address."""
OUTWARD: Mapping[type[StoreError], Text] = {
    ReadOnlyError: Text(
        "the disk of the service is full or cannot be written, and nothing was changed; ask who runs it for space or write access",
        "服务所在磁盘已满或不可写,未作任何更改;请联系运维人员腾出空间或开放写权限",
    ),
    DamagedError: Text(
        "the land base is damaged, and nothing is written to it any more; ask who runs the service to restore it from a backup",
        "土地库已损坏,不再写入任何数据;请联系运维人员从备份恢复",
    ),
    NotABaseError: Text(
        "the land base is none that this service knows: damaged, or made by a newer Shudi; ask who runs it to update or restore it",
        "本服务无法识别该土地库:已损坏,或由更新的 Shudi 写成;请联系运维人员升级或恢复",
    ),
}
"""What is told of failures that waiting does not mend."""


def said(error: Refusal | GeoError) -> Text:
    """Say a refusal in both languages."""
    return error.text if isinstance(error, Refusal) else Text(error.en, error.zh)


def told(error: Refusal | GeoError) -> Text:
    """Say a refusal to people who are not at this machine."""
    if not isinstance(error, StoreError) or isinstance(error, DuplicateError | StaleError):
        return said(error)
    return OUTWARD.get(type(error), SHUT)
