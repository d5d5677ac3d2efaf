"""measure NAME CASE THREADS SECONDS CLONE BEGAN: a peer's numbers in this process, as JSON.

BEGAN is when the parent started this process. A peer is an object with

    parameters()      how many numbers it trains
    batch()           a random batch of the case
    step(x)           one update of the weights; the loss as a float
    sample(n)         n examples
    log_prob(x)       of each example

where every call ends only when its result is there.
"""

import ctypes
import importlib
import json
import math
import os
import resource
import statistics
import sys
import time

from comparison.cases import CASES, PEERS
from comparison.peers.names import MODULES

LEAST_STEPS = 3

# As Diffeo's main.cpp sets them: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD.
ALLOCATOR = {-3: 1 << 30, -1: 2**31 - 1, -2: 64 << 20}


def keep_freed_memory():
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # glibc's
        for what, value in ALLOCATOR.items():
            libc.mallopt(what, value)


def set_threads(peer, threads):
    """JAX has no such setting; it makes as many threads as the process may use processors."""
    if peer.environment == "jax":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        return
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)


def rate(action, batch, seconds):
    """Examples a second by the median time of an action, which has been done before."""
    times, begin = [], time.perf_counter()
    while len(times) < LEAST_STEPS or time.perf_counter() - begin < seconds:
        at = time.perf_counter()
        action()
        times.append(time.perf_counter() - at)
    return batch / statistics.median(times)


def numbers(model, case, seconds, began):
    x = model.batch()
    if not math.isfinite(model.step(x)):
        sys.exit("the loss of the first step is not finite")
    result = {"parameters": model.parameters(), "start": time.time() - began}
    model.step(x)
    result["train"] = rate(lambda: model.step(x), case.batch, seconds)
    result["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    model.log_prob(x)
    result["evaluate"] = rate(lambda: model.log_prob(x), case.batch, seconds)
    model.sample(case.batch)
    result["sample"] = rate(lambda: model.sample(case.batch), case.batch, seconds)
    return result


def main():
    name, case_name, threads, seconds, clone, began = sys.argv[1:]
    case, peer = CASES[case_name], PEERS[name]
    keep_freed_memory()
    set_threads(peer, int(threads))
    module = importlib.import_module(f"comparison.peers.{MODULES[name]}")
    model = module.build(case, clone)
    print(json.dumps(numbers(model, case, float(seconds), float(began))))


main()
