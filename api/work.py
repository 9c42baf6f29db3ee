"""The process of one step of an import, or that reads a site: `python -m api.work FOLDER` does what its `request.json` says.

It answers in `result.json` or `refusal.json`. Nothing but the standard library is imported before the process is confined: threads of
others would stand in the way.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

NEW_USER, NEW_NET, DEATH_SIGNAL = 0x10000000, 0x40000000, 1


def follow() -> None:
    """End with the service that began this, where the system can: nobody would be there to hear what came of it."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() == 1:
            sys.exit(1)


def confine(memory: int) -> None:
    """Bound the memory [bytes] of this process and take the network away from it and its children, where the system lets us."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unshare = getattr(ctypes.CDLL(None), "unshare", None)
    if unshare is not None and unshare(NEW_NET):
        unshare(NEW_USER | NEW_NET)


def main(folder: Path) -> None:
    """Do a step; a mistake of our own leaves neither a result nor a refusal, but its traceback in the log."""
    request: dict[str, Any] = json.loads((folder / "request.json").read_text("utf-8"))
    follow()
    if "memory" in request:
        confine(request["memory"])
    from api import importing, reading, workbook
    from api.refusals import REFUSALS, told

    last = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal last
        if total and time.monotonic() - last > 0.2:
            last = time.monotonic()
            (folder / importing.SHARE).write_text(str(min(99, 100 * done // total)))

    run = {"look": importing.look, "bring": importing.bring, "outlines": reading.outlines_of, "sheets": workbook.sheets_of}[
        request["step"]
    ]
    try:
        importing.written(folder / importing.RESULT, run(folder, request, progress))
    except REFUSALS as refusal:
        traceback.print_exc()
        importing.written(folder / importing.REFUSAL, {**told(refusal)._asdict(), "kind": type(refusal).__name__})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
