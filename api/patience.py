"""HTTP that waits only so long: who does not finish the head of a request in time is cut off, and no stream outlives the service."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol


class Patient(H11Protocol):
    """Close a connection on which no request was begun in full for `patience` seconds, and each one `linger` seconds after the end began; uvicorn's own protocol waits for ever."""

    patience: ClassVar[float] = 20.0
    linger: ClassVar[float] = 20.0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """See whether what came completes the head of a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._watch()

    def shutdown(self) -> None:
        """Begin to stop: let the app end what would never end by itself, and soon drop who does not read what is sent."""
        super().shutdown()
        self.loop.call_later(self.linger, self.transport.abort)
        if (end := self.app_state.get("end")) is not None:
            end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        super().connection_lost(exc)
        if self._late is not None:
            self._late.cancel()

    def _watch(self) -> None:
        """Run the clock while no request is being answered; bytes that trickle in do not set it back."""
        waiting = self.cycle is None or self.cycle.response_complete
        if waiting and self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(self.patience, self.transport.close)
        elif not waiting and self._late is not None:
            self._late.cancel()
            self._late = None
