"""test_grow.py: `factorize --solver grow` ends at the global optimum with a certificate, and says when it does not."""
import csv
import json
import re
import unittest

import numpy

from common import REPORT_KEYS, RUSTICL, Case, has_rusticl, images, small


def closed_form(matrix, lam):
    """min ||Y - X||^2 + lambda ||X||_*, and the rank of the minimiser."""
    values = numpy.linalg.svd(matrix, compute_uv=False)
    left = numpy.maximum(values - lam / 2, 0)
    rank = int((left > 1e-6 * left[0]).sum()) if left[0] > 1e-9 * values[0] else 0
    return ((values - left) ** 2).sum() + lam * left.sum(), rank


def with_holes(matrix, share=0.5):
    holes = matrix.copy()
    holes[numpy.random.default_rng(2).random(matrix.shape) < share] = numpy.nan
    return holes


class Grow(Case):
    def grow(self, matrix, *options, **others):
        return self.factorize(matrix, "--solver", "grow", *options, **others)

    def check(self, fit, matrix, lam, tolerance=1e-4):
        """Report and files agree with each other and with the closed form."""
        minimum, rank = closed_form(matrix, lam)
        report = fit.report
        self.assertEqual(report["status"], "certified")
        self.assertLessEqual(report["relative_gap"], tolerance)
        self.assertLessEqual(report["lower_bound"], minimum * (1 + 1e-9))
        self.assertClose(report["objective"], minimum, tolerance)
        self.assertEqual(report["rank"], rank)
        norms = numpy.linalg.norm(fit.u, axis=0) * numpy.linalg.norm(fit.v, axis=0)
        self.assertClose(((matrix - fit.u @ fit.v.T) ** 2).sum() + lam * norms.sum(), report["objective"], 1e-9)

    def test_the_closed_form_is_reached_with_a_proof(self):
        fit = self.grow(small(), "--lambda", 20, "--dtype", "f64", "--tolerance", 1e-8)
        self.check(fit, small(), 20, 1e-8)
        self.assertEqual(set(REPORT_KEYS) - set(fit.report), set())
        self.assertEqual([fit.report[key] for key in ("penalty", "proof", "solver")], ["nuclear", "rigorous", "grow"])
        columns = "lambda round steps seconds units objective lower_bound gap polar"
        self.assertEqual(list(fit.history[0]), columns.split())
        for row in fit.history:
            self.assertLessEqual(float(row["lower_bound"]), float(row["objective"]) * (1 + 1e-12))
        for name in ("report.svg", "report.png"):
            self.assertGreater(self.path(f"fit/{name}").stat().st_size, 1000)

    def test_one_unit_is_one_unit(self):
        fit = self.grow(numpy.outer(numpy.arange(1, 8), numpy.arange(1, 6)), "--lambda", 2)
        self.assertRegex(fit.result.out, r"rank +1 \(1 unit\)")

    def test_images_in_single_precision(self):
        fit = self.grow(images(), "--lambda", 30)
        self.check(fit, images(), 30)

    def test_a_path_is_a_table(self):
        fit = self.grow(small(), "--lambda", 10, "--path", 4)
        with open(self.path("fit/path.csv"), newline="", encoding="ascii") as stream:
            rows = list(csv.DictReader(stream))
        self.assertEqual([float(row["lambda"]) for row in rows], [point["lambda"] for point in fit.report["path"]])
        self.assertEqual(len(rows), 4)
        self.assertEqual(int(rows[0]["rank"]), 0)
        for row in rows:
            minimum, rank = closed_form(small(), float(row["lambda"]))
            self.assertClose(float(row["objective"]), minimum, 1e-4)
            self.assertEqual((int(row["rank"]), row["status"]), (rank, "certified"))
        self.check(fit, small(), 10)

    def test_the_gap_over_time_is_a_line_for_each_lambda(self):
        self.grow(small(), "--lambda", 10, "--path", 4)
        picture = self.path("fit/report.svg").read_text(encoding="utf-8")
        lines = re.findall(r'<path [^>]*stroke-width:0\.6;[^>]* d="([^"]*)"', picture)
        self.assertEqual([line.count("M") for line in lines], [1, 1, 4])    # rank and gap over lambda, gap over time

    def test_without_lambda_it_is_a_share_of_the_largest(self):
        largest = 2 * numpy.linalg.svd(small(), compute_uv=False)[0]
        fit = self.grow(small())
        self.assertClose(fit.report["lambda"], 0.1 * largest, 1e-6)
        fit = self.grow(small(), "--share", "1/4")
        self.assertClose(fit.report["lambda"], 0.25 * largest, 1e-6)

    def test_missing_entries_stay_out(self):
        fit = self.grow(with_holes(small()), "--lambda", 20, "--dtype", "f64", "--tolerance", 1e-6)
        known = ~numpy.isnan(with_holes(small()))
        norms = numpy.linalg.norm(fit.u, axis=0) * numpy.linalg.norm(fit.v, axis=0)
        objective = ((small() - fit.u @ fit.v.T)[known] ** 2).sum() + 20 * norms.sum()
        self.assertEqual((fit.report["status"], fit.report["entries"]), ("certified", int(known.sum())))
        self.assertClose(objective, fit.report["objective"], 1e-9)

    def test_signs_by_the_logistic_loss(self):
        signs = numpy.sign(small())
        fits = [self.grow(labels, "--loss", "logistic", "--lambda", 4) for labels in (signs, (signs + 1) / 2)]
        self.assertEqual((fits[0].report["status"], fits[0].report["loss"]), ("certified", "logistic"))
        self.assertGreater((numpy.sign(fits[0].u @ fits[0].v.T) == signs).mean(), 0.8)
        self.assertEqual(fits[0].report["objective"], fits[1].report["objective"])

    def test_rows_are_picked_by_an_l1_norm(self):
        norms = numpy.linalg.norm(small(), axis=1)
        lam = 2 * numpy.median(norms)
        fit = self.grow(small(), "--penalty", "l1-l2", "--lambda", lam)
        kept = norms > lam / 2
        self.assertEqual(fit.report["status"], "certified")
        self.assertEqual((numpy.abs(fit.u @ fit.v.T).max(axis=1) > 0).tolist(), kept.tolist())

    def test_what_is_only_bounded_is_not_certified(self):
        fit = self.grow(small(), "--penalty", "nonnegative", "--lambda", 20, status=5)
        self.assertEqual(fit.report["status"], "converged")
        self.assertIn("only bounded", fit.report["reason"])
        self.assertIn("only bounded", fit.result.err)
        self.assertLess(fit.report["lower_bound"], fit.report["objective"])
        self.assertRegex(fit.result.out, r"polar +at most [\d.]+ \(lambda 20\)\n")
        self.assertRegex(fit.result.out, r"gap +[\d.e-]+ \(not certified, converged\)\n")

    def test_too_few_units_are_no_optimum(self):
        fit = self.grow(small(), "--lambda", 5, "--rank", 3, status=5)
        self.assertEqual(fit.u.shape, (60, 3))
        self.assertIn("--rank", fit.report["reason"])
        self.assertGreater(fit.report["polar"], 5)

    def test_a_large_lambda_leaves_nothing(self):
        fit = self.grow(small(), "--lambda", 1e6)
        self.assertEqual((fit.u.shape, fit.v.shape, fit.report["rank"]), ((60, 0), (40, 0), 0))
        self.assertEqual(len(fit.history), 1)
        largest = 2 * numpy.linalg.svd(small(), compute_uv=False)[0]
        self.assertIn(f"the best factors are none, from lambda {largest:.6g} on", fit.result.out)

    def test_equal_seeds_give_equal_files(self):
        fits = [self.grow(with_holes(small()), "--lambda", 20, "--seed", 3, out=out) for out in "ab"]
        self.assertEqual(fits[0].factor_bytes(), fits[1].factor_bytes())

    def test_json_is_the_report(self):
        result = self.dropcl("factorize", self.save("Y.npy", small()), "-o", "fit", "--solver", "grow", "--json")
        self.assertEqual(json.loads(result.out)["status"], "certified")

    @unittest.skipUnless(has_rusticl(), "this needs rusticl")
    def test_another_device(self):
        fit = self.grow(with_holes(small()), "--lambda", 20, "--device", "rusticl", environment=RUSTICL)
        self.assertEqual((fit.report["status"], fit.report["platform"]), ("certified", "rusticl"))
        fit = self.grow(small(), "--penalty", "l1-l2", "--lambda", 20, "--device", "rusticl", environment=RUSTICL)
        self.assertEqual(fit.report["status"], "certified")


class Misuse(Case):
    def refuse(self, *options, status, says):
        result = self.dropcl("factorize", *options, "-o", "fit", "--solver", "grow", status=status)
        self.assertIn(says, result.err)
        self.assertFalse(self.path("fit/report.json").exists())

    def test_options_that_contradict_each_other(self):
        y = self.save("Y.npy", small())
        for options, says in (
                (["--penalty", "l3"], "no --penalty l3"), (["--penalty", "dropout"], "fixed number"),
                (["--lambda", "-1"], "--lambda is -1"), (["--lambda", "1", "--share", "0.5"], "say the same"),
                (["--share", "2"], "--share is 2"), (["--path", "-1"], "--path: '-1' must be"),
                (["--path", "3", "--lambda", "0"], "never reaches"), (["--mixture", "0.5"], "--penalty elastic"),
                (["--retain", "0.5"], "no noise"), (["--data", y], "without --data"), (["--resume"], "--resume")):
            with self.subTest(options=options):
                self.refuse(y, *options, status=2, says=says)
        result = self.dropcl("factorize", y, "-o", "fit", "--path", "3", status=2)
        self.assertIn("--solver grow", result.err)

    def test_data_that_cannot_be_fitted(self):
        nothing = numpy.full((3, 4), numpy.nan)
        self.refuse(self.save("N.npy", nothing), status=3, says="missing")
        self.refuse(self.save("I.npy", numpy.array([[1, numpy.inf]])), status=3, says="infinite")
        self.refuse(self.save("Y.npy", small()), "--loss", "logistic", status=3, says="-1 or 1")


if __name__ == "__main__":
    unittest.main()
