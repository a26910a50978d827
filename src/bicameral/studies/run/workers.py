"""Worker processes on this machine: they share the data by being forked, and one may die without harm."""

import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import torch

from bicameral.problems.problem import Problem
from bicameral.studies.run.chain import Chain, Places, Record, advance
from bicameral.studies.run.trial import Place, Trial, failure, run_trial

ATTEMPTS = 2
ORPHANED = 0.2  # seconds until a worker notices that its parent has gone
FORKS = sys.platform == "linux"  # elsewhere the data are copied to each worker


class WorkerLostError(Exception):
    """The process that trained a model ended before it was done."""


@dataclass
class Worker:
    """A process, what it was asked, and since when."""

    process: Any
    pipe: Connection
    chain: Chain | None = None
    trial: Trial | None = None
    attempts: int = 0
    since: float = field(default_factory=time.perf_counter)

    def ask(self, trial: Trial, place: Place) -> None:
        self.trial, self.since = trial, time.perf_counter()
        self.attempts += 1
        with suppress(BrokenPipeError):  # it has died: the answer will not come, which is seen there
            self.pipe.send((trial, place))


class Workers:
    """Runs chains of trials in processes of their own, so many at a time."""

    def __init__(self, jobs: int):
        self.jobs = jobs
        self._context: Any = multiprocessing.get_context("fork" if FORKS else "spawn")
        self._problem: Problem | None = None
        self._workers: list[Worker] = []

    def run(self, problem: Problem, chains: Sequence[Chain], place: Places) -> Iterator[Record]:
        """Yield each record as its worker is done; a chain stays with its worker, which has drawn its fold.

        A worker that dies takes at most a trial with it, which is tried once more, then booked as failed.
        """
        waiting = iter(chains)
        self._open(problem)
        try:
            busy = [worker for worker in self._workers if self._begin(worker, waiting, place)]
            while busy:
                for worker in self._done(busy):
                    record = self._collect(worker, place)
                    if record is None:
                        continue
                    yield record
                    assert worker.chain is not None
                    if not self._go_on(worker, advance(worker.chain, record), waiting, place):
                        busy.remove(worker)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the workers, whatever they are at."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers, self._problem = [], None

    def _open(self, problem: Problem) -> None:
        if self._problem is not problem:
            self.close()
            self._problem = problem
            for _ in problem.raw.items if FORKS else ():  # decoded here once, not in every worker
                pass
        while len(self._workers) < self.jobs:
            self._workers.append(self._started())

    def _started(self) -> Worker:
        ours, theirs = self._context.Pipe()
        asked = (self._problem, theirs, torch.get_num_threads(), os.getpid())
        process = self._context.Process(target=_serve, args=asked, daemon=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the other thread only draws a progress bar
            process.start()
        theirs.close()
        return Worker(process, ours)

    def _begin(self, worker: Worker, waiting: Iterator[Chain], place: Places) -> bool:
        """Give a worker the next chain that has something to run; say whether there was one."""
        for chain in waiting:
            if (trial := advance(chain)) is not None:
                worker.chain, worker.attempts = chain, 0
                worker.ask(trial, place(trial))
                return True
        return False

    def _go_on(self, worker: Worker, trial: Trial | None, waiting: Iterator[Chain], place: Places) -> bool:
        if trial is None:
            return self._begin(worker, waiting, place)
        worker.attempts = 0
        worker.ask(trial, place(trial))
        return True

    def _done(self, busy: Sequence[Worker]) -> list[Worker]:
        ready = wait([item for worker in busy for item in (worker.pipe, worker.process.sentinel)])
        return [worker for worker in busy if worker.pipe in ready or worker.process.sentinel in ready]

    def _collect(self, worker: Worker, place: Places) -> Record | None:
        """Read the record of a trial; None where its worker died and the trial runs once more."""
        trial = worker.trial
        assert trial is not None
        try:
            found = worker.pipe.recv() if worker.pipe.poll() else None
        except (EOFError, OSError):
            found = None
        if isinstance(found, Exception):
            raise found
        if found is not None:
            return found
        return self._replaced(worker, trial, place)

    def _replaced(self, worker: Worker, trial: Trial, place: Places) -> Record | None:
        worker.process.join()
        code = worker.process.exitcode
        worker.pipe.close()
        fresh = self._started()
        worker.process, worker.pipe = fresh.process, fresh.pipe
        if worker.attempts < ATTEMPTS:
            worker.ask(trial, place(trial))
            return None
        lost = WorkerLostError(f"its process ended {worker.attempts} times ({_ending(code)})")
        return trial.to_dict() | failure(lost) | {"wall_seconds": time.perf_counter() - worker.since}


def _ending(code: int) -> str:
    if code == -signal.SIGKILL:
        return "killed, as the system does when memory runs out"
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _serve(problem: Problem, pipe: Connection, threads: int, parent: int) -> None:
    """Run what is asked, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asked
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with(parent)
    torch.set_num_threads(threads)
    while True:
        try:
            trial, place = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(run_trial(problem, trial, place))
        except Exception as error:  # a full disk: no failure of the model
            pipe.send(error)


def _die_with(parent: int) -> None:
    """End this process soon after its parent; where memory runs out, have Linux end it first."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHANED)
    os._exit(1)
