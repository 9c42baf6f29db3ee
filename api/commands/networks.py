"""Report how much of the networks is connected."""

from __future__ import annotations

from datetime import date, datetime

from api.context import Context, as_of, command, on
from api.wiring import WiringBody, render
from layers.assessment import question
from layers.standards import Standards
from layers.wiring import wiring


@on
@as_of
def networks(context: Context, on: date | None, as_of: datetime | None) -> None:
    """Report for roads and utilities how much is connected to a source, why the rest is not, and what is drawn wrong."""
    with context.store(read_only=True) as store:
        ask = question(Standards.load(), on, as_of, None)
        body = WiringBody.of(wiring(store, ask, as_of), ask.on, as_of, "generated" in store.title)
    context.answer(body.model_dump(mode="json"), render(body, context.language))


COMMANDS = (command(networks),)
