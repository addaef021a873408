"""A Stratum client: it keeps a connection to one pool, and threads busy with the pool's work.

The event loop talks, threads hash. While there is no connection nothing is hashed, since whether the work would count is not
known; what was found before waits for the session to go on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random
from typing import Final

from miner.errors import AddressError, MessageError, PoolRefusedError, PoolUnreachableError
from miner.job_queues import JobQueues
from miner.stratum.address import PoolAddress
from miner.stratum.backoff import Backoff
from miner.stratum.building import line_of
from miner.stratum.client_session import ClientSession, Login
from miner.stratum.client_settings import ClientSettings, ClientSnapshot
from miner.stratum.events import Event, GiveUp, Judged, Leave, Mine, Say
from miner.stratum.gate import Gate
from miner.stratum.hashing import Hasher, HashThreads, Share
from miner.stratum.midstate_words import MidstateWords
from miner.stratum.reader import MessageReader
from miner.stratum.route import Route
from miner.stratum.sparing import SparingLog
from miner.stratum.wire import Wire
from miner.work_queue import WorkQueue

LONGEST_WAIT_S: Final = 600.0  # a pool may ask to be left alone for longer, but not be heard
MOST_OPEN_SHARES: Final = 512  # found and not yet judged; then threads wait, for the pool cannot follow
_LOG = logging.getLogger(__name__)

Clock = Callable[[], float]


class StratumClient:
    """Mines at one pool until stopped: ``await StratumClient(address, login).run()``.

    `random` draws the waits between attempts; `clock` [s] only goes forward.
    """

    def __init__(
        self,
        address: PoolAddress,
        login: Login,
        settings: ClientSettings | None = None,
        *,
        random: Random | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._clock = clock
        self._settings = settings = settings or ClientSettings()
        self._route = Route(address)
        self._session = ClientSession(login, clock)
        self._backoff = Backoff(random or Random(), settings.first_wait_s, settings.longest_wait_s)
        self._threads: Hasher | None = None
        self._queues = JobQueues(settings.space, settings.midstates)
        self._queue: WorkQueue | None = None
        self._sessions_lost = 0
        self._wire: Wire | None = None
        self._leave: Leave | None = None
        self._failure: BaseException | None = None
        self._stop = asyncio.Event()
        self._settled = asyncio.Event()
        self._gate = Gate(MOST_OPEN_SHARES)
        self._inside = 0
        self._connections = self._jobs = 0
        self._midstate_words, self._words = MidstateWords(settings.midstates), SparingLog(_LOG, clock)
        self._began_s: float | None = None

    async def run(self) -> None:
        """Mine until `stop` is called.

        Raises
        ------
        PoolRefusedError
            If the pool does not let the user in, and never did.
        AddressError
            If the pool is not where hashwatt mines, and never was.
        PoolUnreachableError
            If the pool was never reached, unless the client is patient.
        """
        loop = asyncio.get_running_loop()

        def found(share: Share) -> None:
            self._gate.enter()
            loop.call_soon_threadsafe(self._take, share)

        def failed(error: BaseException) -> None:
            loop.call_soon_threadsafe(self._fail, error)

        settings = self._settings
        make = settings.hasher or partial(HashThreads, settings.threads, settings.backend)
        self._threads = await asyncio.to_thread(make, found, failed)
        self._began_s = self._clock()  # not before the kernel is there: it may have to be compiled
        try:
            while not self._stop.is_set():
                await self._visit()
                await self._wait_to_return()
        finally:
            self._stop.set()
            self._gate.open()
            await asyncio.to_thread(self._threads.close)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Let the client stop: nothing more is hashed, and the pool's word on what was sent is waited for a moment."""
        self._stop.set()

    def snapshot(self) -> ClientSnapshot:
        """Return how the client stands now."""
        now_s, book = self._clock(), self._session.book
        hashes, hashing_s = (0, 0.0) if self._threads is None else (self._threads.hashes, self._threads.hashing_s)
        return ClientSnapshot(
            elapsed_s=0.0 if self._began_s is None else now_s - self._began_s,
            hashing_s=hashing_s,
            backend=self._settings.backend if self._threads is None else self._threads.backend,
            connected=self._wire is not None,
            connections=self._connections,
            jobs=self._jobs,
            jobs_dropped=self._session.jobs.dropped,
            hashes=hashes,
            hash_rate_hps=hashes / hashing_s if hashing_s > 0 else 0.0,
            found=book.found,
            accepted=book.accepted,
            rejected=tuple(sorted(book.rejected.items())),
            stale=book.stale,
            repeated=book.repeated,
            lost=book.lost,
            open=book.open,
            odd=self._session.odd,
            accepted_hashes=book.accepted_hashes,
            best_difficulty=book.best_difficulty,
        )

    async def _visit(self) -> None:
        """Connect, converse until one side has enough, and leave things so that the session can go on."""
        self._leave = None
        began_s = self._clock()
        conversation = asyncio.create_task(self._connect_and_converse())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({conversation, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if self._wire is not None and not conversation.done():
                await self._take_leave(conversation)
        finally:
            self._pause()
            conversation.cancel()
            stopping.cancel()
            await asyncio.gather(conversation, stopping, return_exceptions=True)
            self._session.disconnected()
            wire, self._wire = self._wire, None
            if wire is not None:
                await wire.close()
        if self._clock() - began_s >= self._settings.longest_wait_s:
            self._backoff.reset()
        if not conversation.cancelled():
            conversation.result()  # a defect is not to pass for a lost connection

    async def _connect_and_converse(self) -> None:
        self._wire = await self._connect()
        if self._wire is not None:
            await self._converse(self._wire)

    async def _connect(self) -> Wire | None:
        settings = self._settings
        try:
            wire = await Wire.open(self._route.address, allow_public=settings.allow_public, connect_s=settings.connect_s)
        except (PoolUnreachableError, AddressError) as error:
            patient = settings.patient or self._connections > 0
            if not (self._session.welcomed if isinstance(error, AddressError) else patient):
                raise
            _LOG.warning("%s", error)
            self._route.go_home()
            return None
        self._connections += 1
        return wire

    async def _converse(self, wire: Wire) -> None:
        """Read and answer until the pool is to be left, or says nothing more."""
        settings, messages = self._settings, MessageReader()
        deadline_s, ready = self._clock() + settings.login_s, False
        self._perform(self._session.connected())
        try:
            while data := await wire.read(deadline_s - self._clock()):
                items = messages.feed(data)
                for item in items:
                    if leave := self._perform(self._session.receive(item)):
                        _LOG.warning("leaving pool %s: %s", wire.address, leave.reason)
                        return
                sense = any(not isinstance(item, MessageError) for item in items)
                if sense and self._session.ready and not (ready and self._gate.is_full):  # it must judge shares, too
                    deadline_s = self._clock() + settings.silence_s
                ready = self._session.ready
                await asyncio.sleep(0)  # a pool that never stops talking leaves the shares their turn
            for item in messages.end():
                self._perform(self._session.receive(item))
            _LOG.warning("pool %s closed the connection", wire.address)
        except TimeoutError:
            _LOG.warning("pool %s says nothing of use", wire.address)
        except OSError as error:
            _LOG.warning("connection to pool %s lost: %s", wire.address, error.strerror or type(error).__name__)

    async def _take_leave(self, conversation: asyncio.Task[None]) -> None:
        """End the hashing, hand in what it found, and wait a moment for the pool's word on it."""
        if self._threads is not None:
            self._pause()  # before the gate opens: it bounds what is found until the threads have ended
            self._gate.open()
            await asyncio.to_thread(self._threads.close)
        settling = asyncio.create_task(self._settled.wait())
        if self._session.book.open:
            await asyncio.wait({conversation, settling}, timeout=self._settings.farewell_s, return_when=asyncio.FIRST_COMPLETED)
        settling.cancel()

    async def _wait_to_return(self) -> None:
        """Decide where to go next, and wait before going there."""
        wait_s, leave = self._backoff.next_s(), self._leave
        self._route.after(leave, let_in=self._session.let_in)
        if leave is not None:
            wait_s = max(wait_s, min(leave.wait_s or 0.0, LONGEST_WAIT_S))
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._stop.wait()

    def _perform(self, events: list[Event]) -> Leave | None:
        """Do what the session wants done; return its wish to leave, if it has that."""
        for event in events:
            match event:
                case Say(message):
                    if self._wire is not None:
                        self._wire.write(line_of(message))
                case Mine():
                    self._mine(event)
                case Judged():
                    self._note(event)
                case Leave():
                    self._leave = event
                case GiveUp(reason):
                    self._fail(PoolRefusedError(reason))
        settled = self._inside - self._session.book.open
        self._gate.leave(settled)
        self._inside -= settled
        if self._inside:
            self._settled.clear()
        else:
            self._settled.set()
        return self._leave

    def _mine(self, event: Mine) -> None:
        if self._threads is None or self._stop.is_set():
            return
        self._jobs += 1
        fresh = self._queue is None or self._queue.assignment != event.assignment
        if fresh or self._queue is None:
            if words := self._midstate_words.about(self._route.address, event.assignment.version_mask):
                self._words.say(logging.WARNING, "%s", words)
            if self._sessions_lost != self._session.sessions_lost:
                self._sessions_lost = self._session.sessions_lost
                self._queues.forget()
            before, self._queue = self._queue, self._queues.of(event.assignment)
            fresh = not self._queue.continues(before)
        self._threads.work_on(self._queue, abandon=event.abandon and fresh)

    def _pause(self) -> None:
        if self._threads is not None:
            self._threads.work_on(None, abandon=False)

    def _note(self, event: Judged) -> None:
        self._backoff.reset()
        if event.reject is not None:
            seen = self._session.book.rejected[event.reject] > 1  # once for each reason is enough
            _LOG.log(logging.DEBUG if seen else logging.WARNING, "share rejected: %s, %s", event.reject, event.text)
        wanted = self._settings.stop_after
        if wanted is not None and self._session.book.accepted >= wanted:
            self._stop.set()

    def _take(self, share: Share) -> None:
        """Take over a share that a thread found."""
        self._inside += 1
        self._perform(self._session.found(share))

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._stop.set()
