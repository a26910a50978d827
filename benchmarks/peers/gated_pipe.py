"""What the contestants of `gated_peers.py` share: their numbers, and how they answer on a pipe.

A contestant's process gets the number of threads, and reads one JSON object a line:
{"prepare": case} makes it ready for a case and answers the seconds a call, null where it cannot do it;
{"write": file} writes what a call gives; {"calls": count} answers the seconds a call of so many.
"""

import json
import os
import sys
import time

THREADS = int(sys.argv[1])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])  # before libraries count processors
CLOCK = time.process_time if THREADS == 1 else time.perf_counter

import numpy as np  # noqa: E402

GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def numbers(cell, hidden, batch, frames):
    """Weights as torch.nn lays them out (w_x, w_h, b_x, b_h), frames (b t d), the gradient of the output."""
    rng, rows = np.random.default_rng(0), GATES[cell] * hidden
    weights = [rng.normal(size=shape) / hidden**0.5 for shape in ((rows, hidden), (rows, hidden), rows, rows)]
    frames = [rng.normal(size=(batch, frames, hidden)) for _ in range(2)]
    return [v.astype(np.float32) for v in (*weights, *frames)]


def reorder(weight, gates):
    """Put the gates, blocks of rows, into another order."""
    return np.concatenate([np.split(weight, len(gates))[gate] for gate in gates])


def seconds(run, calls):
    begin = CLOCK()
    for _ in range(calls):
        run()
    return (CLOCK() - begin) / calls


class Contestant:
    """Answers for `prepare(gradients, cell, hidden, batch, frames)`.

    That returns the ways to do a case, of which the fastest is timed, and what makes of a result the arrays
    that torch.nn would give: the output, then, with gradients, those of w_x, w_h, b_x, b_h and the frames.
    """

    def __init__(self, prepare):
        self._prepare = prepare

    def prepare(self, case):
        ways, self.arrays = self._prepare(*case)
        tried = [(way(), seconds(way, 3), way) for way in ways]  # the first call compiles
        self.result, took, self.run = min(tried, key=lambda one: one[1], default=(None, None, None))
        return took

    def write(self, file):
        np.savez(file, *self.arrays(self.result))

    def calls(self, count):
        return seconds(self.run, count)


def serve(prepare, **versions):
    print(json.dumps(versions), flush=True)
    contestant = Contestant(prepare)
    for line in sys.stdin:
        ((question, given),) = json.loads(line).items()
        print(json.dumps(getattr(contestant, question)(given)), flush=True)
