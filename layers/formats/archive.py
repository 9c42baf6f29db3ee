"""Archives unpacked with limits, into a folder of their own."""

from __future__ import annotations

import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from layers.formats.errors import UnreadableError, UnsafeFileError

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may hold.

    ratio: inflated to packed bytes, looked at beyond `free` bytes; size: inflated bytes in all; members: files outside of
    .gdb folders; gdb_members: files in them, for a file geodatabase is a folder of many.
    """

    ratio: float = 100.0
    free: int = 10 << 20
    size: int = 500 << 20
    members: int = 100
    gdb_members: int = 5000


def inside(name: str) -> PurePosixPath:
    """Turn a member's name into a path below the target; UnsafeFileError where it points outside."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name or "\x00" in name or not path.parts:
        raise UnsafeFileError(
            f"its member {name!r} points outside the archive: pack the files again, without paths",
            f"其成员 {name!r} 指向压缩包之外:请重新打包,不带路径",
        )
    return path


def members(archive: zipfile.ZipFile, limits: Limits) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """List the files of an archive, after looking at every name, type and count but not at the content."""
    infos = [i for i in archive.infolist() if not i.is_dir()]
    if len(infos) > limits.gdb_members:
        raise UnsafeFileError(
            f"it holds {len(infos)} files, more than {limits.members}: pack only the delivery",
            f"含 {len(infos)} 个文件,多于 {limits.members}:请只打包要交付的文件",
        )
    files = [(i, inside(i.filename)) for i in infos]
    plain = [p for _, p in files if not any(part.lower().endswith(".gdb") for part in p.parts[:-1])]
    if len(plain) > limits.members:
        raise UnsafeFileError(
            f"it holds {len(plain)} files, more than {limits.members}: pack only the delivery",
            f"含 {len(plain)} 个文件,多于 {limits.members}:请只打包要交付的文件",
        )
    if len({str(p).casefold() for _, p in files}) < len(files):
        raise UnsafeFileError("it holds two files of one name: pack it again", "含两个同名文件:请重新打包")
    for info, path in files:
        mode = info.external_attr >> 16
        if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
            raise UnsafeFileError(
                f"its member {info.filename!r} is a link or a device: pack the file itself",
                f"其成员 {info.filename!r} 是链接或设备:请打包文件本身",
            )
        if info.flag_bits & 1:
            raise UnreadableError(
                f"its member {info.filename!r} is encrypted: pack it without a password",
                f"其成员 {info.filename!r} 已加密:请不设密码打包",
            )
        if path.suffix.lower() in (".zip", ".kmz", ".gz", ".7z", ".rar", ".tar"):
            raise UnsafeFileError(
                f"its member {info.filename!r} is itself an archive: unpack it first",
                f"其成员 {info.filename!r} 本身是压缩包:请先解压",
            )
    return files


def unpack(path: Path, target: Path, limits: Limits) -> None:
    """Inflate an archive into the empty folder `target`; bytes are counted while inflating, whatever the headers claim.

    Raises UnsafeFileError (members that point outside, links, nested archives, too many files or bytes) or UnreadableError;
    the messages do not name the archive, the caller does. Memory: one chunk.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            packed, total = max(path.stat().st_size, 1), 0
            for info, name in members(archive, limits):
                out = target.joinpath(*name.parts)
                out.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as source, out.open("xb") as sink:
                    while chunk := source.read(CHUNK):
                        total += len(chunk)
                        if total > limits.size or (total > limits.free and total > limits.ratio * packed):
                            raise UnsafeFileError(
                                f"it inflates to more than {total >> 20} MiB from {packed / 1024:.0f} KiB: "
                                "unpack it yourself and import the files",
                                f"由 {packed / 1024:.0f} KiB 解压出超过 {total >> 20} MiB:请自行解压后导入其中的文件",
                            )
                        sink.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, FileExistsError, NotADirectoryError) as error:
        raise UnreadableError(f"it is a damaged archive ({error}): pack it again", f"压缩包已损坏({error}):请重新打包") from error
