"""Of the rounds' numbers: rows, and the tables that people read."""

import statistics

from comparison.cases import MODES
from comparison.programs import better

UNITS = {"memory": "MB", "start": "s"}


def row(case, mode, threads, rounds):
    """A row, and the ratios of its rounds. `rounds`: a list of {program: numbers}.

    The best peer is that of the best median. The ratio is how many times better Diffeo is, the
    median over the rounds in which both were measured.
    """
    medians = medians_of(mode, rounds)
    ours = medians.pop("Diffeo", None)
    best_peer = None
    for name in medians:
        if best_peer is None or better(mode, medians[name], medians[best_peer]) > 1:
            best_peer = name
    ratios = [
        better(mode, numbers["Diffeo"][mode], numbers[best_peer][mode])
        for numbers in rounds
        if best_peer in numbers and "Diffeo" in numbers
    ]
    return {
        "case": case.name,
        "mode": mode,
        "threads": threads,
        "ours": ours,
        "best_peer": best_peer,
        "best": medians.get(best_peer),
        "ratio": statistics.median(ratios) if ratios else None,
    }, ratios


def medians_of(number, rounds):
    names = dict.fromkeys(name for numbers in rounds for name in numbers)
    return {
        name: statistics.median(numbers[name][number] for numbers in rounds if name in numbers)
        for name in names
    }


def figure(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table_row(cells):
    return "| " + " | ".join(cells) + " |"


HEADINGS = ("case", "mode", "threads", "Diffeo", "best peer", "times better", "rounds from – to")


def heading(cells):
    return [table_row(cells), "|" + "---|" * len(cells)]


def summary_line(row, ratios):
    ours = (
        f"{figure(row['ours'])} {UNITS.get(row['mode'], '/s')}" if row["ours"] is not None else "–"
    )
    best = f"{row['best_peer']} {figure(row['best'])}" if row["best_peer"] else "–"
    spread = f"{min(ratios):.2f} – {max(ratios):.2f}" if ratios else ""
    ratio = f"{row['ratio']:.2f}" if ratios else "–"
    return table_row([row["case"], row["mode"], str(row["threads"]), ours, best, ratio, spread])


def program_lines(case, threads, rounds):
    """Every program's medians, with how many numbers it trains."""
    columns = {number: medians_of(number, rounds) for number in ("parameters", *MODES)}
    return [
        table_row(
            [
                case.name,
                str(threads),
                name,
                f"{columns['parameters'][name]:,.0f}",
                *(figure(columns[mode][name]) for mode in MODES),
            ]
        )
        for name in columns["parameters"]
    ]


PROGRAM_HEADINGS = (
    "case",
    "threads",
    "program",
    "parameters",
    "train /s",
    "sample /s",
    "evaluate /s",
    "memory MB",
    "start s",
)
