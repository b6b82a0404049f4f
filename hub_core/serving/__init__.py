"""``hub serve``: sets out on what is due, one journey at a time, each in a process of its own.

A journey is the same command that an operator may give, so that what fails there cannot end what
serves, and the memory of a night is given back when it is over.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Lock
from types import FrameType

from hub_core.config.settings import database_of, has_worked, settings_of
from hub_core.errors import HubError
from hub_core.locks import held
from hub_core.obligations import ZONE
from hub_core.serving.scheduler import Journey, Ledger, plan
from hub_core.store.nights import Brakes, Nights
from hub_core.store.releases import Releases
from hub_core.store.runs import Runs
from hub_core.store.store import Store

TURN_SECONDS = 20  # seconds between two looks at what is due
GRACE = 8  # seconds that a journey has to give back what it holds, once the hub is told to stop
_RECENT_RUNS = timedelta(days=2)  # whose runs may be tried again where there was no night yet

Say = Callable[[str], None]
_log = logging.getLogger(__name__)


class Serving:
    """A hub that serves.

    ``clock`` tells the time, ``say`` tells the operator, and ``run_journey`` carries out a journey
    and returns its exit code. Where no ``run_journey`` is given, a journey is a process; in a
    rehearsal it is given the clock's time.
    """

    def __init__(
        self,
        home: Path,
        clock: Callable[[], datetime],
        say: Say,
        run_journey: Callable[[Journey], int] | None = None,
        *,
        rehearsal: bool = False,
    ) -> None:
        self.home, self._clock, self._operator, self._rehearsal = home, clock, say, rehearsal
        self._run_journey = run_journey or self._run_process
        settings_of(home)  # what is no home is said at once, and not at every turn
        self._stopping = Event()
        self._journey_lock, self._turn_lock = Lock(), Lock()
        self._journey: subprocess.Popen[bytes] | None = None
        self._trouble = ""

    def _say(self, text: str) -> None:
        """Tell the operator, and the log."""
        _log.info("%s", text)
        self._operator(text)

    def run(self) -> None:
        """Serve until told to stop by SIGTERM or SIGINT."""
        from apscheduler.schedulers.blocking import BlockingScheduler
        from apscheduler.triggers.interval import IntervalTrigger

        scheduler = BlockingScheduler(timezone=ZONE)
        scheduler.add_job(self.turn)
        scheduler.add_job(
            self.turn, IntervalTrigger(seconds=TURN_SECONDS), coalesce=True, max_instances=1
        )

        def stop(number: int, _: FrameType | None) -> None:
            self._say(f"told to stop by {signal.Signals(number).name}")
            self.stop()
            scheduler.shutdown(wait=False)

        with held(self.home / "serve.lock", f"another hub serves {self.home} already"):
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, stop)
            self._say(f"serving {self.home}")
            scheduler.start()
            self._end_journey()

    def turn(self) -> None:
        """Carry out what is due now. Trouble is said once, and the next turn tries again."""
        if self._turn_lock.acquire(blocking=False):
            try:
                self._turn()
            finally:
                self._turn_lock.release()

    def _turn(self) -> None:
        try:
            settings = settings_of(self.home)
            schedule = settings.schedule
            database, begun = database_of(self.home, settings), has_worked(self.home, settings)
            # the database may be another one than a turn ago
            with closing(Store(database, begun=begun)) as store:
                due = plan(schedule, self.ledger(store), self._clock())
                Nights(store).skip(due.skipped, self._clock())
            if due.skipped:
                self._say(
                    f"missed and skipped ({schedule.missed}): {', '.join(map(str, due.skipped))}"
                )
            if self._trouble:
                self._say("that is over")
            for journey in due.journeys:
                if not self._stopping.is_set():
                    command = " ".join(journey.words)
                    self._say(f"{command}: begun")
                    self._say(f"{command}: ended with {self._run_journey(journey)}")
            self._trouble = ""
        except HubError as error:
            if str(error) != self._trouble:
                self._say(f"{type(error).__name__}: {error}")
            self._trouble = str(error)

    def ledger(self, store: Store) -> Ledger:
        """Return what the database knows now of nights, runs, deliveries and brakes."""
        nights = Nights(store).all()
        begun = [night.began_at for night in nights if night.state != "skipped"]
        since = begun[-1] if begun else self._clock() - _RECENT_RUNS
        runs = Runs(store).all(limit=None, since=since)
        return Ledger(nights, runs, Releases(store).outbox(), Brakes(store).all())

    def _run_process(self, journey: Journey) -> int:
        command = [sys.executable, "-m", "hub_core.cli", *journey.words, "--home", str(self.home)]
        if self._rehearsal:
            command += ["--now", f"{self._clock().astimezone(ZONE):%Y-%m-%dT%H:%M}"]
        with self._journey_lock:
            self._journey = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - our own command
            if self._stopping.is_set():
                self._journey.terminate()
        code = self._journey.wait()
        self._journey = None
        return code

    def stop(self) -> None:
        """Begin no further journey, and tell one under way to give back what it holds."""
        self._stopping.set()
        with self._journey_lock:
            if self._journey is not None:
                self._journey.terminate()

    def _end_journey(self) -> None:
        """Wait for the journey under way, and end it where it does not end."""
        journey = self._journey
        if journey is not None:
            try:
                journey.wait(GRACE)
            except subprocess.TimeoutExpired:
                self._say(
                    "the journey under way does not end, and is ended: what it held is taken up next time"
                )
                journey.kill()
                journey.wait()
