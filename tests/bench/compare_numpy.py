"""compare_numpy.py: thresholds of singular values and training steps of `dropcl` beside NumPy and SciPy.

    compare_numpy.py build/dropcl [--size MxNxR | --size N] [--repeats N] [--threads N] [--json]

A size of three numbers is a training step, one number a threshold of a square matrix. The spectra are those of
`dropcl bench threshold` (runtime/benchmark/spectrum.h).
"""
import compare

RATE = 1e-12        # so small that nothing ever grows


def step(numpy, size, retain):
    draw = numpy.random.default_rng(1)
    m, n, width = map(int, size.split("x"))
    y = draw.uniform(-1, 1, (m, n)).astype("f4")
    u, v = draw.normal(size=(m, width)).astype("f4"), draw.normal(size=(n, width)).astype("f4")

    def call():
        mask = ((draw.random(width) < retain) / retain).astype("f4")
        dropped = u * mask
        residual = dropped @ v.T
        residual -= y
        loss = numpy.vdot(residual, residual)
        gradient_u, gradient_v = residual @ v, residual.T @ dropped
        u.__isub__(gradient_u * (2 * RATE * mask))
        v.__isub__(gradient_v * numpy.float32(2 * RATE))
        return loss
    return call


def spectrum(numpy, count, surviving):
    """The singular values of dcl__spectrum_fill."""
    last = 0.4 if surviving < count else 0.5
    signal = 1 - (1 - last) * numpy.arange(surviving) / surviving
    noise = 0.3 * (1 - numpy.arange(count - surviving) / max(1, count - surviving))
    return numpy.concatenate([signal, noise])


def matrix(numpy, count, fraction):
    draw = numpy.random.default_rng(1)
    left, right = (numpy.linalg.qr(draw.normal(size=(count, count)))[0] for _ in range(2))
    return (left * spectrum(numpy, count, max(1, round(fraction * count))) @ right.T).astype("f4")


def svds(numpy, scipy, count, fraction):
    """Calls that decompose the matrix of one spectrum."""
    y = matrix(numpy, count, fraction)
    return {"numpy.linalg.svd": lambda: numpy.linalg.svd(y, full_matrices=False),
            "scipy.linalg.svd (gesdd)": lambda: scipy.linalg.svd(y, full_matrices=False, check_finite=False)}


def compare_step(numpy, taken, size):
    found = []
    for retain in (0.5, 1):
        times = compare.by_turns(
            lambda: compare.dropcl(taken.program, "step", "--size", size, "--retain", retain)[0]["seconds_median"],
            {"NumPy by hand": step(numpy, size, retain)}, taken.repeats)
        found += compare.rows(f"step {size}, retain {retain}", times)
    return found


def compare_threshold(numpy, scipy, taken, size):
    found = []
    for i, fraction in enumerate((0.05, 1)):
        times = compare.by_turns(
            lambda: compare.dropcl(taken.program, "threshold", "--size", size)[i]["seconds_median"],
            svds(numpy, scipy, int(size), fraction), taken.repeats)
        found += compare.rows(f"threshold {size}x{size}, {100 * fraction:.0f} % survive", times)
    return found


def main():
    taken = compare.arguments("Thresholds and training steps of dropcl beside NumPy and SciPy.", "2304x2304x96", "2304")
    compare.require("numpy", "scipy")
    import numpy
    import scipy.linalg
    found = []
    for size in taken.size:
        found += compare_step(numpy, taken, size) if "x" in size else compare_threshold(numpy, scipy, taken, size)
    compare.report({"NumPy": numpy.__version__, "SciPy": scipy.__version__}, taken.threads, found, taken.json)


if __name__ == "__main__":
    main()
