"""compare_grow.py: certified growth of `dropcl factorize` beside NumPy on images: all singular values, and soft-impute.

    compare_grow.py build/dropcl [--size RANK] [--repeats N] [--threads N] [--json]

The data are the first 2000 training images of Fashion-MNIST. A size is the rank of the optimum: lambda lies between
the thresholds that leave it and one more. Soft-impute (Mazumder, Hastie, Tibshirani 2010) proves nothing. It is run
with all singular values in each iteration, as it is defined, until the matrix rests; and with random projections: once
as a user has it, from a block that doubles while all its values survive, until the objective rests; and once told the
rank and the optimum, at whose 1 + 1e-4 it stops.
dropcl's seconds are those from data and device at hand to the certificate, from its report.
"""
import gzip
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import compare

IMAGES = pathlib.Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")
ROWS, SIDE, EXTRA, TOLERANCE = 2000, 784, 10, 1e-4
OTHERS = ("svd", "plain", "soft", "told")


def images(numpy):
    if not IMAGES.exists():
        print(f"skipped: this needs {IMAGES} (Debian: dataset-fashion-mnist)")
        sys.exit(compare.SKIPPED)
    with gzip.open(IMAGES) as stream:
        stream.read(16)
        pixels = numpy.frombuffer(stream.read(ROWS * SIDE), "u1")
    return (pixels.reshape(ROWS, SIDE) / 255).astype("f4")


def full_svd(numpy, y, lam):
    """The thresholded product's factors from all singular values."""
    u, values, v = numpy.linalg.svd(y, full_matrices=False)
    left = numpy.maximum(values - lam / 2, 0)
    rank = int((left > 0).sum())
    return u[:, :rank] * left[:rank], v[:rank]


def power_step(numpy, y, block, lam, energy):
    """One iteration of X <- S(Y) in the space of a block: the objective, the values, and the next block."""
    basis = numpy.linalg.qr(y @ block)[0]
    _, values, right = numpy.linalg.svd(basis.T @ y, full_matrices=False)
    left = numpy.maximum(values - lam / 2, 0)
    return energy - (values ** 2).sum() + ((values - left) ** 2).sum() + lam * left.sum(), values, right.T


def plain_soft_impute(numpy, y, lam):
    """As it is defined: fills in what is not known, which here is nothing, and thresholds."""
    known, x = numpy.isfinite(y), numpy.zeros_like(y)
    while True:
        u, v = full_svd(numpy, numpy.where(known, y, x), lam)
        last, x = x, u @ v
        if numpy.linalg.norm(x - last) ** 2 <= 1e-5 * numpy.linalg.norm(last) ** 2:
            return x


def told_soft_impute(numpy, y, lam, rank, goal):
    """Knows rank and optimum; returns the iterations."""
    block = numpy.random.default_rng(1).normal(size=(y.shape[1], rank + EXTRA)).astype("f4")
    energy = float(numpy.vdot(y, y))
    for iteration in range(1, 1000):
        objective, _, block = power_step(numpy, y, block, lam, energy)
        if objective <= goal:
            return iteration
    raise RuntimeError("no end")


def soft_impute(numpy, y, lam):
    """Knows nothing; returns the objective."""
    draw = numpy.random.default_rng(1)
    block = draw.normal(size=(y.shape[1], EXTRA)).astype("f4")
    energy = last = float(numpy.vdot(y, y))
    while True:
        objective, values, block = power_step(numpy, y, block, lam, energy)
        if values[-1] > lam / 2 and block.shape[1] < min(y.shape):
            more = min(block.shape[1], min(y.shape) - block.shape[1])
            block = numpy.hstack([block, draw.normal(size=(y.shape[1], more)).astype("f4")])
        elif last - objective <= 0.01 * TOLERANCE * objective:
            return objective
        last = objective


def grow(program, file, lam, folder):
    """Report of a run in a process of its own, and the seconds of the whole process."""
    time.sleep(compare.PAUSE)
    start = time.perf_counter()
    command = [program, "factorize", file, "-o", folder / "fit", "--solver", "grow", "--lambda", repr(float(lam)), "--quiet"]
    subprocess.run(command, check=True, capture_output=True)
    whole = time.perf_counter() - start
    report = json.loads((folder / "fit/report.json").read_text(encoding="utf-8"))
    return report, report["seconds"] - report["seconds_to_ready"], whole


def seconds(call):
    time.sleep(compare.PAUSE)
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def compare_rank(numpy, taken, y, rank, folder):
    exact = numpy.linalg.svd(y.astype("f8"), compute_uv=False)
    lam = exact[rank - 1] + exact[rank]
    left = numpy.maximum(exact - lam / 2, 0)
    optimum = float(((exact - left) ** 2).sum() + lam * left.sum())
    file = folder / "Y.npy"
    numpy.save(file, y)
    grow(taken.program, file, lam, folder)           # kernels
    times = {"solve": [], "process": [], "svd": [], "plain": [], "soft": [], "told": []}
    for _ in range(taken.repeats):
        report, solve, whole = grow(taken.program, file, lam, folder)
        times["solve"].append(solve)
        times["process"].append(whole)
        times["svd"].append(seconds(lambda: full_svd(numpy, y, lam))[0])
        times["plain"].append(seconds(lambda: plain_soft_impute(numpy, y, lam))[0])
        took, reached = seconds(lambda: soft_impute(numpy, y, lam))
        times["soft"].append(took)
        times["told"].append(seconds(lambda: told_soft_impute(numpy, y, lam, rank, optimum * (1 + TOLERANCE)))[0])
    found = {name: statistics.median(values) for name, values in times.items()}
    ratio = {name: statistics.median(other / own for other, own in zip(times[name], times["solve"]))
             for name in OTHERS}
    return {"rank": rank, "lambda": lam, "gap": report["relative_gap"], "width": report["width"],
            "above_optimum": report["objective"] / optimum - 1, "rounds": report["rounds"],
            "soft_above": reached / optimum - 1, "seconds": found, "times_as_fast": ratio}


def main():
    taken = compare.arguments(__doc__, "5", "30", "150")
    compare.require("numpy")
    import numpy
    y = images(numpy)
    with tempfile.TemporaryDirectory() as folder:
        found = [compare_rank(numpy, taken, y, int(size), pathlib.Path(folder)) for size in taken.size]
    if taken.json:
        print(json.dumps(found, indent=2))
        return
    print("rank  lambda   gap      dropcl   process   full SVD         soft-impute      projected        told optimum")
    for row in found:
        s, times = row["seconds"], row["times_as_fast"]
        others = "  ".join(f"{s[name]:.3f} s ({times[name]:5.2f})" for name in OTHERS)
        print(f"{row['rank']:4}  {row['lambda']:7.2f}  {row['gap']:.1e}  {s['solve']:.3f} s  {s['process']:.3f} s  "
              f"{others}")


if __name__ == "__main__":
    main()
