"""compare_grow.py: certified growth of `dropcl factorize` beside NumPy on images: all singular values, and soft-impute.

    compare_grow.py build/dropcl [--size RANK] [--repeats N] [--threads N] [--json]

The data are the first 2000 training images of Fashion-MNIST. A size is the rank of the optimum: lambda lies between
the thresholds that leave it and one more. Soft-impute (Mazumder, Hastie, Tibshirani 2010) is made as easy as can be:
it knows the rank, iterates with random projections in single precision, and stops at 1e-4 above the known optimum; it
proves nothing. dropcl's seconds are those from data and device at hand to the certificate, from its report.
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


def soft_impute(numpy, y, lam, rank, goal):
    """X <- S(Y) by block power iterations, until the objective is at the goal; returns the iterations."""
    energy = float(numpy.vdot(y, y))
    block = numpy.random.default_rng(1).normal(size=(y.shape[1], rank + EXTRA)).astype("f4")
    for iteration in range(1, 1000):
        basis = numpy.linalg.qr(y @ block)[0]
        _, values, right = numpy.linalg.svd(basis.T @ y, full_matrices=False)
        left = numpy.maximum(values - lam / 2, 0)
        objective = energy - (values ** 2).sum() + ((values - left) ** 2).sum() + lam * left.sum()
        if objective <= goal:
            return iteration
        block = right.T
    raise RuntimeError("no end")


def grow(program, file, lam, folder):
    """Report of a run in a process of its own, and the seconds of the whole process."""
    time.sleep(compare.PAUSE)
    start = time.perf_counter()
    subprocess.run([program, "factorize", file, "-o", folder, "--solver", "grow", "--lambda", repr(float(lam)), "--quiet"],
                   check=True, capture_output=True)
    whole = time.perf_counter() - start
    report = json.loads((pathlib.Path(folder) / "report.json").read_text(encoding="utf-8"))
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
    file = pathlib.Path(folder) / "Y.npy"
    numpy.save(file, y)
    grow(taken.program, file, lam, folder)           # kernels
    times = {"solve": [], "process": [], "svd": [], "soft": []}
    for _ in range(taken.repeats):
        report, solve, whole = grow(taken.program, file, lam, folder)
        times["solve"].append(solve)
        times["process"].append(whole)
        times["svd"].append(seconds(lambda: full_svd(numpy, y, lam))[0])
        took, iterations = seconds(lambda: soft_impute(numpy, y, lam, rank, optimum * (1 + TOLERANCE)))
        times["soft"].append(took)
    found = {name: statistics.median(values) for name, values in times.items()}
    ratio = {name: statistics.median(other / own for other, own in zip(times[name], times["solve"]))
             for name in ("svd", "soft")}
    return {"rank": rank, "lambda": lam, "gap": report["relative_gap"], "width": report["width"],
            "above_optimum": report["objective"] / optimum - 1, "rounds": report["rounds"], "iterations": iterations,
            "seconds": found, "times_as_fast": ratio}


def main():
    taken = compare.arguments(__doc__, "5", "30", "150")
    compare.require("numpy")
    import numpy
    y = images(numpy)
    with tempfile.TemporaryDirectory() as folder:
        found = [compare_rank(numpy, taken, y, int(size), folder) for size in taken.size]
    if taken.json:
        print(json.dumps(found, indent=2))
        return
    print("rank  lambda   gap      above optimum  dropcl   process  full SVD (times)  soft-impute (times, iterations)")
    for row in found:
        s, times = row["seconds"], row["times_as_fast"]
        print(f"{row['rank']:4}  {row['lambda']:7.2f}  {row['gap']:.1e}  {row['above_optimum']:12.1e}  {s['solve']:.3f} s  "
              f"{s['process']:.3f} s  {s['svd']:.3f} s ({times['svd']:.2f})    {s['soft']:.3f} s ({times['soft']:.2f}, "
              f"{row['iterations']})")


if __name__ == "__main__":
    main()
