"""The command line of scripts/compare, and its rounds."""

import argparse
import json
import pathlib
import subprocess
import sys

from comparison import rows
from comparison.cases import CASES, MODES, PEERS
from comparison.environment import Environments
from comparison.programs import Diffeo, PeerProgram, attempt

ROOT = pathlib.Path(__file__).resolve().parents[2]


def names_of(known, what):
    """Reads names with commas between them."""

    def read(text):
        names = [] if text == "none" else text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"'{name}' is no {what}; expected of: {', '.join(known)}"
                )
        return names

    return read


def positive(text):
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, found '{text}'")
    return number


def seconds(text):
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"expected a positive number, found '{text}'")
    return number


def clone(text):
    name, _, folder = text.partition("=")
    clones = [known for known, peer in PEERS.items() if peer.clone]
    if name not in clones or not folder:
        raise argparse.ArgumentTypeError(
            f"expected NAME=DIR with NAME of: {', '.join(clones)}; found '{text}'"
        )
    if not pathlib.Path(folder).is_dir():
        raise argparse.ArgumentTypeError(f"no such folder: '{folder}'")
    return name, str(pathlib.Path(folder).resolve())


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/compare",
        description="Diffeo and the Python libraries of normalizing flows side by side, in "
        "alternating rounds, each program in a fresh process: the same model, batch, threads and "
        "allocator, on random data.",
    )
    parser.add_argument(
        "--cases",
        type=names_of(CASES, "case"),
        default=list(CASES),
        metavar="A,B",
        help=f"of: {', '.join(CASES)} [all]",
    )
    parser.add_argument("--rounds", type=positive, default=3, metavar="N", help="[3]")
    parser.add_argument(
        "--threads",
        type=lambda text: [positive(part) for part in text.split(",")],
        default=[1],
        metavar="N,M",
        help="processor threads [1]",
    )
    parser.add_argument(
        "--seconds",
        type=seconds,
        default=2,
        metavar="S",
        help="about how long each of training, sampling and evaluation is timed in a round [2]",
    )
    parser.add_argument("--json", metavar="FILE", help="write the rows there as well")
    parser.add_argument(
        "--peers",
        type=names_of(PEERS, "peer"),
        default=list(PEERS),
        metavar="A,B",
        help=f"none, or of: {', '.join(PEERS)} [all that a case has]",
    )
    parser.add_argument(
        "--peer",
        type=clone,
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="a clone of a peer that no package index has",
    )
    parser.add_argument("--diffeo", metavar="PROGRAM", help="[built first, then build/diffeo]")
    return parser.parse_args()


def built():
    script = "source scripts/setup.sh && prepare diffeo && echo $build/diffeo"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return done.stdout.splitlines()[-1]


def programs_of(case, options, diffeo, environments):
    """Peers that need a clone take part only where the user names one."""
    clones = dict(options.peer)
    peers = [
        name
        for name in case.peers
        if name in options.peers and (name in clones or not PEERS[name].clone)
    ]
    return [diffeo] + [
        PeerProgram(name, PEERS[name], clones.get(name), environments) for name in peers
    ]


def measured(case, threads, options, programs):
    """One {program: numbers} a round.

    Each round begins with another program, and every second goes backwards, so that what else the
    machine does falls on all. A program that fails once is left out from then on.
    """
    rounds, failed = [], set()
    for turn in range(options.rounds):
        first = turn % len(programs)
        order = programs[first:] + programs[:first]
        numbers = {}
        for program in order[::-1] if turn % 2 else order:
            if program.name in failed:
                continue
            tell(
                f"{case.name}, threads {threads}, round {turn + 1}/{options.rounds}: {program.name}"
            )
            result = attempt(program, case, threads, options.seconds)
            if result is None:
                failed.add(program.name)
            else:
                numbers[program.name] = result
        rounds.append(numbers)
    return rounds


def tell(line):
    print(f"compare: {line}", file=sys.stderr, flush=True)


def print_table(headings, lines):
    print("\n".join(rows.heading(headings) + lines), flush=True)


def main():
    options = arguments()
    diffeo = Diffeo(pathlib.Path(options.diffeo or built()).absolute())
    environments = Environments(ROOT / ".cache" / "compare")
    results, summary, programs = [], [], []
    for case in (CASES[name] for name in options.cases):
        for threads in options.threads:
            rounds = measured(
                case, threads, options, programs_of(case, options, diffeo, environments)
            )
            for mode in MODES:
                row, ratios = rows.row(case, mode, threads, rounds)
                results.append(row)
                summary.append(rows.summary_line(row, ratios))
            programs += rows.program_lines(case, threads, rounds)
    print_table(rows.HEADINGS, summary)
    print()
    print_table(rows.PROGRAM_HEADINGS, programs)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=2) + "\n")
    return 0 if all(row["ours"] is not None for row in results) else 1
