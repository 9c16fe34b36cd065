#!/usr/bin/env python3
"""run_faults.py: fails the OpenCL calls of a program one after another and checks that it ends well each time.

    run_faults.py --layer layer.so [options] -- COMMAND...

COMMAND is run once without a fault, to learn which calls it makes and which files it writes, and then once
for every call of every kind, until a run comes through without meeting its fault. In COMMAND, {out}
stands for an output path that is new for each run; words that are paths of files are made absolute, since
each run has its own current folder. A run with a fault must

  - end with exit status 4, without a signal, within the time limit;
  - say one line on stderr, "dropcl: ...", with the failing call and the code (CL_...); a call that was
    made inside CLBlast may be named by the CLBlast function instead; lines with the word "warning" may
    come before it;
  - leave nothing at {out};
  - leave no OpenCL object behind.

It may also recover, with exit status 0 and the same files at {out} as without a fault: silently when the
call is one of --optional (releases, queries, a cached binary), else with a warning that names call and code.

Each run has folders of its own ({out}, XDG_CACHE_HOME), so runs do not disturb each other. PoCL's kernel
cache is one for all of them, or each would compile everything again.
"""
import argparse
import collections
import concurrent.futures
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

DEVICE_FAILED = 4
OPTIONAL = "clRelease*,clGet*Info,clCreateProgramWithBinary"

Fault = collections.namedtuple("Fault", "call number")
Fired = collections.namedtuple("Fired", "call number code")
Outcome = collections.namedtuple("Outcome", "fault status errors files calls leaks fired seconds")


def read_log(path):
    """Returns (count by call, leaked references by kind, the fault that happened or None)."""
    calls, leaks, fired = {}, {}, None
    with open(path, encoding="ascii") as stream:
        for line in stream:
            words = line.split()
            if words[0] == "call":
                calls[words[1]] = int(words[2])
            elif words[0] == "object" and int(words[3]) != 0:
                leaks[words[1]] = int(words[3])
            elif words[0] == "fault":
                fired = Fired(words[1], int(words[2]), words[3])
    return calls, leaks, fired


def list_files(path):
    """Every file and folder at or below `path`, as a sorted list of (relative name, size of a file)."""
    found = []
    if os.path.isfile(path):
        found.append((".", os.path.getsize(path)))
    for folder, _, names in os.walk(path):
        found += [(os.path.relpath(os.path.join(folder, name), path),
                   os.path.getsize(os.path.join(folder, name))) for name in names]
    return sorted(found)


class Runner:
    """Runs COMMAND under the layer, each time in a folder of its own below `work`."""

    def __init__(self, options, work):
        self.layer = os.path.abspath(options.layer)
        self.command = options.command
        self.timeout = options.timeout
        self.work = work
        self.warm_cache = None

    def environment(self, folder, fault):
        settings = dict(os.environ, OPENCL_LAYERS=self.layer, XDG_CACHE_HOME=os.path.join(folder, "cache"),
                        DROPCL_FAULT_LOG=os.path.join(folder, "log"))
        settings.setdefault("POCL_CACHE_DIR", os.path.join(self.work, "pocl"))
        if fault:
            settings.update(DROPCL_FAULT_CALL=fault.call, DROPCL_FAULT_AT=str(fault.number))
        return settings

    def run(self, fault, keep_cache=False):
        folder = tempfile.mkdtemp(dir=self.work)
        cache, out, log = (os.path.join(folder, name) for name in ("cache", "out", "log"))
        if self.warm_cache:
            shutil.copytree(self.warm_cache, cache)
        else:
            os.mkdir(cache)
        started = time.monotonic()
        try:
            done = subprocess.run([word.replace("{out}", out) for word in self.command], cwd=folder,
                                  env=self.environment(folder, fault), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=self.timeout)
            status, errors = done.returncode, done.stderr.decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            status, errors = None, ""
        seconds = time.monotonic() - started
        calls, leaks, fired = read_log(log) if os.path.exists(log) else ({}, None, None)
        outcome = Outcome(fault, status, errors, list_files(out), calls, leaks, fired, seconds)
        if keep_cache:
            self.warm_cache = cache
        else:
            shutil.rmtree(folder)
        return outcome


def names_fault(line, fired):
    """Whether a line of stderr tells which call failed, and how."""
    if re.search(r"\bCLBlast\w+", line):
        return re.search(r"\bCL_[A-Z_]+|CLBlast status -?\d+", line) is not None
    return re.search(rf"\b{fired.call}\b", line) is not None and fired.code in line


def judge_message(errors, fired):
    """What is wrong with the stderr of a run that failed."""
    lines = errors.splitlines()
    told = [line for line in lines if "warning" not in line.lower()]
    problems = [f"stderr: a line does not begin with 'dropcl: ': {line}"
                for line in lines if not line.startswith("dropcl: ")][:1]
    if len(told) != 1:
        problems.append(f"stderr has {len(told)} lines of error, not one: {told[:3]}")
    elif not names_fault(told[0], fired):
        problems.append(f"the message does not name {fired.call} and {fired.code}: {told[0]}")
    return problems


def judge(outcome, clean_files, optional):
    """What is wrong with a run: a list of sentences, empty when all is well."""
    fired, status = outcome.fired, outcome.status
    if status is None:
        return ["it did not end within the time limit"]
    if status < 0 or status >= 128:
        return [f"it was ended by a signal (status {status}): {outcome.errors.strip()[-200:]}"]
    problems = []
    if outcome.leaks is None:
        return [f"it wrote no log (status {status}): did it leave by _exit, or without the layer?"]
    if outcome.leaks:
        problems.append("not released: " + ", ".join(f"{kind} {n}" for kind, n in outcome.leaks.items()))
    if fired is None:
        if status != 0:
            problems.append(f"status {status} though no fault happened: {outcome.errors.strip()[-200:]}")
    elif status == 0:
        silent = any(fnmatch.fnmatch(fired.call, pattern) for pattern in optional)
        if not silent and not any(names_fault(line, fired) for line in outcome.errors.splitlines()):
            problems.append(f"it went on (status 0) and did not say that {fired.call} failed")
        if [name for name, _ in outcome.files] != [name for name, _ in clean_files]:
            problems.append(f"it went on (status 0) but its files differ: {outcome.files}")
    elif status == DEVICE_FAILED:
        problems += judge_message(outcome.errors, fired)
        if outcome.files:
            problems.append(f"it left files behind: {outcome.files}")
    else:
        problems.append(f"exit status {status}, not {DEVICE_FAILED}: {outcome.errors.strip()[-200:]}")
    return problems


def choose_numbers(count, sample):
    """Which calls out of 1..count to fail: all, or the first 8, the last 3 and every `sample`-th between."""
    return [n for n in range(1, count + 1) if n <= 8 or n > count - 3 or n % sample == 0]


def choose_faults(calls, kinds, sample):
    if kinds == ["any"]:
        counts = {"any": sum(calls.values())}
    else:
        counts = calls if kinds == ["all"] else {kind: calls.get(kind, 0) for kind in kinds}
    if not all(counts.values()):
        unused = [kind for kind, count in counts.items() if not count]
        sys.exit(f"run_faults: without a fault the program makes none of these calls: {unused}")
    return [Fault(kind, n) for kind, count in counts.items() for n in choose_numbers(count, sample)]


def run_all(runner, clean, options):
    """Yields the outcome of every chosen fault, and goes on past the counts of the clean run until a run of
    each kind comes through: a run may make more calls than the clean one did."""
    faults = choose_faults(clean.calls, options.kinds, options.sample)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        yield from pool.map(runner.run, faults)
    last = {fault.call: fault.number for fault in faults}
    for call, number in last.items():
        outcome = None
        while outcome is None or outcome.fired:
            number += 1
            outcome = runner.run(Fault(call, number))
            yield outcome


def parse_arguments():
    parser = argparse.ArgumentParser(description="Fails the OpenCL calls of a program one after another.")
    parser.add_argument("--layer", required=True, help="the built layer.c")
    parser.add_argument("--kinds", default="all", type=lambda text: text.split(","),
                        help="call names with commas, 'all' that the program makes, or 'any': one sequence")
    parser.add_argument("--sample", default=1, type=int, metavar="K", help="of a long run of calls, every K-th")
    parser.add_argument("--jobs", default=os.cpu_count(), type=int, help="runs at a time")
    parser.add_argument("--cache", default="cold", choices=["cold", "warm"],
                        help="cold: each run starts with an empty kernel cache; warm: with a filled one")
    parser.add_argument("--optional", default=OPTIONAL, type=lambda text: text.split(","),
                        help="calls that may fail in silence: %(default)s")
    parser.add_argument("--timeout", default=60, type=float, help="seconds for one run")
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def run_clean(runner, warm):
    """The run without a fault; its cache is kept for the others when `warm`. Ends the test when it is no good."""
    clean = runner.run(None, keep_cache=warm)
    if warm:
        clean = runner.run(None)
    if clean.status != 0 or not clean.calls or clean.leaks:
        sys.exit(f"run_faults: without a fault: status {clean.status}, {sum(clean.calls.values())} OpenCL calls, "
                 f"not released: {clean.leaks}\n{clean.errors}")
    return clean


def report(outcomes, clean, optional):
    """Prints each problem on a line of its own; returns how many runs had one."""
    tested, recovered, bad, passed = collections.Counter(), 0, 0, set()
    for outcome in outcomes:
        call, number = outcome.fault
        problems = judge(outcome, clean.files, optional)
        bad += bool(problems)
        if outcome.fired:
            tested[call] += 1
            recovered += outcome.status == 0
        elif not problems:
            passed.add(call)
        for problem in problems:
            where = f" ({outcome.fired.call} {outcome.fired.number})" if call == "any" and outcome.fired else ""
            print(f"{call} {number}{where}: {problem}", flush=True)
    print(f"{sum(tested.values())} faults in {len(tested)} kinds of calls: {bad} bad, {recovered} recovered from; "
          f"{len(passed)} kinds were failed until a run came through")
    return bad


def main():
    options = parse_arguments()
    options.command[0] = shutil.which(options.command[0]) or options.command[0]
    options.command = [os.path.abspath(word) if os.path.exists(word) else word for word in options.command]
    started = time.monotonic()
    work = tempfile.mkdtemp(prefix="dropcl-faults-")
    try:
        runner = Runner(options, work)
        clean = run_clean(runner, options.cache == "warm")
        print(f"without a fault: {sum(clean.calls.values())} calls in {clean.seconds:.2f} s", flush=True)
        bad = report(run_all(runner, clean, options), clean, options.optional)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{time.monotonic() - started:.1f} s")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
