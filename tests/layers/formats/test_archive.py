import stat
import zipfile
from pathlib import Path

import pytest

from layers.formats.archive import Limits, unpack
from layers.formats.errors import UnreadableError, UnsafeFileError


def pack(path, **files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def unpacked(path, tmp_path, limits=Limits()):  # noqa: B008
    target = tmp_path / "out"
    target.mkdir()
    unpack(path, target, limits)
    return sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file())


def test_a_plain_archive_comes_out_whole(tmp_path):
    path = pack(tmp_path / "a.zip", **{"a/b.txt": "1", "c.txt": "2"})
    assert unpacked(path, tmp_path) == [str(Path("a/b.txt")), "c.txt"]


@pytest.mark.parametrize("name", ["../evil.txt", "/tmp/evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:\\evil.txt"])
def test_a_member_that_points_outside_is_refused(tmp_path, name):
    path = pack(tmp_path / "a.zip", **{"good.txt": "1", name: "2"})
    with pytest.raises(UnsafeFileError, match=r"outside the archive"):
        unpacked(path, tmp_path)
    assert not list(tmp_path.rglob("evil*"))


def test_a_link_in_an_archive_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.geojson")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(UnsafeFileError, match=r"link or a device"):
        unpacked(path, tmp_path)


def test_a_bomb_is_stopped_while_inflating(tmp_path):
    path = pack(tmp_path / "a.zip", **{"a.geojson": b"\0" * (30 << 20)})
    with pytest.raises(UnsafeFileError, match=r"inflates to more than"):
        unpacked(path, tmp_path)
    assert sum(p.stat().st_size for p in (tmp_path / "out").rglob("*")) <= 11 << 20


def test_inflated_bytes_are_bounded_whatever_the_ratio(tmp_path):
    path = pack(tmp_path / "a.zip", **{"a.txt": bytes(range(256)) * 4096})
    with pytest.raises(UnsafeFileError, match=r"inflates"):
        unpacked(path, tmp_path, Limits(size=1000))


def test_too_many_members_are_refused_but_a_geodatabase_may_have_them(tmp_path):
    many = {f"f{i}.txt": "" for i in range(101)}
    with pytest.raises(UnsafeFileError, match=r"101 files"):
        unpacked(pack(tmp_path / "a.zip", **many), tmp_path)
    path = pack(tmp_path / "b.zip", **{f"x.gdb/{name}": "" for name in many})
    unpack(path, tmp_path / "b", Limits())
    assert len(list((tmp_path / "b" / "x.gdb").iterdir())) == 101


def test_an_archive_in_an_archive_is_refused(tmp_path):
    with pytest.raises(UnsafeFileError, match=r"itself an archive"):
        unpacked(pack(tmp_path / "a.zip", **{"b.zip": "PK"}), tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path):
    path = pack(tmp_path / "a.zip", **{"A.txt": "1", "a.txt": "2"})
    with pytest.raises(UnsafeFileError, match=r"two files of one name"):
        unpacked(path, tmp_path)


def test_a_damaged_archive_is_named_so(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(UnreadableError, match=r"damaged archive"):
        unpacked(path, tmp_path)
