"""test_optimum.py: every solver comes as near the optimum as it promises, on easy and on hard data."""
import json
import unittest
import xml.etree.ElementTree

import numpy

import theory
from common import REPORT_KEYS, Case, badly_scaled, images, rank_8_plus_noise, small

EXACT = {"f32": 1e-5, "f64": 1e-10}      # of a spectrum or a closed form, relative


class Reports(Case):
    """Checks that hold for every run, whatever its solver and its data."""

    def check_report(self, fit, matrix, retain, width):
        report, matrix = fit.report, matrix.astype(fit.u.dtype).astype(float)
        u, v = fit.u.astype(float), fit.v.astype(float)
        self.assertLessEqual(set(REPORT_KEYS), set(report))
        self.assertEqual((fit.u.shape, fit.v.shape), ((len(matrix), width), (matrix.shape[1], width)))
        self.assertTrue(numpy.isfinite(u).all() and numpy.isfinite(v).all())
        self.check_figures(report, matrix, u, v, retain)
        best = theory.optimum(matrix, retain, width)
        exact = EXACT[report["dtype"]]
        self.assertClose(report["optimum"], best.objective, exact)
        self.assertClose(report["tau"], best.tau, exact)
        self.assertClose(report["data_singular_values"], best.singular_values, exact)
        rounding = sum(matrix.shape) * 2.3e-16 * 2 * (matrix ** 2).sum() * numpy.sqrt(min(matrix.shape))
        self.assertLessEqual(report["lower_bound"], report["optimum"])
        self.assertLessEqual(report["optimum"] - report["lower_bound"], rounding)
        self.check_files(fit)
        return best

    def check_figures(self, report, matrix, u, v, retain):
        """The figures are those of the factors in the folder."""
        values = numpy.linalg.svd(u @ v.T, compute_uv=False)[:u.shape[1]]
        values = numpy.pad(values, (0, u.shape[1] - len(values)))
        self.assertClose(report["data_term"], theory.data_term(matrix, u, v), 1e-9)
        self.assertClose(report["regularizer"], theory.regularizer(u, v, retain), 1e-9)
        self.assertClose(report["objective"], theory.objective(matrix, u, v, retain), 1e-9)
        self.assertClose(report["balance_error"], theory.balance_error(u, v), 1e-9, scale=1)
        self.assertClose(report["singular_values"], values, 1e-9)
        self.assertEqual(report["rank"], theory.rank(u, v))
        gap = 1 - report["optimum"] / report["objective"] if report["objective"] else 0
        self.assertClose(report["relative_gap"], gap, 1e-9, scale=1)
        self.assertClose(report["lambda"], theory.penalty(retain), 1e-12)

    def check_files(self, fit):
        """The history ends where the report does; the pictures are pictures."""
        numbers = [[float(row[key]) for key in ("step", "seconds", "objective", "relative_gap")]
                   for row in fit.history]
        self.assertTrue(numbers and numpy.isfinite(numbers).all())
        steps, seconds = numpy.array(numbers)[:, 0], numpy.array(numbers)[:, 1]
        self.assertTrue((numpy.diff(steps) > 0).all() and (numpy.diff(seconds) >= 0).all())
        self.assertEqual(steps[-1], fit.report["steps"])
        self.assertClose(numbers[-1][2], fit.report["objective"], 1e-4)
        self.assertEqual((fit.folder / "report.png").read_bytes()[:8], b"\x89PNG\r\n\x1a\n")
        root = xml.etree.ElementTree.parse(fit.folder / "report.svg").getroot()
        self.assertTrue(root.tag.endswith("svg"))
        self.assertEqual({file.name for file in fit.folder.iterdir()},
                         {"U.npy", "V.npy", "report.json", "history.csv", "report.svg", "report.png"})

    def solve(self, matrix, solver, *options, dtype="f32", retain=0.5, width=20, **more):
        """Fits, checks all that holds for every run; returns the fit and the closed form."""
        fit = self.factorize(matrix, "--solver", solver, "--dtype", dtype, "--rank", width,
                             "--retain", retain, *options, **more)
        return fit, self.check_report(fit, matrix, retain, width)

    def assertGap(self, fit, best, most):
        """The objective is at most so much above the optimum, relatively, and not below it."""
        gap = fit.report["objective"] / best.objective - 1
        self.assertLessEqual(gap, most)
        self.assertGreaterEqual(gap, -EXACT[fit.report["dtype"]])


class OnData:
    """What must hold on every matrix that is not zero."""
    width = 20

    def test_closed_form_is_the_optimum(self):
        matrix = self.matrix()
        for dtype in ("f32", "f64"):
            fit, best = self.solve(matrix, "closed-form", dtype=dtype, width=self.width)
            self.assertClose(fit.report["objective"], best.objective, EXACT[dtype])
            self.assertLessEqual(fit.report["balance_error"], 1e-4)
            self.assertClose(fit.u.astype(float) @ fit.v.T, best.product, 1e-4 if dtype == "f32" else 1e-9)
            self.assertEqual(fit.report["status"], "certified")

    def test_explicit_reaches_it(self):
        fit, best = self.solve(self.matrix(), "explicit", width=self.width)
        self.assertGap(fit, best, 1e-4)
        self.assertLessEqual(fit.report["balance_error"], 1e-2)

    def test_explicit_reaches_it_to_8_digits_in_double_precision(self):
        fit, best = self.solve(self.matrix(), "explicit", dtype="f64", width=self.width)
        self.assertGap(fit, best, 1e-8)
        self.assertLessEqual(fit.report["balance_error"], 1e-2)

    def test_stochastic_comes_within_1_percent(self):
        fit, best = self.solve(self.matrix(), "stochastic", width=self.width)
        self.assertGap(fit, best, 1e-2)


class OnImages(OnData, Reports):
    width = 32

    def matrix(self):
        return images()


class OnLowRankAndNoise(OnData, Reports):
    def matrix(self):
        return rank_8_plus_noise()

    def test_the_rank_is_found(self):
        for solver in ("closed-form", "explicit", "stochastic"):
            fit, best = self.solve(self.matrix(), solver, out=solver)
            self.assertEqual((best.rank, fit.report["rank"]), (8, 8), solver)


class OnBadlyScaledColumns(OnData, Reports):
    def matrix(self):
        return badly_scaled()


class OnZeros(Reports):
    def test_every_solver_answers_zero(self):
        for solver in ("closed-form", "explicit", "stochastic"):
            for dtype in ("f32", "f64"):
                with self.subTest(solver=solver, dtype=dtype):
                    zeros = numpy.zeros((50, 30))
                    self.check_zero(*self.solve(zeros, solver, dtype=dtype, out=solver + dtype))

    def check_zero(self, fit, best):
        self.assertEqual((best.objective, fit.report["objective"], fit.report["rank"]), (0, 0, 0))
        for file in ("report.json", "history.csv", "report.svg"):
            text = (fit.folder / file).read_text(encoding="utf-8").lower()
            self.assertNotRegex(text, r"\bnan\b|\binf(inity)?\b", file)


class Options(Reports):
    def test_data_of_any_scale(self):
        for scale in (1e-9, 1e9):
            fit, best = self.solve(rank_8_plus_noise() * scale, "stochastic")
            self.assertGap(fit, best, 1e-2)

    def test_other_retain_probabilities(self):
        for retain in (0.2, 0.9):
            fit, best = self.solve(small(), "explicit", dtype="f64", retain=retain)
            self.assertGap(fit, best, 1e-8)

    def test_lambda_says_the_same_as_retain(self):
        by_retain = self.factorize(small(), "--retain", 0.25, "--steps", 50, out="by_retain")
        by_lambda = self.factorize(small(), "--lambda", 3, "--steps", 50, out="by_lambda")
        self.assertEqual(by_retain.factor_bytes(), by_lambda.factor_bytes())
        self.assertEqual(by_lambda.report["retain"], 0.25)

    def test_more_units_than_the_matrix_has_columns(self):
        for solver, most in (("closed-form", 1e-9), ("explicit", 1e-8), ("stochastic", 2e-2)):
            fit, best = self.solve(small(), solver, dtype="f64", width=70, out=solver)
            self.assertGap(fit, best, most)

    def test_one_row_and_one_column(self):
        for matrix in (small()[:1], small()[:, :1], small()[:1, :1]):
            for solver in ("closed-form", "explicit"):
                fit, best = self.solve(matrix, solver, dtype="f64", width=3)
                self.assertGap(fit, best, 1e-8)

    def test_without_noise_it_is_pca(self):
        for solver, most in (("closed-form", 1e-9), ("explicit", 1e-8)):
            fit, best = self.solve(small(), solver, "--noise", "none", dtype="f64", retain=1, width=5,
                                   out=solver)
            self.assertGap(fit, best, most)
            self.assertEqual((fit.report["noise"], fit.report["regularizer"]), ("none", 0))
            self.assertClose(best.objective, (best.singular_values[5:] ** 2).sum(), 1e-12)

    def test_noise_none_and_retain_below_one_contradict_each_other(self):
        path = self.save("Y.npy", small())
        for option, value in (("--retain", 0.5), ("--lambda", 1)):
            result = self.dropcl("factorize", path, "-o", "fit", "--noise", "none", option, value, status=2)
            self.assertIn("--noise none keeps every unit", result.err)

    def test_batches_of_columns_come_within_5_percent(self):
        fit, best = self.solve(rank_8_plus_noise(), "stochastic", "--batch", 50)
        self.assertGap(fit, best, 5e-2)

    def test_plain_descent_through_the_graph(self):
        for optimizer, most in (("adam", 1e-4), ("momentum", 1e-2), ("sgd", 2e-2)):
            fit, best = self.solve(small(), "explicit", "--optimizer", optimizer, out=optimizer)
            self.assertGap(fit, best, most)

    def test_the_seed_decides(self):
        one, same, other = (self.factorize(small(), "--steps", 20, "--seed", seed, out=out).factor_bytes()
                            for seed, out in ((5, "one"), (5, "same"), (6, "other")))
        self.assertEqual(one, same)
        self.assertNotEqual(one, other)

    def test_scale_multiplies_the_data(self):
        whole = self.save("whole.npy", (images(40) * 255).round().astype("u1"))
        fit = self.factorize(whole, "--scale", "1/255", "--solver", "closed-form", "--rank", 10)
        self.check_report(fit, images(40), 0.5, 10)


class Tolerance(Reports):
    def test_a_run_stops_when_it_is_reached(self):
        fit, _ = self.solve(rank_8_plus_noise(), "stochastic", "--tolerance", 0.05)
        self.assertLessEqual(fit.report["relative_gap"], 0.05)
        self.assertLess(fit.report["steps"], 1000)
        self.assertEqual(fit.report["status"], "certified")

    def test_status_5_when_it_is_not(self):
        fit, _ = self.solve(rank_8_plus_noise(), "stochastic", "--tolerance", 1e-9, "--steps", 20, status=5)
        self.assertRegex(fit.result.err, r"^dropcl: .*tolerance of 1\.00e-09 was not reached.*\n$")
        self.assertEqual(fit.report["steps"], 20)

    def test_an_objective_far_below_the_data_is_certified_by_its_own_gap(self):
        left, right = numpy.random.default_rng(4).normal(size=(80, 5)), numpy.random.default_rng(5).normal(size=(5, 60))
        fit = self.factorize(left @ right, "--lambda", 1e-8, "--rank", 10, "--solver", "explicit", "--steps", 3,
                             "--tolerance", 1e-6, status=5)
        report = fit.report
        self.assertClose(report["relative_gap"], 1 - report["lower_bound"] / report["objective"], 1e-9)
        self.assertGreater(report["relative_gap"], 1e-6)

    def test_the_bound_is_below_what_rounding_of_the_energy_hides(self):
        left, right = numpy.random.default_rng(4).normal(size=(440, 5)), numpy.random.default_rng(5).normal(size=(5, 420))
        for lam in (1e-9, 1e-11, 1e-12, 1e-13):
            report = self.factorize(left @ right, "--lambda", lam, "--rank", 10, "--solver", "closed-form", "--dtype",
                                    "f64", out=str(lam)).report
            self.assertLessEqual(report["lower_bound"], report["objective"])

    def test_too_few_reports_do_not_tell_whether_a_run_rests(self):
        for solver in ("stochastic", "explicit"):
            fit = self.factorize(small(), "--solver", solver, "--steps", 2, "--lambda", 1e-3, out=solver)
            self.assertEqual(fit.report["status"], "stopped")

    def test_json_and_words_say_the_same(self):
        words = self.factorize(small(), "--solver", "closed-form").result.out
        fit = self.factorize(small(), "--solver", "closed-form", "--json")
        self.assertEqual(json.loads(fit.result.out), fit.report)
        self.assertIn(f"objective      {fit.report['objective']:.9g}\n", words)

    def test_a_value_that_is_hardly_above_tau_counts_in_neither_rank(self):
        fit = self.factorize(numpy.diag([10, 2.005]), "--solver", "closed-form", "--retain", "2/3", "--dtype", "f64")
        first, second = fit.report["optimum_singular_values"]
        self.assertTrue(0 < second < 1e-3 * first)
        self.assertIn("rank           1 (at the optimum 1)\n", fit.result.out)


if __name__ == "__main__":
    unittest.main()
