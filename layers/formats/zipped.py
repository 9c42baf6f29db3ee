"""Archives that are equal, byte by byte, where their files are."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO

MADE = (1980, 1, 1, 0, 0, 0)
"""The day that the members bear: a ZIP knows no earlier one, and none says more than the files themselves."""


def packed(files: Mapping[str, bytes]) -> bytes:
    """Pack files by name, in the order given."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, MADE)
            member.external_attr, member.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return out.getvalue()


def members(archive: bytes) -> dict[str, bytes]:
    """Read the members of an archive of one's own."""
    with zipfile.ZipFile(BytesIO(archive)) as read:
        return {name: read.read(name) for name in read.namelist()}
