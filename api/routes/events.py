"""Changes of the land as they happen: server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.auth import Refused, TheKeeper
from api.deps import AStore, TheKnown, held, what_one_sees
from api.errors import problem
from api.models import Problem
from api.watch import Event, Watch
from layers.base import Text
from layers.catalogue import LAYERS
from layers.collections import Collection
from layers.store.base import StoreError

SSE = "text/event-stream"
HEARTBEAT = 5.0
"""Seconds after which a quiet stream gives a sign of life, and it is asked again whether who listens may."""
RETRY = 3_000
"""Milliseconds after which a browser comes back to a stream that broke."""
MOST = 200
"""Streams of one process; each takes a connection and 50 kB."""
CROWDED = Text("too many maps listen for changes already; ask again later", "监听变更的地图已达上限,请稍后再试")
TheWatch = Annotated[Watch, held("watch")]
Sight = Callable[[], Awaitable[Mapping[str, Collection]]]
router = APIRouter(tags=["events"])


@router.get("/events", response_class=Response, responses={200: {"content": {SSE: {}}}, 503: {"model": Problem}})
async def events(
    request: Request, watch: TheWatch, store: AStore, known: TheKnown, keeper: TheKeeper,
    since: Annotated[str, Query(max_length=100, description="id of the last event seen, as Last-Event-ID; default: now")] = "",
) -> Response:  # fmt: skip
    """Tell of each change as it happens, until the caller leaves: the layers, and boxes in longitude and latitude (null: anywhere).

    `readiness` is told of when the findings are fresh again.
    """
    if watch.listeners >= MOST:
        return problem(request, 503, "Crowded", *CROWDED, {"Retry-After": "30"})

    async def sees() -> Mapping[str, Collection]:
        person = await keeper.who(request)
        return await to_thread.run_sync(what_one_sees, store, known, person) if person.may("viewer") else {}

    await watch.begun()
    seen = request.headers.get("last-event-id") or since
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(told(watch, sees, seen), media_type=SSE, headers=headers)


async def told(watch: Watch, sees: Sight, seen: str) -> AsyncIterator[str]:
    """Write the stream of who saw all up to `seen`; it ends when they may see nothing any more, or the service stops."""
    with watch.listening():
        yield f"retry: {RETRY}\n" + ("\n" if seen else f"id: {watch.standing}\n\n")
        seen = seen or watch.standing
        while not watch.ended:
            news = watch.news
            try:
                may = await sees()
                if not may:
                    return
                for event in await to_thread.run_sync(watch.since, seen):
                    seen = event.id
                    yield written(event, may)
            except Refused:
                return
            except StoreError:
                pass  # whoever looks at the base says so; what happened meanwhile is told when it is back
            try:
                await asyncio.wait_for(news.wait(), HEARTBEAT)
            except TimeoutError:
                yield ":\n\n"


def written(event: Event, may: Mapping[str, Collection]) -> str:
    """Write an event for who may see some collections; of those that show them only a part, they learn no place.

    Rasters are no collections: who may see any land sees the shading of all of it.
    """
    layers = {
        name: None if name in may and may[name].only else places
        for name, places in event.layers.items()
        if name in may or (may and name in LAYERS and LAYERS[name].geometry == "raster")
    }
    data = json.dumps({"version": event.version, "layers": layers})
    return f"id: {event.id}\n" + (f"data: {data}\n" if layers else "") + "\n"
