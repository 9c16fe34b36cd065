"""test_leading.py: of large matrices only the singular values above the threshold are computed, and those right."""
import unittest

import numpy

import theory
from common import Case, images

# Of singular values, relative to the largest; of the product, likewise.
EXACT = {"f32": 5e-6, "f64": 1e-11}
TYPES = {"f32": "f4", "f64": "f8"}


def of_spectrum(values, rows, columns, seed=4):
    """A matrix with these singular values."""
    draw = numpy.random.default_rng(seed)
    left = numpy.linalg.qr(draw.normal(size=(rows, len(values))))[0]
    right = numpy.linalg.qr(draw.normal(size=(columns, len(values))))[0]
    return left * values @ right.T


class Threshold(Case):
    def threshold(self, matrix, *options, dtype="f32", out="out"):
        """Returns U, V, the values and the lines of the summary by their first word."""
        self.save("Y.npy", matrix.astype(TYPES[dtype]))
        lines = self.dropcl("threshold", "Y.npy", "-o", out, "--dtype", dtype, *options).out.splitlines()
        arrays = [numpy.load(self.path(f"{out}/{name}.npy")).astype(float) for name in ("U", "V", "singular_values")]
        return (*arrays, {line.split()[0]: line.split()[1:] for line in lines})

    def check(self, matrix, tau, *options, dtype="f32", most=None):
        """The values above tau, and the product that they leave."""
        u, v, values, summary = self.threshold(matrix, "--tau", tau, *options, dtype=dtype)
        left, wanted, right = numpy.linalg.svd(matrix.astype(TYPES[dtype]).astype(float), full_matrices=False)
        count = min(int((wanted > tau).sum()), most or len(wanted))
        self.assertEqual(values.shape, (count,))
        self.assertEqual(summary["values"][:3], [str(count), "of", str(len(wanted))])
        error = float(summary["values"][-1])
        self.assertLessEqual(error, 2 * EXACT[dtype] * wanted[0])
        self.assertLessEqual(numpy.abs(values - wanted[:count]).max(initial=0), min(EXACT[dtype] * wanted[0], error))
        if most is None:
            product = (left * numpy.maximum(wanted - tau, 0)) @ right
            self.assertLessEqual(numpy.linalg.norm(u @ v.T - product), error + EXACT[dtype] * wanted[0] * count)

    def test_values_below_tau_are_not_computed(self):
        values = numpy.r_[numpy.linspace(10, 2, 20), numpy.linspace(1, 0, 280)]
        for rows, columns in ((400, 300), (300, 500)):
            for dtype in ("f32", "f64"):
                self.check(of_spectrum(values, rows, columns), 1.5, dtype=dtype)

    def test_a_slow_decay(self):
        self.check(of_spectrum(1 / numpy.arange(1.0, 401), 400, 450), 1 / 30.5)
        self.check(of_spectrum(1 / numpy.sqrt(numpy.arange(1.0, 401)), 450, 400), 30.5 ** -0.5)

    def test_noise_just_below_tau(self):
        noise = numpy.random.default_rng(3).normal(size=(600, 500))
        values = numpy.linalg.svd(noise, compute_uv=False)
        self.check(noise, (values[24] + values[25]) / 2)

    def test_values_that_are_equal_more_often_than_a_block_has_columns(self):
        self.check(of_spectrum(numpy.repeat([3.0, 0.5], [70, 430]), 500, 600), 1)
        self.check(of_spectrum(numpy.repeat([3.0, 0.0], [70, 430]), 600, 500), 1, dtype="f64")

    def test_a_low_rank(self):
        matrix = of_spectrum(numpy.linspace(5, 1, 12), 500, 400)
        for dtype in ("f32", "f64"):
            self.check(matrix, 0.01, "--rank", 40, dtype=dtype)
            self.check(numpy.ones((400, 500)), 0.01, "--rank", 3, dtype=dtype)
            self.check(numpy.kron(numpy.eye(5), numpy.ones((80, 100))), 1, "--rank", 20, dtype=dtype)

    def test_eight_orders_of_magnitude(self):
        matrix = of_spectrum(10 ** -numpy.linspace(0, 8, 400), 400, 400)
        for dtype in ("f32", "f64"):
            self.check(matrix, 0.3, dtype=dtype)
            self.check(matrix, 0.01, dtype=dtype)

    def test_zeros_and_a_threshold_above_all(self):
        for matrix, tau in ((numpy.zeros((300, 400)), 1), (of_spectrum(numpy.linspace(2, 1, 300), 300, 300), 5)):
            u, v, values, summary = self.threshold(matrix, "--tau", tau)
            self.assertEqual((values.size, summary["values"][0]), (0, "0"))
            self.assertFalse(u.any() or v.any())

    def test_the_rank_is_a_limit(self):
        self.check(of_spectrum(1 / numpy.arange(1.0, 301), 300, 300), 0.01, "--rank", 6, most=6)

    def test_all_survive(self):
        for size, dtype in ((300, "f32"), (600, "f32"), (300, "f64")):
            self.check(of_spectrum(numpy.linspace(2, 1, size), size + 10, size), 0.5, dtype=dtype)

    def test_data_of_any_scale(self):
        values = numpy.r_[numpy.linspace(10, 2, 20), numpy.linspace(1, 0, 280)]
        for scale in (1e-30, 1e30):
            self.check(of_spectrum(values, 300, 300) * scale, 1.5 * scale)

    def test_two_runs_are_equal(self):
        matrix = images(1000)[:, :500]
        for dtype in ("f32", "f64"):
            files = []
            for out in ("one", "two"):
                self.threshold(matrix, "--rank", 20, dtype=dtype, out=out)
                files.append([self.path(f"{out}/{name}.npy").read_bytes() for name in ("U", "V", "singular_values")])
            self.assertEqual(*files)


class Optimum(Case):
    """`factorize` compares with a closed form that it computes from few singular values."""

    def check(self, matrix, width, retain, dtype, exact):
        matrix = matrix.astype(TYPES[dtype])
        options = ["--noise", "none"] if retain == 1 else ["--retain", retain]
        report = self.factorize(matrix, "--rank", width, "--dtype", dtype, "--solver", "explicit", "--steps", 1,
                                *options).report
        best = theory.optimum(matrix, retain, width)
        known = report["data_singular_values"]
        self.assertLess(len(known), min(matrix.shape))
        self.assertEqual(len(known), best.rank)
        self.assertClose(report["optimum"], best.objective, exact)
        self.assertGreaterEqual(report["optimum"], best.objective * (1 - 1e-12))
        self.assertLessEqual(report["lower_bound"], best.objective * (1 + 1e-12))
        self.assertClose(report["tau"], best.tau, exact)
        self.assertClose(known, best.singular_values[:len(known)], exact)
        return report

    def test_images(self):
        for dtype, exact in (("f32", 1e-9), ("f64", 1e-12)):
            report = self.check(images(1000), 32, 0.5, dtype, exact)
            self.assertClose(report["lower_bound"], report["optimum"], max(exact, 1e-11))     # less some rounding

    def test_more_columns_than_rows(self):
        self.check(images(1000)[:450], 20, 0.5, "f32", 1e-9)

    def test_a_width_that_cuts_off_values(self):
        for dtype, exact in (("f32", 1e-7), ("f64", 1e-12)):
            report = self.check(images(1000), 40, 1, dtype, exact)
            self.assertClose(report["lower_bound"], report["optimum"], 1e-4)


if __name__ == "__main__":
    unittest.main()
