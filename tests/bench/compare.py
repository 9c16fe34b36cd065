"""compare.py: what the comparisons with other software share: runs by turns, `dropcl bench`, and the table.

Timings follow runtime/benchmark/compare.h: a pause before each, because workers of OpenBLAS and OpenMP spin for
a while after a call; then untimed calls, then calls for at least 0.1 seconds. Ratios are medians of the ratios of
neighbours.
"""
import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time

PAUSE, WARM_UP, LEAST = 0.15, 0.05, 0.1
SKIPPED = 77


def arguments(doc, *sizes):
    """The command line of every comparison."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("program", help="the program dropcl, such as build/dropcl")
    parser.add_argument("--size", action="append", help=f"default: {' '.join(sizes)}")
    parser.add_argument("--repeats", type=int, default=7, help="timings of each side (default 7)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all processors")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    taken = parser.parse_args()
    taken.size = taken.size or list(sizes)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POCL_MAX_PTHREAD_COUNT"):
        os.environ[name] = str(taken.threads)
    return taken


def require(*modules):
    """Ends the program with the exit status of a skipped test where a module is missing."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            print(f"skipped: this needs the Python module {module}, and {sys.executable} has none")
            sys.exit(SKIPPED)


def dropcl(program, *words):
    """The records of one `dropcl bench`."""
    command = [program, "bench", *map(str, words), "--repeats", "1", "--no-limits", "--json"]
    time.sleep(PAUSE)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)["records"]


def seconds_of(call):
    """Seconds of one call."""
    time.sleep(PAUSE)
    start = time.perf_counter()
    call()
    once = time.perf_counter() - start
    while time.perf_counter() - start < WARM_UP:
        call()
    calls = max(1, round(LEAST / once))
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


def by_turns(ours, others, repeats):
    """Times `ours`, a function that returns seconds, and the calls in the dictionary `others` by turns."""
    times = {name: [] for name in ("dropcl", *others)}
    for _ in range(repeats):
        times["dropcl"].append(ours())
        for name, call in others.items():
            times[name].append(seconds_of(call))
    return times


def spread(numbers):
    return {"median": statistics.median(numbers), "min": min(numbers), "max": max(numbers)}


def rows(what, times):
    """One record for each other side."""
    return [{"what": what, "other": name, "repeats": len(taken), "seconds": spread(times["dropcl"]),
             "other_seconds": spread(taken),
             "ratio": spread([ours / other for ours, other in zip(times["dropcl"], taken)])}
            for name, taken in times.items() if name != "dropcl"]


def text(numbers, scale=1, form="{:.4g}"):
    median, least, most = (form.format(numbers[key] * scale) for key in ("median", "min", "max"))
    return f"{median} ({least}..{most})"


def print_table(found):
    table = [["problem", "other", "dropcl ms", "other ms", "ratio"]]
    table += [[row["what"], row["other"], text(row["seconds"], 1e3), text(row["other_seconds"], 1e3),
               text(row["ratio"], form="{:.3f}")] for row in found]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    table.insert(1, ["-" * width for width in widths])
    for row in table:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")


def report(versions, threads, found, as_json):
    if as_json:
        print(json.dumps({"versions": versions, "threads": threads, "records": found}, indent=2))
        return
    print(", ".join(f"{name} {version}" for name, version in versions.items()) + f", {threads} threads each; "
          "ratio below 1: dropcl is faster\n")
    print_table(found)
