"""Notices what anybody did to the base, makes its findings fresh again and tells those who listen.

Each process of a service watches the base itself, so it does not matter which of them, or which other program, made the change.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date

from api.deps import Land
from layers.assessment import Networks, question
from layers.catalogue import LAYERS
from layers.census import assess
from layers.errors import Refusal
from layers.events import Moment, Places, assessed, edited
from layers.refresh import refresh
from layers.standards import Standards
from layers.store.base import ReadOnlyError, Store, StoreError
from maps.tiles import READINESS

LOG = logging.getLogger("shudi")
PERIOD = 0.5
"""Seconds between two looks at the base, a millisecond each."""
SETTLED, DAY = 10.0, 86_400.0
"""Seconds after which the whole base is read to see whether it is damaged: from the start, and from then on."""
MINUTE = 60.0
"""Seconds between two looks at the date."""
LONGEST = 5.0
"""Seconds that a look is waited for: by the end of the service, and by who listens before the first."""
GRACE = 3
"""Looks at stale findings, and nothing new, after which they are made fresh."""
KEPT = 100
"""Events that are kept for who reads slowly or comes back; who comes later is told all that changed since as one."""
ANYWHERE: Mapping[str, Places] = dict.fromkeys([*LAYERS, READINESS])


@dataclass(frozen=True, slots=True)
class Event:
    """A change: its `id` names the moment that it leads to, `layers` where it is."""

    id: str
    version: int
    layers: Mapping[str, Places]


class Watch:
    """Looks at the base in a thread of its own; `standing` is the moment that listeners were told of last."""

    def __init__(self, land: Land, standards: Standards, networks: Networks, today: Callable[[], date] = date.today) -> None:
        self._today = today
        self._land, self._standards, self._networks = land, standards, networks
        self._events: deque[tuple[str, Event]] = deque(maxlen=KEPT)
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._edits = 0
        self._drawn: Moment | None = None
        self._last: Moment | None = None
        self._looks = 0
        self._hopeless: Moment | None = None
        self._well = True
        self.listeners = 0
        self.ended = False

    def start(self) -> None:
        """Begin to look; call it in the loop of those who listen."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        threading.Thread(target=self._examine, name="examine", daemon=True).start()
        threading.Thread(target=self._turn, name="turn", daemon=True).start()

    def close(self) -> None:
        """Stop looking; a refresh that is under way is not waited for long, it is stored whole or not at all."""
        self._closing.set()
        self._thread.join(LONGEST)

    def end(self) -> None:
        """Let all who listen go, for the service stops; call it in their loop."""
        self.ended = True
        self._wake()

    @property
    def standing(self) -> str:
        """Name the moment of which listeners were told last: layers up to an entry of the history, readiness as of a stamp."""
        return "" if self._drawn is None else f"{self._edits}.{self._drawn.stamp}"

    @property
    def news(self) -> asyncio.Event:
        """The event that is set when there is news, each time another."""
        return self._news

    async def begun(self) -> None:
        """Wait for the first look, but not for ever: who was told before it that they listen would miss what is changed until then."""
        news = self.news
        if not self.standing:
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), LONGEST)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Count a listener: where nobody listens, changes are not looked at closely."""
        self.listeners += 1
        try:
            yield
        finally:
            self.listeners -= 1

    def since(self, seen: str) -> list[Event]:
        """Tell what came after the moment named `seen`; all at once where that was too long ago, or another process told of it."""
        with self._lock:
            if seen in ("", self.standing) or self._drawn is None:
                return []
            known = [before for before, _ in self._events]
            if seen in known:
                return [event for _, event in list(self._events)[known.index(seen) :]]
            now, edits = self.standing, self._edits
        store = self._land.store()
        with store.snapshot():
            whole = max(store.versions().values())
            number = seen.partition(".")[0]
            version = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else whole + 1
            layers = ANYWHERE if version > whole else {**edited(store, version), READINESS: None}
        return [Event(now, edits, layers)]

    def _run(self) -> None:
        while not self._closing.wait(0.0 if self._drawn is None and self._well else PERIOD):
            try:
                self._look(self._land.store())
                self._well = True
            except StoreError as error:
                if self._well and not self._closing.is_set():
                    LOG.warning("watch: %s", error)
                self._well = False
            except Exception:
                LOG.exception("watch")

    def _examine(self) -> None:
        wait = SETTLED
        while not self._closing.wait(wait):
            try:
                self._land.examine()
            except StoreError as error:
                LOG.error("examine: %s", error)
            wait = DAY

    def _turn(self) -> None:
        """Keep findings that speak of today speaking of today, when the day turns; those of another day were asked for by somebody."""
        day = self._today()
        while not self._closing.wait(MINUTE):
            today = self._today()
            try:
                if today != day:
                    self._renew(day, today)
                day = today
            except (StoreError, Refusal) as error:
                LOG.warning("turn: %s", error)
            except Exception:
                LOG.exception("turn")

    def _renew(self, was: date, now: date) -> None:
        """Assess all plots for a day where the findings are those of the day before it, unless another process is at it."""
        writer = self._land.writer()
        with writer.alone() as mine:
            if mine and writer.findings([], [])[1].get("on") == str(was):
                assess(writer, question(self._standards, now, None, None), self._standards)

    def _look(self, store: Store) -> None:
        """See whether anything changed; findings that stay stale are made fresh.

        Who edits through Shudi makes them fresh himself, and is left the time for it; this is for the others.
        """
        now = Moment.of(store)
        self._looks = self._looks + 1 if now == self._last else 0
        if now.stale and now != self._hopeless and self._looks >= GRACE:
            self._freshen(now)
            now = Moment.of(store)
        self._last = now
        if self._drawn is None:
            self._edits, self._drawn = now.version, now
            self._tell()
        elif now.version > self._edits or (self._settled(now) and now != self._drawn):
            self._publish(store)

    def _settled(self, now: Moment) -> bool:
        """Tell whether findings are as fresh as they become by themselves."""
        return not now.stale or now == self._hopeless

    def _freshen(self, now: Moment) -> None:
        """Make the findings fresh, unless another process is at it; where that takes a full assessment somebody must ask for it."""
        try:
            writer = self._land.writer()
            with writer.alone() as mine:
                hopeless = mine and refresh(writer, self._standards, self._networks) is None
        except ReadOnlyError:
            hopeless = True
        if hopeless:
            self._hopeless = now

    def _publish(self, store: Store) -> None:
        """Tell what changed since the last time: layers at once, the readiness as soon as it is settled."""
        with store.snapshot():
            now, drawn = Moment.of(store), self._drawn
            assert drawn is not None
            settled = self._settled(now)
            layers: dict[str, Places] = {}
            if self.listeners:
                layers = edited(store, self._edits)
                places = assessed(store, drawn, now, self._standards, self._networks) if settled and now != drawn else ()
                layers |= {READINESS: places} if places != () else {}
        with self._lock:
            before, self._edits, self._drawn = self.standing, now.version, now if settled else drawn
            if self.listeners:
                self._events.append((before, Event(self.standing, now.version, layers)))
            else:
                self._events.clear()
        self._tell()

    def _tell(self) -> None:
        """Wake all who listen, from the thread that looks."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        """Wake all who listen; those who come from now on wait for the next news."""
        woken, self._news = self._news, asyncio.Event()
        woken.set()
