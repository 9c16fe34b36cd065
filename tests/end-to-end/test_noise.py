"""test_noise.py: every kind of noise from the command line: it is trained, weighed, bounded and reported."""
import json
import unittest

import numpy

import theory
from common import Case, rank_8_plus_noise, small

EXPLICIT = ("--solver", "explicit", "--dtype", "f64")


def weighed(matrix, u, v, weights):
    """||Y - U V'||^2 + <C, U'U o V'V>."""
    return theory.data_term(matrix, u, v) + (weights * (u.T @ u) * (v.T @ v)).sum()


def block_weights(width, block):
    return numpy.kron(numpy.eye(width // block), numpy.ones((block, block)))


class Noise(Case):
    def fit(self, *options, out="fit", matrix=None, status=0):
        return self.factorize(small() if matrix is None else matrix, "--rank", 12, *options, out=out, status=status)

    def check_objective(self, fit, weights):
        """The report's objective is that of the factors in the folder, and above the bound."""
        report, (u, v) = fit.report, (fit.u.astype(float), fit.v.astype(float))
        matrix = small().astype(fit.u.dtype).astype(float)
        self.assertClose(report["objective"], weighed(matrix, u, v, report["lambda"] * weights), 1e-9)
        self.assertGreaterEqual(report["objective"], report["lower_bound"] * (1 - 1e-6))


class LowerBound(Noise):
    def test_in_single_precision_it_is_the_minimum_in_double_precision(self):
        for shape in ((3, 2), (4, 4), (10, 8)):
            matrix = numpy.random.default_rng(3).normal(size=shape).astype(numpy.float32)
            fit = self.factorize(matrix, "--rank", 2, "--solver", "closed-form", out=str(shape[0]))
            self.assertClose(fit.report["lower_bound"], theory.optimum(matrix, 0.5, 2).objective, 1e-13)


class DropBlock(Noise):
    def test_explicit_reaches_the_convex_value_and_says_that_it_is_attained(self):
        fit = self.fit("--noise", "dropblock", "--block", 2, *EXPLICIT)
        report = fit.report
        self.check_objective(fit, block_weights(12, 2))
        self.assertEqual((report["noise"], report["block"], report["attained"]), ("dropblock", 2, "yes"))
        self.assertClose(report["objective"], report["optimum"], 1e-8)
        self.assertEqual(len(report["unit_products"]), 6)
        self.assertLess(report["balance_error"], 1e-3)
        shrunk = numpy.array(report["optimum_singular_values"])[:12]
        self.assertClose(numpy.array(report["singular_values"]), shrunk, 1e-3)

    def test_stochastic_comes_near_it(self):
        for mask in ("step", "sample"):
            fit = self.fit("--noise", "dropblock", "--block", 3, "--mask", mask, out=mask)
            self.check_objective(fit, block_weights(12, 3))
            self.assertLess(fit.report["relative_gap"], 2e-2)
            self.assertEqual(fit.report["mask"], mask)

    def test_two_blocks_have_an_optimum_above_the_convex_value(self):
        fit = self.fit("--noise", "dropblock", "--block", 6, *EXPLICIT)
        report = fit.report
        self.check_objective(fit, block_weights(12, 6))
        self.assertEqual(report["attained"], "no")
        self.assertClose(report["objective"], report["optimum"], 1e-6)
        self.assertLess(report["convex_value"], report["optimum"] * (1 - 1e-6))

    def test_a_bound_is_no_optimum(self):
        """Three blocks of 4 with little training have not shown that they reach it."""
        fit = self.fit("--noise", "dropblock", "--block", 4, "--steps", 40)
        report = fit.report
        self.assertIsNone(report["optimum"])
        self.assertIn(report["attained"], ("open", "no"))
        self.assertRegex(fit.result.out, r"lower bound +\d.*convex value")

    def test_the_closed_form_is_the_optimum(self):
        for block in (2, 6):
            fit = self.fit("--noise", "dropblock", "--block", block, "--solver", "closed-form", "--dtype", "f64",
                           out=str(block))
            self.check_objective(fit, block_weights(12, block))
            self.assertClose(fit.report["objective"], fit.report["optimum"], 1e-10)
            self.assertLess(fit.report["balance_error"], 1e-6)

    def test_blocks_of_one_unit_are_dropout(self):
        blocks = self.fit("--noise", "dropblock", "--block", 1, "--steps", 60, out="blocks")
        units = self.fit("--steps", 60, out="units")
        self.assertEqual(blocks.factor_bytes(), units.factor_bytes())
        self.assertEqual(blocks.report["optimum"], units.report["optimum"])


class DropConnect(Noise):
    def test_explicit_reaches_the_closed_form_on_every_side(self):
        for side, penalty in (("u", 1), ("v", 1), ("both", 2 * 1.25 - 1)):
            more = ("--retain-v", 0.8) if side == "both" else ()
            fit = self.fit("--noise", "dropconnect", "--side", side, *more, *EXPLICIT, out=side)
            self.check_objective(fit, numpy.eye(12))
            self.assertClose(fit.report["lambda"], penalty, 1e-12)
            best = theory.optimum(small(), 1 / (1 + penalty), 12)
            self.assertClose(fit.report["optimum"], best.objective, 1e-10)
            self.assertClose(fit.report["objective"], best.objective, 1e-8)
            self.assertEqual(fit.report["side"], side)

    def test_stochastic_comes_near_it(self):
        for side in ("u", "v", "both"):
            fit = self.fit("--noise", "dropconnect", "--side", side, "--retain", 0.7, out=side)
            self.assertLess(fit.report["relative_gap"], 2e-2, side)

    def test_entries_of_v_are_a_mask_of_units_for_every_column(self):
        entries = self.fit("--noise", "dropconnect", "--side", "v", "--steps", 60, out="entries")
        samples = self.fit("--mask", "sample", "--steps", 60, out="samples")
        self.assertEqual(entries.factor_bytes(), samples.factor_bytes())
        step = self.fit("--steps", 60, out="step")
        self.assertNotEqual(step.factor_bytes(), samples.factor_bytes())

    def test_batches_of_columns(self):
        fit = self.fit("--noise", "dropconnect", "--side", "both", "--retain", 0.8, "--batch", 20)
        self.assertLess(fit.report["relative_gap"], 5e-2)

    def test_the_seed_decides(self):
        one, same, other = (self.fit("--noise", "dropconnect", "--side", "both", "--steps", 20, "--seed", seed, out=out)
                            .factor_bytes() for seed, out in ((5, "one"), (5, "same"), (6, "other")))
        self.assertEqual(one, same)
        self.assertNotEqual(one, other)


class LastStep(Noise):
    """The last stochastic step shares the product out evenly, where that costs nothing."""
    kinds = ((), ("--mask", "sample"), ("--noise", "dropblock", "--block", 3), ("--noise", "dropblock", "--block", 6),
             ("--noise", "dropconnect", "--side", "both"), ("--batch", 15))

    def test_it_keeps_the_product_and_lowers_the_objective(self):
        for words in self.kinds:
            with self.subTest(words=words):
                words = ("--steps", 100, "--dtype", "f64", *words)
                trained, balanced = self.fit(*words, "--as-trained", out="trained"), self.fit(*words)
                self.assertEqual((trained.report["balanced_last"], balanced.report["balanced_last"]), (False, True))
                self.assertClose(balanced.u @ balanced.v.T, trained.u @ trained.v.T, 1e-12)
                self.assertLess(balanced.report["objective"], trained.report["objective"])
                self.assertLess(balanced.report["balance_error"], trained.report["balance_error"] / 10)
                self.assertIn("(balanced by the last step)", balanced.result.out)
                self.assertNotIn("(balanced by the last step)", trained.result.out)

    def test_units_weigh_the_same_then(self):
        self.assertLess(self.fit("--steps", 100).report["balance_error"], 1e-5)

    def test_blocks_that_would_weigh_more_stay_as_they_are(self):
        words = ("--noise", "dropblock", "--block", 4, "--steps", 1000, "--dtype", "f64")
        trained, last = self.fit(*words, "--as-trained", out="trained"), self.fit(*words)
        self.assertLessEqual(last.report["objective"], trained.report["objective"])

    def test_an_early_end_leaves_it_out(self):
        fit = self.fit("--tolerance", 0.2)
        self.assertFalse(fit.report["balanced_last"])
        self.assertGreater(fit.report["balance_error"], 1e-3)


class Correlated(Noise):
    def setUp(self):
        super().setUp()
        self.factor = numpy.eye(12) + 0.1 * numpy.random.default_rng(2).normal(size=(12, 12))
        self.save("A.npy", self.factor)

    def test_it_is_weighed_and_bounded(self):
        objectives = []
        for solver in ("explicit", "stochastic"):
            fit = self.fit("--noise", "correlated", "--mask-factor", "A.npy", "--retain", 0.7, "--solver", solver,
                           "--dtype", "f64", out=solver)
            self.check_objective(fit, self.factor @ self.factor.T)
            self.assertFalse(fit.report["balanced_last"])
            self.assertIsNone(fit.report["optimum"])
            self.assertIn("no closed form", fit.result.out)
            objectives.append(fit.report["objective"])
        self.assertLess(objectives[0], objectives[1])
        self.assertLess(objectives[1], objectives[0] * 1.05)     # couplings make a flat, slow landscape

    def test_the_identity_is_dropout(self):
        self.save("I.npy", numpy.eye(12))
        fit = self.fit("--noise", "correlated", "--mask-factor", "I.npy", *EXPLICIT)
        best = theory.optimum(small(), 0.5, 12)
        self.assertClose(fit.report["objective"], best.objective, 1e-8)
        self.assertClose(fit.report["lower_bound"], best.objective, 1e-8)

    def test_the_factor_says_how_many_units(self):
        fit = self.factorize(small(), "--noise", "correlated", "--mask-factor", "A.npy", "--steps", 5)
        self.assertEqual(fit.report["width"], 12)


class VariableRate(Noise):
    def test_enough_units_find_the_same_optimum_and_how_many_it_takes(self):
        values = numpy.linalg.svd(rank_8_plus_noise(), compute_uv=False)
        counts = numpy.arange(1, len(values) + 1)
        tau = (1 / 9 * numpy.cumsum(values) / (1 + counts / 9)).max()
        rank = int((values > tau).sum())
        wanted = (values[rank:] ** 2).sum() + 1 / 9 * values[:rank].sum() ** 2 / (1 + rank / 9)
        for width in (rank + 3, rank + 12):
            fit = self.factorize(rank_8_plus_noise(), "--rank", width, "--variable-rate", "--retain", 0.9, *EXPLICIT,
                                 out=str(width))
            report = fit.report
            self.assertClose(report["objective"], wanted, 1e-6)
            self.assertClose(report["optimum"], wanted, 1e-10)
            self.assertEqual((report["width_found"], report["width_trained"], fit.u.shape[1]), (rank, width, rank))
            self.assertClose(report["lambda"], rank / 9, 1e-12)
            self.assertClose(report["retain_one"], 0.9, 1e-12)
            self.assertIn(f"retain {report['retain']:.4g} (0.9 for one unit of {rank})", fit.result.out)
            self.assertClose(report["objective"], theory.objective(rank_8_plus_noise(), fit.u, fit.v, report["retain"]),
                             1e-9)
            self.assertLess(report["balance_error"], 1e-4)

    def test_too_few_units_are_said_to_be(self):
        fit = self.factorize(rank_8_plus_noise(), "--rank", 4, "--variable-rate", "--retain", 0.9, *EXPLICIT)
        self.assertEqual((fit.report["cut_off"], fit.report["status"]), (True, "stopped"))
        self.assertIn("the width is cut off: more --rank", fit.result.out)

    def test_leading_values_tell_whether_the_width_is_cut_off(self):
        """Above 400 rows only the leading values are known."""
        draw = numpy.random.default_rng(1)
        matrix = draw.normal(size=(500, 20)) @ draw.normal(size=(20, 500))
        for width, cut_off in ((19, True), (20, False)):
            fit = self.factorize(matrix, "--rank", width, "--variable-rate", "--retain", 0.999, "--solver",
                                 "closed-form", out=str(width))
            self.assertEqual(fit.report["cut_off"], cut_off)

    def test_narrower_factors_keep_the_tolerance(self):
        """The second unit is below a thousandth of the first, but the optimum needs it."""
        fit = self.factorize(numpy.diag([100, 10.05, 1, 1, 1]), "--rank", 4, "--variable-rate", "--retain", 0.9,
                             "--solver", "closed-form", "--dtype", "f64", "--tolerance", 1e-8)
        self.assertEqual((fit.report["width_found"], fit.u.shape[1], fit.report["status"]), (2, 2, "certified"))

    def test_stochastic_finds_the_width_too(self):
        fit = self.factorize(rank_8_plus_noise(), "--rank", 20, "--variable-rate", "--retain", 0.9)
        self.assertEqual(fit.report["width_found"], 8)
        self.assertLess(fit.report["relative_gap"], 1e-2)

    def test_units_that_are_rarely_kept_are_drawn_often_enough(self):
        fit = self.factorize(small(), "--rank", 40, "--variable-rate", "--retain", 0.3)     # 0.011 for each of 40
        self.assertLess(fit.report["relative_gap"], 1e-2)


class CommandLine(Noise):
    def test_contradictions_are_usage_errors_that_say_what_to_do(self):
        path = self.save("Y.npy", small())
        self.save("A.npy", numpy.eye(12))
        for words, part in (
                (("--block", "2"), "needs --noise dropblock"),
                (("--noise", "dropblock"), "needs --block B"),
                (("--noise", "dropblock", "--block", "5", "--rank", "12"), "take --rank 15"),
                (("--side", "v"), "needs --noise dropconnect"),
                (("--noise", "dropconnect", "--retain-v", "0.5"), "--side both"),
                (("--noise", "dropconnect", "--mask", "sample"), "leave out --mask"),
                (("--noise", "none", "--mask", "step"), "leave out --mask"),
                (("--mask-factor", "A.npy"), "needs --noise correlated"),
                (("--noise", "correlated"), "needs --mask-factor"),
                (("--noise", "correlated", "--mask-factor", "A.npy", "--solver", "closed-form"),
                 "take --solver explicit"),
                (("--noise", "correlated", "--mask-factor", "A.npy", "--rank", "8"), "must be equal"),
                (("--noise", "none", "--variable-rate"), "leave out --variable-rate"),
                (("--noise", "dropconnect", "--side", "both", "--variable-rate"), "take --side u or v"),
                (("--noise", "dropconnect", "--side", "both", "--retain-v", "0"), "--retain-v is 0")):
            result = self.dropcl("factorize", path, "-o", "fit", *words, status=2)
            self.assertIn(part, result.err, words)

    def test_a_missing_factor_is_an_input_error(self):
        path = self.save("Y.npy", small())
        result = self.dropcl("factorize", path, "-o", "fit", "--noise", "correlated", "--mask-factor", "B.npy",
                             status=3)
        self.assertIn("B.npy", result.err)

    def test_reports_name_the_noise(self):
        fit = self.fit("--steps", 5, "--json")
        report = json.loads(fit.result.out)
        self.assertEqual([report[key] for key in ("noise", "side", "mask", "block", "attained", "retain_one")],
                         ["dropout", None, "step", None, None, None])
        self.assertClose(numpy.array(report["optimum_singular_values"]), numpy.linalg.svd(
            theory.optimum(small(), 0.5, 12).product, compute_uv=False), 1e-5)
        fit = self.fit("--steps", 5, "--noise", "dropconnect", "--side", "both", "--retain-v", 0.8)
        self.assertIn("dropconnect on both, retain 0.5 and 0.8", fit.result.out)


if __name__ == "__main__":
    unittest.main()
