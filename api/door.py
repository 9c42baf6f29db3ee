"""The port of a service: several processes wait at it and share the connections among them."""

from __future__ import annotations

import socket
import time
from multiprocessing.reduction import DupFd
from typing import Any

from layers.errors import Refusal

TURN = 0.001
"""Seconds that a process which took a connection leaves the next one to others."""


class Door(socket.socket):
    """A listening socket at which processes take turns: asyncio takes all connections that wait, and other processes stay idle."""

    shared = False
    _mine = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """Take a connection; BlockingIOError where none waits, or where it is the others' turn."""
        if self.shared and time.monotonic() < self._mine:
            raise BlockingIOError
        taken = super().accept()
        self._mine = time.monotonic() + TURN
        return taken

    def __reduce__(self) -> tuple[Any, ...]:
        """Hand the port to a process that is being started."""
        return _received, (DupFd(self.fileno()), self.family, self.type, self.proto, self.shared)


def _received(descriptor: Any, family: int, kind: int, proto: int, shared: bool) -> Door:
    door = Door(family, kind, proto, fileno=descriptor.detach())
    door.shared = shared
    return door


def listening(host: str, port: int, shared: bool = False) -> Door:
    """Take a port of this machine, any free one for 0; `shared` by several processes."""
    # asyncio sends small answers at once (TCP_NODELAY) only where the socket says that it speaks TCP.
    door = Door(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    door.shared = shared
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        raise Refusal(
            f"port {port} of {host} cannot be taken ({error.strerror}); choose another by --port",
            f"无法使用 {host} 的端口 {port}({error.strerror});请用 --port 另选",
        ) from error
    return door
