"""test_data.py: Y ~ U V'X: every solver against the closed form that whitening gives, on easy and on hard X."""
import json
import unittest

import numpy

import theory
from common import Case

EXACT = {"f32": 1e-5, "f64": 1e-9}
BATCH_STEPS = ("--steps", 1500)          # enough for 5 %


def draw(seed, rows, columns):
    return numpy.random.default_rng(seed).normal(size=(rows, columns))


def regression(rows=20, features=15, samples=60, noise=0.5):
    """Y = W X + noise with W of rank 4."""
    x = draw(1, features, samples)
    w = draw(2, rows, 4) @ draw(3, 4, features)
    return w @ x + noise * draw(4, rows, samples), x


def deficient():
    """15 features of which 6 are independent."""
    y, x = regression()
    return y, draw(5, 15, 6) @ x[:6]


def ill_conditioned(condition=1e8):
    y, x = regression()
    left, _, right = numpy.linalg.svd(x, full_matrices=False)
    return y, left * numpy.logspace(0, -numpy.log10(condition), 15) @ right


def few_samples():
    return regression(samples=8)


def one_sample():
    return regression(samples=1)


def whitened(y, x):
    """Y in the basis of X's rows, as the singular value decomposition has it."""
    _, values, right = numpy.linalg.svd(x, full_matrices=False)
    return y @ right[values > max(x.shape) * 2.3e-16 * values[0]].T


def optimum(y, x, retain, width):
    """The closed form of the whitened problem, and what no factors change."""
    best, yw = theory.optimum(whitened(y, x), retain, width), whitened(y, x)
    _, values, right = numpy.linalg.svd(x, full_matrices=False)
    basis = right[:yw.shape[1]]
    return best, ((y - yw @ basis) ** 2).sum()


def objective(y, x, u, v, retain):
    return theory.objective(y, u, x.T @ v, retain)


class Problems(Case):
    retain, width = 0.5, 10

    def fit(self, y, x, *options, dtype="f64", width=None, **more):
        """Fits, and checks the report against the factors in the folder and the closed form."""
        width = width or self.width
        fit = self.factorize(y, "--data", self.save("X.npy", x), "--rank", width, "--retain", self.retain,
                             "--dtype", dtype, *options, **more)
        y = y.astype(fit.u.dtype).astype(float)
        best, constant = optimum(y, x, self.retain, width)
        report, whole = fit.report, (y ** 2).sum()
        self.assertEqual((fit.u.shape, fit.v.shape), ((len(y), width), (len(x), width)))
        self.assertEqual((report["features"], report["data_rank"], report["columns"]),
                         (len(x), numpy.linalg.matrix_rank(x), x.shape[1]))
        self.assertClose(report["constant"], constant, 1e-9, scale=whole)
        self.assertClose(report["optimum"], best.objective + constant, EXACT[dtype], scale=whole)
        self.assertClose(report["tau"], best.tau, EXACT[dtype])
        self.assertClose(report["data_singular_values"], best.singular_values, EXACT[dtype])
        self.check_figures(fit, y, x)
        return fit, best.objective + constant, best

    def check_figures(self, fit, y, x):
        """The report is that of the factors in the folder, with X as it was given."""
        report, u, v = fit.report, fit.u.astype(float), fit.v.astype(float)
        self.assertEqual(fit.v.dtype, numpy.dtype("f8"))     # V carries the condition of X
        exact = (1e-7 if report["dtype"] == "f64" else 1e-6)
        self.assertClose(report["objective"], objective(y, x, u, v, self.retain), exact)
        self.assertClose(report["data_term"] + report["regularizer"], report["objective"], 1e-12)
        self.assertClose(report["unit_products"], theory.unit_products(u, x.T @ v), 10 * exact)
        self.assertClose(float(fit.history[-1]["objective"]), report["objective"], 1e-5)
        gap = 1 - report["lower_bound"] / report["objective"]
        self.assertClose(report["relative_gap"], gap, 1e-9, scale=1)

    def assertGap(self, fit, best, most):
        gap = fit.report["objective"] / best - 1
        self.assertLessEqual(gap, most)
        self.assertGreaterEqual(gap, -EXACT[fit.report["dtype"]])


class OnData:
    def test_closed_form_is_the_optimum(self):
        y, x = self.problem()
        for dtype in ("f32", "f64"):
            fit, least, best = self.fit(y, x, "--solver", "closed-form", dtype=dtype)
            self.assertGap(fit, least, EXACT[dtype])
            self.assertLessEqual(fit.report["balance_error"], 1e-4)
            product = fit.u.astype(float) @ fit.v.T @ x
            _, values, right = numpy.linalg.svd(x, full_matrices=False)
            self.assertClose(product, best.product @ right[:best.product.shape[1]], 1e-4 if dtype == "f32" else 1e-7)

    def test_explicit_reaches_it(self):
        y, x = self.problem()
        for dtype, most in (("f32", 1e-4), ("f64", 1e-8)):
            fit, least, _ = self.fit(y, x, "--solver", "explicit", dtype=dtype)
            self.assertGap(fit, least, most)

    def test_stochastic_comes_within_1_percent(self):
        fit, least, _ = self.fit(*self.problem(), dtype="f32")
        self.assertGap(fit, least, 1e-2)


class OnRegression(OnData, Problems):
    def problem(self):
        return regression()

    def test_batches_of_samples_come_within_5_percent(self):
        for optimizer in ("adam", "sgd"):
            fit, least, _ = self.fit(*self.problem(), "--batch", 15, *BATCH_STEPS, "--optimizer", optimizer,
                                     dtype="f32")
            self.assertGap(fit, least, 5e-2)

    def test_plain_descent(self):
        fit, least, _ = self.fit(*self.problem(), "--solver", "explicit", "--optimizer", "adam")
        self.assertGap(fit, least, 1e-4)

    def test_without_noise_it_is_reduced_rank_regression(self):
        y, x = self.problem()
        fit = self.factorize(y, "--data", self.save("X.npy", x), "--solver", "explicit", "--noise", "none", "--rank", 3,
                             "--dtype", "f64")
        values = numpy.linalg.svd(whitened(y, x), compute_uv=False)
        self.assertClose(fit.report["optimum"], (y ** 2).sum() - (values[:3] ** 2).sum(), 1e-10)
        self.assertGap(fit, fit.report["optimum"], 1e-8)

    def test_the_identity_changes_nothing(self):
        y, _ = self.problem()
        with_x = self.factorize(y, "--data", self.save("I.npy", numpy.eye(60)), "--dtype", "f64", "--solver",
                                "explicit")
        without = self.factorize(y, "--dtype", "f64", "--solver", "explicit", out="without")
        self.assertClose(with_x.report["objective"], without.report["objective"], 1e-8)
        self.assertClose(with_x.report["optimum"], without.report["optimum"], 1e-12)
        self.assertEqual((without.report["data_rank"], without.report["data_condition"], without.report["constant"]),
                         (None, None, 0))
        self.assertEqual(without.report["features"], 60)


class OnDeficientData(OnData, Problems):
    def problem(self):
        return deficient()


class OnIllConditionedData(OnData, Problems):
    def problem(self):
        return ill_conditioned()

    def test_the_condition_is_told(self):
        fit, _, _ = self.fit(*self.problem(), "--solver", "closed-form")
        self.assertClose(fit.report["data_condition"], 1e8, 1e-6)


class OnFewSamples(OnData, Problems):
    width = 6

    def problem(self):
        return few_samples()

    def test_batches_of_samples(self):
        fit, least, _ = self.fit(*self.problem(), "--batch", 3, *BATCH_STEPS, dtype="f32")
        self.assertGap(fit, least, 5e-2)


class OnOneSample(OnData, Problems):
    def problem(self):
        return one_sample()


class OnRandomProblems(Problems):
    def test_closed_form_and_explicit(self):
        random = numpy.random.default_rng(7)
        for case in range(8):
            rows, features, samples, width = random.integers(1, 9, size=4)
            self.retain = float(random.uniform(0.1, 0.9))
            y, x = random.normal(size=(rows, samples)), random.normal(size=(features, samples))
            with self.subTest(case=case, shape=(rows, features, samples, width), retain=self.retain):
                fit, least, _ = self.fit(y, x, "--solver", "closed-form", width=int(width))
                self.assertGap(fit, least, 1e-9)
                fit, least, _ = self.fit(y, x, "--solver", "explicit", width=int(width))
                self.assertGap(fit, least, 1e-8)


class Samples(Problems):
    def test_samples_may_be_rows(self):
        y, x = regression()
        self.save("Yt.npy", y.T.copy())
        self.save("Xt.npy", x.T.copy())
        columns, _, _ = self.fit(y, x, "--steps", 20)
        rows = self.factorize(self.path("Yt.npy"), "--data", "Xt.npy", "--samples", "rows", "--rank", 10, "--dtype",
                              "f64", "--steps", 20, out="rows")
        self.assertEqual(rows.factor_bytes(), columns.factor_bytes())

    def test_the_seed_decides(self):
        y, x = regression()
        one, same, other = (self.fit(y, x, "--batch", 20, "--steps", 20, "--seed", seed, out=out)[0].factor_bytes()
                            for seed, out in ((5, "one"), (5, "same"), (6, "other")))
        self.assertEqual(one, same)
        self.assertNotEqual(one, other)


class Bound(Problems):
    def test_in_single_precision_it_is_below_what_double_precision_reaches(self):
        for seed in range(4):
            r = numpy.random.default_rng(seed)
            x = r.normal(size=(10, 60)).astype("f4")
            y, x_file = (r.normal(size=(50, 10)) @ x).astype("f4"), self.save("X.npy", x)
            single, double = (self.factorize(y, "--data", x_file, "--rank", 10, "--lambda", 1e-3, "--solver",
                                             "closed-form", "--dtype", dtype, out=dtype).report
                              for dtype in ("f32", "f64"))
            self.assertLessEqual(single["lower_bound"], double["objective"])


class OtherNoise(Problems):
    """Noise that does not see the change of the basis: the problem with Yw is the same."""
    noises = (("--noise", "dropblock", "--block", 2), ("--noise", "dropconnect"), ("--mask", "sample"),
              ("--variable-rate", "--retain", 0.8))
    correlated = ("--noise", "correlated", "--mask-factor", "A.npy")

    def setUp(self):
        super().setUp()
        self.y, self.x = regression()
        self.save("X.npy", self.x)
        self.save("A.npy", numpy.eye(10) + 0.1 * draw(6, 10, 10))
        self.yw = whitened(self.y, self.x)
        self.rest = (self.y ** 2).sum() - (self.yw ** 2).sum()

    def test_explicit(self):
        for words in self.noises:
            with self.subTest(noise=words):
                self.check_same(*words)
        self.check_same(*self.correlated, "--optimizer", "adam")     # ridge rounds come near it slowly

    def check_same(self, *words):
        words = ("--rank", 10, "--dtype", "f64", "--solver", "explicit", *words)
        with_x = self.factorize(self.y, "--data", "X.npy", *words).report
        without = self.factorize(self.yw, *words, out="without").report
        for key in ("objective", "lower_bound"):
            self.assertClose(with_x[key], without[key] + self.rest, 1e-7)
        # Both were found to some digits; at a minimum its parts have half as many.
        self.assertClose(with_x["data_term"], without["data_term"] + self.rest, 1e-4)
        self.assertClose(with_x["regularizer"], without["regularizer"], 1e-4)
        self.assertEqual(with_x["width_found"], without["width_found"])

    def test_stochastic_and_batches(self):
        for words in self.noises:
            explicit = self.factorize(self.y, "--data", "X.npy", "--rank", 10, "--solver", "explicit", *words)
            for batch, most in (((), 1e-2), (("--batch", 15, *BATCH_STEPS), 5e-2)):
                with self.subTest(noise=words, batch=batch):
                    self.check_near(explicit.report, most, *words, *batch)
        explicit = self.factorize(self.y, "--data", "X.npy", "--rank", 10, "--solver", "explicit", *self.correlated)
        self.check_near(explicit.report, 5e-2, *self.correlated)     # so far without X, too

    def check_near(self, best, most, *words):
        fit = self.factorize(self.y, "--data", "X.npy", "--rank", 10, *words)
        self.assertLessEqual(fit.report["objective"], (1 + most) * best["objective"])
        self.assertGreaterEqual(fit.report["objective"], best["lower_bound"] * (1 - 1e-5))


class EntriesOfV(Problems):
    """DropConnect on V: its penalty has the diagonal of X X', which mixing rows of X would change."""
    keep_u, keep_v = 0.6, 0.8

    def penalty(self, x, u, v, side):
        alone = numpy.linalg.norm(u, axis=0) ** 2 * ((x ** 2).sum(axis=1) @ v ** 2)
        weight_u, weight_v = theory.penalty(self.keep_u), theory.penalty(self.keep_v)
        if side == "v":
            return weight_v * alone.sum()
        together = theory.unit_products(u, x.T @ v) ** 2
        return weight_u * together.sum() + (1 + weight_u) * weight_v * alone.sum()

    def words(self, side):
        if side == "v":
            return ("--side", "v", "--retain", self.keep_v)
        return ("--side", "both", "--retain", self.keep_u, "--retain-v", self.keep_v)

    def solve(self, y, x, side, *options):
        fit = self.factorize(y, "--data", self.save("X.npy", x), "--noise", "dropconnect", "--rank", 10, "--dtype",
                             "f64", *self.words(side), *options)
        wanted = theory.data_term(y, fit.u, x.T @ fit.v) + self.penalty(x, fit.u, fit.v, side)
        self.assertClose(fit.report["objective"], wanted, 1e-9)
        self.assertLessEqual(fit.report["lower_bound"], wanted * (1 + 1e-12))
        return fit.report

    def test_stochastic_comes_to_explicit(self):
        y, x = regression()
        x *= numpy.logspace(-2, 2, 15)[:, None]
        for side in ("v", "both"):
            best = self.solve(y, x, side, "--solver", "explicit", "--optimizer", "adam")
            self.assertIsNone(best["optimum"])
            self.assertClose(self.solve(y, x, side)["objective"], best["objective"], 2e-2)
            self.assertClose(self.solve(y, x, side, "--batch", 20, *BATCH_STEPS)["objective"], best["objective"], 5e-2)

    def test_orthogonal_rows_have_the_closed_form(self):
        y, x = regression()
        x = numpy.linalg.qr(x.T)[0].T * numpy.logspace(-2, 2, 15)[:, None]
        for side, weight in (("v", theory.penalty(self.keep_v)), ("both", 1 / (self.keep_u * self.keep_v) - 1)):
            report = self.solve(y, x, side, "--solver", "explicit", "--optimizer", "adam")
            best, constant = optimum(y, x, 1 / (1 + weight), 10)
            self.assertClose(report["optimum"], best.objective + constant, 1e-9)
            self.assertClose(report["objective"], best.objective + constant, 1e-4)


class Moments(Problems):
    def moments(self, y, x):
        self.save("Syx.npy", y @ x.T)
        self.save("Sxx.npy", x @ x.T)
        return ("--moment", "Sxx.npy", "--energy", repr(float((y ** 2).sum())))

    def test_the_population_is_the_sample(self):
        for problem in (regression, deficient, few_samples):
            y, x = problem()
            for solver in ("closed-form", "explicit"):
                with self.subTest(problem=problem.__name__, solver=solver):
                    sample, least, _ = self.fit(y, x, "--solver", solver)
                    words = self.moments(y, x)
                    whole = self.factorize(self.path("Syx.npy"), *words, "--rank", 10, "--dtype", "f64", "--solver",
                                           solver, out="whole")
                    scale = (y ** 2).sum()
                    for key in ("optimum", "objective", "constant"):
                        self.assertClose(whole.report[key], sample.report[key], 1e-9, scale=scale)
                    for key in ("features", "data_rank"):
                        self.assertEqual(whole.report[key], sample.report[key])
                    u, v = whole.u, whole.v
                    self.assertClose(objective(y, x, u, v, 0.5), least, 1e-8, scale=scale)

    def test_stochastic_and_scaled(self):
        y, x = regression()
        words = self.moments(y, x)
        fit = self.factorize(self.path("Syx.npy"), *words, "--rank", 10, "--scale", 1000)
        best, constant = optimum(1000 * y, x, 0.5, 10)
        self.assertClose(fit.report["optimum"], best.objective + constant, 1e-5)
        self.assertGap(fit, best.objective + constant, 1e-2)

    def test_without_energy_the_constant_is_left_out(self):
        y, x = regression()
        self.moments(y, x)
        fit = self.factorize(self.path("Syx.npy"), "--moment", "Sxx.npy", "--rank", 10, "--solver", "explicit")
        best, _ = optimum(y, x, 0.5, 10)
        self.assertEqual(fit.report["constant"], 0)
        self.assertGap(fit, best.objective, 1e-4)


class Refusals(Problems):
    def test_shapes_that_do_not_fit_name_both_files(self):
        y, x = regression()
        self.save("Y.npy", y)
        self.save("X.npy", x[:, :50])
        self.save("S.npy", (x @ x.T)[:, :9])
        result = self.dropcl("factorize", "Y.npy", "--data", "X.npy", "-o", "fit", status=3)
        self.assertIn("Y.npy has 60 columns and X.npy has 50", result.err)
        result = self.dropcl("factorize", "Y.npy", "--data", "X.npy", "--samples", "rows", "-o", "fit", status=3)
        self.assertIn("Y.npy has 20 rows and X.npy has 15", result.err)
        result = self.dropcl("factorize", "Y.npy", "--moment", "S.npy", "-o", "fit", status=3)
        self.assertIn("S.npy is 15 x 9, but X X' is square", result.err)
        self.save("S.npy", x @ x.T)
        result = self.dropcl("factorize", "Y.npy", "--moment", "S.npy", "-o", "fit", status=3)
        self.assertIn("Y.npy has 60 columns and S.npy has 15", result.err)
        self.assertFalse(self.path("fit").exists())

    def test_options_that_contradict_each_other(self):
        y, x = regression()
        self.save("Y.npy", y)
        self.save("X.npy", x)
        for words, part in ((("--data", "X.npy", "--moment", "X.npy"), "give one of them"),
                            (("--samples", "rows"), "it needs --data"),
                            (("--moment", "X.npy", "--batch", 5), "no samples to draw"),
                            (("--energy", 5), "it needs --moment"),
                            (("--moment", "X.npy", "--mask", "sample"), "take --mask step"),
                            (("--moment", "X.npy", "--noise", "dropconnect", "--side", "v"), "take --data"),
                            (("--data", "X.npy", "--noise", "dropconnect", "--side", "v", "--solver", "explicit"),
                             "explicit with --optimizer adam")):
            result = self.dropcl("factorize", "Y.npy", "-o", "fit", *words, status=2)
            self.assertIn(part, result.err)

    def test_data_that_is_none(self):
        y, x = regression()
        self.save("Y.npy", y)
        self.save("X.npy", 0 * x)
        result = self.dropcl("factorize", "Y.npy", "--data", "X.npy", "-o", "fit", status=2)
        self.assertIn("nothing but zeros", result.err)


if __name__ == "__main__":
    unittest.main()
