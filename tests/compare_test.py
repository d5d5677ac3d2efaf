#!/usr/bin/env python3
"""compare_test.py PROGRAM: scripts/compare without its peers, and what it makes of numbers."""

import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
sys.dont_write_bytecode = True

from comparison import command, rows  # noqa: E402
from comparison.cases import CASES, MODES, PEERS  # noqa: E402
from comparison.environment import Environments, Unavailable  # noqa: E402
from comparison.peers.names import MODULES  # noqa: E402
from comparison.programs import PeerProgram  # noqa: E402

PROGRAM = ""


def run(*words, diffeo=None):
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "compare"), "--diffeo", diffeo or PROGRAM, *words],
        capture_output=True,
        text=True,
    )


def numbers(**given):
    return {**dict.fromkeys(("parameters", *MODES), 1.0), **given}


class Scripted:
    """A program whose numbers, or failures, stand in a list; `calls` has who was measured when."""

    def __init__(self, name, results, calls):
        self.name, self.results, self.calls = name, list(results), calls

    def measure(self, case, threads, seconds):
        self.calls.append(self.name)
        result = self.results.pop(0)
        if isinstance(result, Unavailable):
            raise result
        return result


class Options:
    rounds, seconds = 3, 1.0


def measured(programs):
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        rounds = command.measured(CASES["2d"], 1, Options, programs)
    return rounds, errors.getvalue()


class Rows(unittest.TestCase):
    def row(self, mode, *rounds):
        return rows.row(CASES["2d"], mode, 1, [dict(round) for round in rounds])[0]

    def test_ratio_is_the_median_of_the_rounds_ratios(self):
        rounds = [
            {"Diffeo": numbers(train=ours), "zuko": numbers(train=peer)}
            for ours, peer in ((20, 10), (90, 30), (40, 10))
        ]
        row = self.row("train", *rounds)
        self.assertEqual(
            (row["ours"], row["best_peer"], row["best"], row["ratio"]), (40, "zuko", 10, 3)
        )

    def test_best_peer_has_the_most_examples_but_the_least_memory(self):
        round = {
            "Diffeo": numbers(train=6, memory=100),
            "zuko": numbers(train=2, memory=300),
            "nflows": numbers(train=3, memory=400),
        }
        self.assertEqual(self.row("train", round)["best_peer"], "nflows")
        row = self.row("memory", round)
        self.assertEqual((row["best_peer"], row["ratio"]), ("zuko", 3))

    def test_rounds_without_the_best_peer_do_not_count(self):
        row = self.row(
            "train",
            {"Diffeo": numbers(train=8), "zuko": numbers(train=2)},
            {"Diffeo": numbers(train=1)},
        )
        self.assertEqual(row["ratio"], 4)

    def test_without_a_peer_there_is_null(self):
        row = self.row("start", {"Diffeo": numbers(start=0.5)})
        self.assertEqual(
            list(row), ["case", "mode", "threads", "ours", "best_peer", "best", "ratio"]
        )
        self.assertEqual(
            (row["ours"], row["best_peer"], row["best"], row["ratio"]), (0.5, None, None, None)
        )


class Rounds(unittest.TestCase):
    def test_programs_alternate(self):
        calls = []
        measured([Scripted(name, [numbers()] * 3, calls) for name in ("Diffeo", "a", "b")])
        self.assertEqual(calls, ["Diffeo", "a", "b", "Diffeo", "b", "a", "b", "Diffeo", "a"])

    def test_a_peer_that_fails_is_told_in_one_line_and_left_out(self):
        calls = []
        programs = [
            Scripted("Diffeo", [numbers()] * 3, calls),
            Scripted("a", [Unavailable("no wheel")], calls),
        ]
        rounds, errors = measured(programs)
        self.assertEqual(calls.count("a"), 1)
        self.assertEqual([list(round) for round in rounds], [["Diffeo"]] * 3)
        self.assertIn("compare: 2d: a: no wheel\n", errors)

    def test_a_package_that_cannot_be_installed_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            environments = Environments(folder)
            environments._fetch = lambda *_: "no matching distribution"
            program = PeerProgram("zuko", PEERS["zuko"], None, environments)
            with self.assertRaisesRegex(
                Unavailable, "torch.* cannot be installed: no matching distribution"
            ):
                program.measure(CASES["2d"], 1, 1.0)


class Cases(unittest.TestCase):
    def test_every_peer_of_a_case_is_known(self):
        for case in CASES.values():
            for name in case.peers:
                self.assertIn(name, PEERS)
        for name in PEERS:
            module = ROOT / "scripts" / "comparison" / "peers" / f"{MODULES[name]}.py"
            self.assertTrue(module.exists(), module)

    def test_every_configuration_is_valid(self):
        for case in CASES.values():
            model = command.Diffeo(PROGRAM).model(case)
            done = subprocess.run(
                [PROGRAM, "config", "show", *model], capture_output=True, text=True
            )
            self.assertEqual(done.returncode, 0, done.stderr)


class CommandLine(unittest.TestCase):
    def refused(self, message, *words):
        done = run(*words)
        self.assertEqual(done.returncode, 2)
        self.assertIn(message, done.stderr)

    def test_what_it_does_not_know_is_refused_with_the_choices(self):
        self.refused(
            "argument --cases: 'glow' is no case; expected of: glow-S, glow-M, ", "--cases", "glow"
        )
        self.refused("argument --peers: 'x' is no peer; expected of: normflows, ", "--peers", "x")
        self.refused(
            "argument --rounds: expected a whole number from 1, found '0'", "--rounds", "0"
        )
        self.refused(
            "argument --threads: expected a whole number from 1, found 'x'", "--threads", "1,x"
        )
        self.refused("argument --seconds: expected a positive number, found '-1'", "--seconds=-1")
        self.refused("expected NAME=DIR with NAME of: survae_flows, ", "--peer", "nflows=/tmp")
        self.refused("no such folder: '/nowhere'", "--peer", "y0ast=/nowhere")

    def test_runs_without_peers(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "rows.json"
            done = run(
                "--cases",
                "2d",
                "--peers",
                "none",
                "--rounds",
                "1",
                "--seconds",
                "0.05",
                "--json",
                str(file),
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            table = json.loads(file.read_text())
        self.assertEqual([row["mode"] for row in table], list(MODES))
        for row in table:
            self.assertGreater(row["ours"], 0)
            self.assertEqual((row["case"], row["threads"], row["ratio"]), ("2d", 1, None))
        self.assertIn("| 2d | 1 | Diffeo | 35,344 |", done.stdout)

    def test_a_failure_of_ours_is_a_failure(self):
        once = ("--cases", "2d", "--peers", "none", "--rounds", "1")
        done = run(*once, diffeo="/nowhere/diffeo")
        self.assertEqual(done.returncode, 1)
        self.assertIn(
            "compare: 2d: Diffeo: [Errno 2] No such file or directory: '/nowhere/diffeo'",
            done.stderr,
        )
        self.assertIn("| 2d | train | 1 | – |", done.stdout)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop()
    unittest.main()
