"""One measurement: a program's numbers in one case, made in fresh processes."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from comparison import random_data
from comparison.cases import LESS_IS_BETTER
from comparison.environment import Unavailable

HERE = pathlib.Path(__file__).resolve().parent
LONGEST = 1800  # seconds that a process may take
TOO_LONG = f"took more than {LONGEST} seconds"
STEPS_TO_PEAK = 3  # after which a training's memory does not grow


def surroundings(threads):
    """The user's variables without those that would set one side apart."""
    apart = ("OMP_", "MKL_", "KMP_", "MALLOC_", "XLA_", "JAX_", "DIFFEO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(apart)}
    return dict(
        kept, OMP_NUM_THREADS=str(threads), PYTHONWARNINGS="ignore", PYTHONDONTWRITEBYTECODE="1"
    )


class Diffeo:
    name = "Diffeo"

    def __init__(self, program):
        self.program = str(program)

    def measure(self, case, threads, seconds):
        numbers = self._speeds(case, threads, seconds)
        numbers.update(self._training(case, threads))
        return numbers

    def model(self, case):
        own = HERE / "models" / f"{case.config}.yaml"
        config = str(own) if own.exists() else case.config
        return [config, f"train.batch_size={case.batch}", "train.ema_decay=0", *case.overrides]

    def _speeds(self, case, threads, seconds):
        # The time of `bench` goes in equal parts to eight things; three are asked for here.
        words = [
            "bench",
            *self.model(case),
            "--random-data",
            "--json",
            "--device",
            "cpu",
            "--threads",
            str(threads),
            "--rounds",
            "2",
            "--seconds",
            str(8 * seconds),
        ]
        report = json.loads(output_of([self.program, *words], threads))
        return {
            "parameters": report["parameters"],
            "train": report["train"]["examples_per_second"],
            "sample": report["sample"]["examples_per_second"],
            "evaluate": report["forward"]["examples_per_second"],
        }

    def _training(self, case, threads):
        """Start and memory of a training, ended before it saves anything, as peers do not."""
        with tempfile.TemporaryDirectory() as folder:
            run = pathlib.Path(folder) / "run"
            words = [
                "train",
                *self.model(case),
                *random_data.overrides(case, pathlib.Path(folder)),
                "--run",
                str(run),
                "--device",
                "cpu",
                "train.steps=1000000",
                "train.log_every=1",
                "train.evaluate_every=0",
                "train.sample_every=0",
                "train.checkpoint_every=0",
            ]
            begin = time.monotonic()
            with open(os.path.join(folder, "errors"), "w+") as errors:
                process = subprocess.Popen(
                    [self.program, *words],
                    env=surroundings(threads),
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                )
                try:
                    start = wait_for_steps(process, run, 1, errors) - begin
                    wait_for_steps(process, run, STEPS_TO_PEAK, errors)
                finally:
                    peak = end(process)
        return {"start": start, "memory": peak}


class PeerProgram:
    def __init__(self, name, peer, clone, environments):
        self.name, self.peer, self.clone, self.environments = name, peer, clone, environments

    def measure(self, case, threads, seconds):
        if not self.peer.packages and not self.clone:
            raise Unavailable(f"needs a clone of {self.peer.clone}: --peer {self.name}=DIR")
        words = [
            self.environments.python(self.peer),
            "-m",
            "comparison.peers.measure",
            self.name,
            case.name,
            str(threads),
            str(seconds),
            str(self.clone or ""),
            str(time.time()),
        ]
        return json.loads(output_of(words, threads).splitlines()[-1])


def output_of(words, threads):
    try:
        done = subprocess.run(
            words,
            env=surroundings(threads),
            cwd=HERE.parent,
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(TOO_LONG)
    except OSError as error:
        raise Unavailable(str(error))
    if done.returncode != 0 or not done.stdout.strip():
        raise Unavailable(last_of(done.stderr, done.returncode))
    return done.stdout


def last_of(text, status):
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else f"exit status {status}"


def wait_for_steps(process, run, count, errors):
    """When the training has written that many lines of metrics."""
    metrics, begin = run / "metrics.jsonl", time.monotonic()
    while True:
        now = time.monotonic()
        if metrics.exists() and metrics.read_text().count('"kind":"train"') >= count:
            return now
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            errors.seek(0)
            raise Unavailable(last_of(errors.read(), process.returncode))
        if now - begin > LONGEST:
            raise Unavailable(TOO_LONG)
        time.sleep(0.005)


def end(process):
    """The most memory that the process has had, in MB."""
    process.send_signal(signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / 1024


def attempt(program, case, threads, seconds):
    """Its numbers, or none and a line that says why."""
    try:
        return program.measure(case, threads, seconds)
    except Unavailable as why:
        print(f"compare: {case.name}: {program.name}: {why}", file=sys.stderr)
        return None


def better(mode, one, other):
    """How many times better the first number is."""
    return other / one if mode in LESS_IS_BETTER else one / other
