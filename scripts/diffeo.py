"""Diffeo from Python: its runs as numpy arrays, its commands as functions.

One file, to be copied where it is needed; it imports numpy and safetensors and nothing else that Python does not bring.

    import diffeo
    run = diffeo.train("configs/quickstart.yaml", {"train.steps": 100})
    run.metrics("evaluation")["bits_per_dim"]           # an array, one number an evaluation
    run.weights()["flow.1_actnorm.norm.b"]           # the running average where there is one
    run.score(split="test")["nats"]                     # one number an example
    run.sample(100, temperature=0.7)                    # uint8 [N, H, W, C], or floats [N, D]
    codes = run.encode(x)                               # x: an array of examples
    run.decode(codes)

The program is found in the variable DIFFEO, else in build/ beside this file's folder, else on the PATH.
"""

import collections
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file


class DiffeoError(RuntimeError):
    """What the program said when it could not do what was asked; `exit` is its exit code (see the README)."""

    def __init__(self, message, exit):
        super().__init__(message)
        self.exit = exit


def program():
    """The path of the diffeo binary."""
    built = Path(__file__).resolve().parent.parent / "build" / "diffeo"
    found = os.environ.get("DIFFEO") or (str(built) if built.exists() else shutil.which("diffeo"))
    if not found:
        raise DiffeoError(f"no diffeo: neither in the variable DIFFEO, nor {built}, nor on the PATH", None)
    return found


def call(*words, quiet=True):
    """Runs `diffeo WORDS…` and returns its standard output. What it says on the way is shown unless quiet."""
    with subprocess.Popen([program(), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        last = collections.deque(maxlen=20)  # what an error is told with
        if not quiet:
            for line in running.stderr:
                sys.stderr.write(line)
                last.append(line)
        printed, said = running.communicate()
    if running.returncode != 0:
        raise DiffeoError((said or "".join(last)).strip() or f"exit {running.returncode}", running.returncode)
    return printed


def train(config, overrides={}, run=None, resume=False, quiet=False):
    """Trains, and returns the run. `overrides`: {"train.steps": 100, "flow.**.hidden": 64}."""
    words = ["train", config, *(f"{key}={_yaml(value)}" for key, value in overrides.items())]
    words += ["--run", run] if run else []
    words += ["--resume"] if resume else []
    for line in call(*words, quiet=quiet).splitlines():
        if line.startswith("run: "):
            return Run(line[len("run: "):])
    raise DiffeoError("the training ended without naming its run", None)


def runs(folder="runs"):
    """Every run in a folder, at any depth, by path."""
    return [Run(found.parent.parent) for found in sorted(Path(folder).rglob("checkpoints/latest"))]


class Run:
    """The folder of a run. `which` below is "latest", "best" or a step."""

    def __init__(self, path):
        self.path = Path(path)
        if not (self.path / "checkpoints").is_dir():
            raise DiffeoError(f"{self.path}: no such run", None)

    def __repr__(self):
        return f"Run('{self.path}')"

    @property
    def config(self):
        """The resolved configuration, as YAML text."""
        return (self.path / "config.yaml").read_text()

    @property
    def summary(self):
        """What the training ended with; None while it has not ended."""
        file = self.path / "summary.json"
        return json.loads(file.read_text()) if file.exists() else None

    def steps(self):
        """The steps of the checkpoints that are kept."""
        return sorted(int(folder.name[len("step_"):]) for folder in (self.path / "checkpoints").glob("step_*"))

    def metrics(self, kind="train"):
        """Lines of metrics.jsonl of one kind ("train", "evaluation", …): {key: array}, nan where a line lacks it."""
        rows = [json.loads(line) for line in (self.path / "metrics.jsonl").read_text().splitlines()]
        rows = [row for row in rows if row["kind"] == kind]
        keys = sorted({key for row in rows for key, value in row.items() if isinstance(value, (int, float))})
        return {key: np.array([row[key] if row.get(key) is not None else np.nan for row in rows]) for key in keys}

    def weights(self, which="latest", average=True):
        """{name: array}: parameters and buffers, averages in the place of parameters where there are any."""
        stored = load_file(self._checkpoint(which) / "weights.safetensors")
        plain = {name: array for name, array in stored.items() if not name.startswith("ema.")}
        if average:
            plain.update({name[len("ema."):]: array for name, array in stored.items() if name.startswith("ema.")})
        return plain

    def evaluate(self, x=None, which="latest", labels=None, context=None, **options):
        """The mean of -log p over a split, or over the examples x: {"nats": …, "standard_error": …, …}."""
        with tempfile.TemporaryDirectory() as folder:
            return json.loads(call("evaluate", self._named(which), *self._data(x, which, folder, labels, context),
                                   "--json", *_options(options)))

    def score(self, x=None, which="latest", labels=None, context=None, **options):
        """-log p of each example of a split, or of x: {"nats": array, "log_det": array, "base": array, …}.

        With x, `labels` [N] and `context` [N, columns] are what a flow of classes or columns is conditioned on.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "scores.csv"
            call("score", self._named(which), *self._data(x, which, folder, labels, context), "--out", file, *_options(options))
            return read_scores(file)

    def encode(self, x=None, which="latest", labels=None, context=None, **options):
        """The latents [N, D] of a split's examples, or of x."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "latents.npy"
            call("encode", self._named(which), *self._data(x, which, folder, labels, context), "--out", file, *_options(options))
            return np.load(file)

    def decode(self, latents, which="latest", **options):
        """The examples of latents [N, D]."""
        with tempfile.TemporaryDirectory() as folder:
            codes, file = Path(folder) / "latents.npy", Path(folder) / "examples.npy"
            np.save(codes, latents)
            call("decode", self._named(which), codes, "--out", file, *_options(options))
            return np.load(file)

    def sample(self, count, which="latest", **options):
        """Samples: images uint8 [N, H, W] or [N, H, W, C], vectors [N, D]."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "samples.npy"
            call("sample", self._named(which), "--count", count, "--out", file, *_options(options))
            return np.load(file)

    def export(self, file, which="latest", **options):
        """Writes a TorchScript module, for torch.jit.load."""
        call("export", self._named(which), "--out", file, *_options(options))

    def _data(self, x, which, folder, labels, context):
        """A data section for an array of examples: [N, D] floats, or [N, H, W] or [N, H, W, C] uint8 images."""
        if x is None:
            return []
        x = np.asarray(x)
        shape = list(x.shape[1:]) if x.ndim == 2 else [x.shape[3] if x.ndim == 4 else 1, *x.shape[1:3]]
        section = {"source": "npy", "path": _saved(x, folder, "examples"), "shape": [int(size) for size in shape]}
        if labels is not None:
            classes = json.loads(call("describe", self._named(which), "--json"))["classes"]
            section |= {"labels": _saved(np.asarray(labels), folder, "labels"), "classes": classes}
        if context is not None:
            context = np.asarray(context, float)
            section |= {"context": _saved(context, folder, "context"), "context_size": context.shape[1]}
        return ["data=" + json.dumps(section)]

    def _named(self, which):
        return f"{self.path}:{which}"

    def _checkpoint(self, which):
        folder = self.path / "checkpoints"
        if isinstance(which, int):
            return folder / f"step_{which:08d}"
        pointer = folder / which
        return pointer if pointer.is_dir() else folder / pointer.read_text().strip()


def read_scores(file):
    """A .csv that `diffeo score` has written: {column: array}."""
    with open(file, newline="") as rows:
        names, *cells = csv.reader(rows)
    return {name: np.array(column, dtype=float) for name, column in zip(names, zip(*cells))}


def _options(options):
    """{"temperature": 0.7, "raw": True} -> --temperature 0.7 --raw"""
    words = []
    for key, value in options.items():
        option = "--" + key.replace("_", "-")
        if isinstance(value, (list, tuple)):
            value = ",".join(map(str, value))
        words += [option] if value is True else [] if value is None or value is False else [option, value]
    return words


def _saved(array, folder, name):
    file = Path(folder) / f"{name}.npy"
    np.save(file, array)
    return str(file)


def _yaml(value):
    return json.dumps(value) if not isinstance(value, str) else value
