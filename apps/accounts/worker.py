"""Runs the jobs of the queue for as long as the process lives, however often the database goes away meanwhile.

Procrastinate's worker ends with its first failed statement. So it is run in lives here: a life ends with a connection,
and the next one begins, after a growing wait, once the database answers. Each life registers as a worker of its own;
what the one before left marked as running is put back into the queue.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Iterable

import psycopg
from asgiref.sync import sync_to_async
from django.db import connections
from procrastinate import App
from procrastinate.app import WorkerOptions
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.worker import Worker

from apps.accounts.database_faults import database_fault, database_words
from apps.accounts.own_jobs import OwnJobs, Waits, sleep, take_up_stalled, with_retries

HEARTBEAT = 10.0
# A worker that was silent for so many heartbeats is taken for dead.
SILENT_HEARTBEATS = 3
# A life that lasted so long has earned the next one a short wait.
SECONDS_OF_A_GOOD_LIFE = 60
SECONDS_TO_CONNECT = 10
CONNECTIONS = 4

logger = logging.getLogger(__name__)


class ConnectionLost(psycopg.OperationalError):
    """Procrastinate's worker has ended by itself: it does so when one of its connections fails."""


class QueueWorker:
    """A process that runs jobs until it is asked to stop."""

    def __init__(self, *, heartbeat: float = HEARTBEAT, queues: Iterable[str] | None = None) -> None:
        self._heartbeat = heartbeat
        self._queues = None if queues is None else list(queues)
        self._stopping = asyncio.Event()
        self._worker: Worker | None = None
        self._previous: int | None = None
        self._lost: str | None = None
        self._sound_at = time.monotonic()
        self._has_run = False

    async def run(self) -> None:
        """Run jobs until SIGTERM or SIGINT; then finish the job that runs, and return."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        waits = Waits()
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                await self._live()
            except Exception as error:
                if self._stopping.is_set():
                    break
                self._note_loss(error)
            if time.monotonic() - began > SECONDS_OF_A_GOOD_LIFE:
                waits.start_over()
            await sleep(waits.next(), self._stopping)
        logger.info("The queue worker has stopped.")

    def stop(self) -> None:
        """Take no other job, and return from `run` when the running one has ended."""
        if self._stopping.is_set():
            return
        logger.info("The queue worker stops after the job that it runs.")
        self._stopping.set()
        if self._worker is not None:
            self._worker.stop()  # type: ignore[no-untyped-call]

    async def _live(self) -> None:
        """Run jobs until a connection fails, which raises, or until `stop`.

        Raises:
            ConnectionLost: one of the connections failed.
        """
        # The connection of the thread through which periodic jobs are put into the queue.
        await sync_to_async(connections.close_all)()
        parameters = await sync_to_async(connector_params)()
        # The pool says only that it has none; this says why.
        async with await psycopg.AsyncConnection.connect(
            **{"connect_timeout": SECONDS_TO_CONNECT, **parameters}, autocommit=True
        ):
            pass
        connector = PsycopgConnector(kwargs=parameters, min_size=1, max_size=CONNECTIONS, timeout=SECONDS_TO_CONNECT)
        queue = App(connector=connector, worker_defaults=app.worker_defaults)
        # Jobs that a job asks for go through the app of all other code, in the transaction of the job.
        queue.tasks, queue.periodic_registry = with_retries(app.tasks), app.periodic_registry
        queue.job_manager = OwnJobs(connector, self._stopping)
        async with queue.open_async():
            if self._previous is not None:
                await queue.job_manager.unregister_worker(self._previous)
                self._previous = None
            await self._take_up_stalled(queue)
            await self._work(queue)

    async def _work(self, queue: App) -> None:
        options: WorkerOptions = {
            **app.worker_defaults,
            "install_signal_handlers": False,
            "update_heartbeat_interval": self._heartbeat,
            "stalled_worker_timeout": SILENT_HEARTBEATS * self._heartbeat,
        }
        if self._queues is not None:
            options["queues"] = self._queues
        worker = Worker(queue, **options)
        self._worker = worker
        watching = asyncio.create_task(self._watch(queue, worker))
        try:
            await worker.run()  # type: ignore[no-untyped-call]
        finally:
            self._worker = None
            # It could not sign off where the connection was lost; the next life does it.
            self._previous = worker.worker_id
            watching.cancel()
            await asyncio.wait([watching])
            failure = None if watching.cancelled() else watching.exception()
        if not self._stopping.is_set():
            raise failure or ConnectionLost("the connection was lost")

    async def _watch(self, queue: App, worker: Worker) -> None:
        """Say that jobs are run, and look for stalled ones at every heartbeat; where that fails, the life is over."""
        try:
            while worker.worker_id is None:
                await asyncio.sleep(0.05)
            if self._stopping.is_set():
                # The signal came before the worker could be stopped.
                worker.stop()  # type: ignore[no-untyped-call]
            self._note_running()
            while True:
                self._sound_at = time.monotonic()
                await asyncio.sleep(self._heartbeat)
                await self._take_up_stalled(queue)
        except Exception:
            worker.stop()  # type: ignore[no-untyped-call]
            raise

    async def _take_up_stalled(self, queue: App) -> None:
        await take_up_stalled(queue.connector, seconds=SILENT_HEARTBEATS * self._heartbeat)

    def _note_running(self) -> None:
        if self._lost is not None:
            away = time.monotonic() - self._sound_at
            logger.warning("The queue worker runs jobs again, after %.0f seconds.", away)
        elif not self._has_run:
            logger.info("The queue worker runs jobs.")
        self._lost, self._has_run = None, True

    def _note_loss(self, error: Exception) -> None:
        """Say once what is wrong, and again only where it is something else by now."""
        fault = database_fault(error)
        reason = fault.sentence if fault else f"{type(error).__name__}: {error}"
        if reason == self._lost:
            return
        self._lost = reason
        if fault is None:
            logger.error("The queue worker failed and starts over.", exc_info=error)
        else:
            logger.warning("The queue worker waits: %s (%s). It tries again by itself.", reason, database_words(error))
