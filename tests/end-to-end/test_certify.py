"""test_certify.py: `dropcl certify`: factors that NumPy made are certified where they are optimal, and only there."""
import json
import unittest

import numpy

from common import Case, rank_8_plus_noise

INPUT, USAGE, TOLERANCE = 3, 2, 5


def matrix():
    """40 x 30."""
    return rank_8_plus_noise()[:40, :30]


def nuclear(y, lam):
    """The least ||y - x||^2 + lam ||x||_*, and factors of x: the singular values shrink by lam / 2."""
    u, s, vt = numpy.linalg.svd(y, full_matrices=False)
    shrunk = numpy.maximum(s - lam / 2, 0)
    kept = shrunk > 0
    least = ((s - shrunk) ** 2).sum() + lam * shrunk.sum()
    root = numpy.sqrt(shrunk[kept])
    return u[:, kept] * root, vt[kept].T * root, least


def rows(y, lam):
    """The least ||y - x||^2 + lam sum of the lengths of x's rows: every row shrinks."""
    lengths = numpy.linalg.norm(y, axis=1, keepdims=True)
    x = y * numpy.maximum(1 - lam / 2 / lengths, 0)
    return numpy.eye(len(y)), x.T, ((y - x) ** 2).sum() + lam * numpy.linalg.norm(x, axis=1).sum()


def entries(y, lam):
    """The least ||y - x||^2 + lam sum |x|: every number shrinks. A unit for each that is left."""
    x = numpy.sign(y) * numpy.maximum(numpy.abs(y) - lam / 2, 0)
    at, of = numpy.nonzero(x)
    u, v = numpy.zeros((len(y), len(at))), numpy.zeros((y.shape[1], len(at)))
    u[at, range(len(at))] = x[at, of]
    v[of, range(len(at))] = 1
    return u, v, ((y - x) ** 2).sum() + lam * numpy.abs(x).sum()


def complete(y, lam, logistic=False):
    """Factors of the best x for the known entries, by proximal gradient descent with momentum."""
    known, bend = ~numpy.isnan(y), 0.25 if logistic else 2
    y = numpy.where(known, y, 1)
    x, ahead, momentum = 0 * y, 0 * y, 1
    for _ in range(3000):
        slope = y / (1 + numpy.exp(y * ahead)) if logistic else 2 * (y - ahead)
        u, s, vt = numpy.linalg.svd(ahead + known * slope / bend, full_matrices=False)
        s = numpy.maximum(s - lam / bend, 0)
        after = (u * s) @ vt
        restart = ((ahead - after) * (after - x)).sum() > 0
        grown = 1 if restart else (1 + numpy.sqrt(1 + 4 * momentum ** 2)) / 2
        ahead = after + (0 if restart else (momentum - 1) / grown) * (after - x)
        if numpy.abs(after - x).max() < 1e-13:
            break
        x, momentum = after, grown
    return u * numpy.sqrt(s), vt.T * numpy.sqrt(s)


class Certify(Case):
    def certify(self, y, u, v, *options, status=0):
        for name, array in (("Y", y), ("U", u), ("V", v)):
            self.save(f"{name}.npy", array)
        result = self.dropcl("certify", "Y.npy", "U.npy", "V.npy", "--json", *options, status=status)
        return json.loads(result.out)

    def test_optimal_factors_are_certified_and_others_are_not(self):
        y, draw = matrix(), numpy.random.default_rng(1)
        for penalty, solve, lam in (("nuclear", nuclear, 20), ("l1-l2", rows, 5), ("l1-l1", entries, 1)):
            u, v, least = solve(y, lam)
            options = ("--lambda", lam, "--penalty", penalty, "--tolerance", "1e-8")
            found = self.certify(y, u, v, *options)
            self.assertClose(found["objective"], least, 1e-13)
            self.assertEqual((found["status"], found["proof"], found["exact"]), ("certified", "rigorous", True))
            for size in (1e-3, 0.1):
                found = self.certify(y, u + size * draw.normal(size=u.shape), v, *options, status=TOLERANCE)
                distance = (found["objective"] - least) / found["objective"]
                self.assertGreaterEqual(found["relative_gap"], distance)
                self.assertLessEqual(found["lower_bound"], least)
                self.assertEqual(found["status"], "open")

    def test_the_other_side_is_the_transpose(self):
        y = matrix()
        u, v, _ = rows(y.T, 5)
        self.assertLessEqual(self.certify(y, v, u, "--lambda", 5, "--penalty", "l2-l1")["relative_gap"], 1e-11)

    def test_missing_entries_and_labels(self):
        y = matrix()
        y[numpy.random.default_rng(2).uniform(size=y.shape) < 0.4] = numpy.nan
        found = self.certify(y, *complete(y, 15), "--lambda", 15)
        self.assertLessEqual(found["relative_gap"], 1e-10)
        self.assertEqual(found["entries"], (~numpy.isnan(y)).sum())
        signs = numpy.sign(y)
        for labels in (signs, (signs + 1) / 2):
            found = self.certify(labels, *complete(signs, 2, True), "--lambda", 2, "--loss", "logistic")
            self.assertLessEqual(found["relative_gap"], 1e-10)
            self.assertEqual(found["loss"], "logistic")

    def test_what_factorize_leaves_agrees(self):
        y = matrix()
        fit = self.factorize(y, "--solver", "closed-form", "--rank", 12, "--lambda", 3, "--dtype", "f64")
        found = self.certify(y, fit.u, fit.v, "--lambda", 3, "--penalty", "dropout")
        for key in ("objective", "data_term", "regularizer", "lower_bound"):
            self.assertClose(found[key], fit.report[key], 1e-12)
        self.assertEqual(found["rank"], fit.report["rank"])
        blocks = self.certify(y, fit.u, fit.v, "--lambda", 3, "--penalty", "dropblock", "--block", 4,
                              status=TOLERANCE)
        self.assertLess(blocks["lower_bound"], blocks["objective"])
        self.assertIsNone(blocks["polar"])

    def test_the_closed_form_of_dropout_does_not_depend_on_the_factors(self):
        """Far from the optimum too, certify and factorize say the same of a whole matrix."""
        y = matrix()
        for options, penalty in (((), ("dropout",)), (("--noise", "dropblock", "--block", 3),
                                                      ("dropblock", "--block", 3))):
            fit = self.factorize(y, "--solver", "explicit", "--steps", 1, "--rank", 12, "--lambda", 3, "--dtype", "f64",
                                 "--seed", 2, *options)
            found = self.certify(y, fit.u, fit.v, "--lambda", 3, "--penalty", *penalty, status=TOLERANCE)
            self.assertGreater(found["relative_gap"], 1e-3)
            self.assertClose(found["relative_gap"], fit.report["relative_gap"], 1e-9)
            self.assertClose(found["lower_bound"], fit.report["lower_bound"], 1e-12)
            self.assertEqual((found["proof"], found["exact"]), ("closed form", penalty[0] == "dropout"))
            shown = self.dropcl("certify", "Y.npy", "U.npy", "V.npy", "--lambda", 3, "--penalty", *penalty,
                                status=TOLERANCE).out
            self.assertIn("proof           the lower bound is a closed form, in which LAPACK's rounding is estimated", shown)

    def test_penalties_that_are_only_bounded(self):
        y = numpy.abs(matrix())
        u, v = 2 * numpy.ones((40, 1)), numpy.ones((30, 1))       # what is left has both signs
        for penalty, options in (("nonnegative", ()), ("elastic", ("--mixture", 0.3))):
            found = self.certify(y, u, v, "--lambda", 5, "--penalty", penalty, *options, status=TOLERANCE)
            self.assertLess(0, found["lower_bound"])
            self.assertLess(found["lower_bound"], found["objective"])
            shown = self.dropcl("certify", "Y.npy", "U.npy", "V.npy", "--lambda", 5, "--penalty", penalty, *options,
                                status=TOLERANCE).out
            self.assertRegex(shown, r"polar / lambda  at most [\d.]+\n")

    def test_words_tell_what_the_numbers_do(self):
        y = matrix()
        u, v, least = nuclear(y, 20)
        self.certify(y, u, v, "--lambda", 20)
        result = self.dropcl("certify", "Y.npy", "U.npy", "V.npy", "--lambda", 20, "-o", "certificate.json")
        for words in (f"objective       {least:.9g}", "certified", "polar / lambda  1\n", "rounding included"):
            self.assertIn(words, result.out)
        written = json.loads(self.path("certificate.json").read_text(encoding="utf-8"))
        self.assertClose(written["objective"], least, 1e-13)
        for options, tolerance in (((), 1e-4), (("--tolerance", 0.01), 0.01)):
            result = self.dropcl("certify", "Y.npy", "U.npy", "V.npy", "--lambda", 10, *options, status=TOLERANCE)
            self.assertRegex(result.err, rf"the relative gap is 0\.\d+, above the tolerance {tolerance:g}")

    def test_scale_and_formats(self):
        y = matrix()
        u, v, _ = nuclear(y, 20)
        numpy.savetxt(self.path("Y.csv"), y * 10, delimiter=",")
        numpy.savetxt(self.path("V.csv"), v, delimiter=",")
        self.save("U.npy", u)
        result = self.dropcl("certify", "Y.csv", "U.npy", "V.csv", "--lambda", 20, "--scale", "1/10", "--json")
        self.assertLessEqual(json.loads(result.out)["relative_gap"], 1e-10)


class Refusals(Case):
    def setUp(self):
        super().setUp()
        self.y = matrix()
        self.save("Y.npy", self.y)
        self.u, self.v, _ = nuclear(self.y, 20)
        self.save("U.npy", self.u)
        self.save("V.npy", self.v)

    def refuse(self, files, *telling, options=("--lambda", 2), status=INPUT):
        result = self.dropcl("certify", *files, *options, status=status)
        self.assertRegex(result.err, r"^dropcl: [^\n]+\n$")
        for words in telling:
            self.assertIn(words, result.err)
        self.assertEqual(result.out, "")

    def test_factors_that_do_not_belong_together(self):
        self.save("short.npy", self.u[1:])
        self.save("narrow.npy", self.v[:, 1:])
        self.save("turned.npy", self.v.T)
        self.refuse(("Y.npy", "short.npy", "V.npy"), "short.npy has 39 rows, but Y.npy has 40 rows")
        self.refuse(("Y.npy", "U.npy", "turned.npy"), "Y.npy has 30 columns", "give it transposed")
        self.refuse(("Y.npy", "U.npy", "narrow.npy"), f"narrow.npy has {self.v.shape[1] - 1}")

    def test_numbers_that_are_none(self):
        for name, number, wanted in (("nan", numpy.nan, "not finite"), ("inf", numpy.inf, "not finite"),
                                     ("huge", 1e200, "squares")):
            u = self.u.copy()
            u[3, 1] = number
            self.save(f"{name}.npy", u)
            self.refuse(("Y.npy", f"{name}.npy", "V.npy"), f"{name}.npy", wanted)
        self.save("empty.npy", self.y * numpy.nan)
        self.save("infinite.npy", self.y * numpy.inf)
        self.refuse(("empty.npy", "U.npy", "V.npy"), "empty.npy", "all missing")
        self.refuse(("infinite.npy", "U.npy", "V.npy"), "infinite.npy", "row 1, column 1 is infinite")
        self.path("text.csv").write_text("a,b\nred,green\n", encoding="utf-8")
        self.refuse(("text.csv", "U.npy", "V.npy"), "text.csv")
        self.refuse(("Y.npy", "text.csv", "V.npy"), "text.csv")

    def test_what_a_penalty_or_a_loss_does_not_allow(self):
        self.refuse(("Y.npy", "U.npy", "V.npy"), "'nonnegative'", options=("--lambda", 2, "--penalty", "nonnegative"))
        self.refuse(("Y.npy", "U.npy", "V.npy"), "Y.npy: ", "-1 or 1", options=("--lambda", 2, "--loss", "logistic"))
        self.refuse(("Y.npy", "U.npy", "V.npy"), "no multiple of the block",
                    options=("--lambda", 2, "--penalty", "dropblock", "--block", 99))

    def test_options(self):
        files = ("Y.npy", "U.npy", "V.npy")
        for options, words in (((), "--lambda L is missing"), (("--lambda", -1), "at least 0"),
                               (("--lambda", 1, "--penalty", "magic"), "'magic' must be nuclear|"),
                               (("--lambda", 1, "--block", 2), "--block B and --penalty dropblock"),
                               (("--lambda", 1, "--penalty", "dropblock"), "--block B and --penalty dropblock"),
                               (("--lambda", 1, "--mixture", 0.5), "--mixture belongs to"),
                               (("--lambda", 1, "--penalty", "elastic", "--mixture", 2), "from 0 to 1")):
            self.refuse(files, words, options=options, status=USAGE)
        self.refuse(files[:2], "usage: dropcl certify Y U V", options=(), status=USAGE)

    def test_a_certificate_that_cannot_be_written_is_not_half_there(self):
        self.refuse(("Y.npy", "U.npy", "V.npy"), "nowhere/c.json", options=("--lambda", 2, "-o", "nowhere/c.json"))
        self.assertFalse(self.path("nowhere").exists())


class Entries(Case):
    """Files of known entries mean the same to `certify` as to `complete`."""

    def write(self, name, text):
        self.path(name).write_text(text, encoding="utf-8")
        return name

    def certify(self, name, *options, status=0):
        return json.loads(self.dropcl("certify", name, *options, "--json", status=status).out)

    def triplets(self, signs=False):
        draw = numpy.random.default_rng(8)
        full = 3 + draw.normal(size=(30, 1)) + draw.normal(size=(30, 2)) @ draw.normal(size=(2, 20))
        places = draw.permutation(600)[:300]
        full = 1 * (full > 3) if signs else full
        lines = [f"user {place % 30},{place // 30 + 10},{full[place % 30, place // 30]!r}" for place in places]
        return self.write("M.csv", "user,film,rating\n" + "\n".join(lines) + "\n")

    def test_a_completion_gets_its_own_figures_again(self):
        self.dropcl("complete", self.triplets(), "-o", "fit", "--holdout", 0, "--lambda", 2)
        report = json.loads(self.path("fit/report.json").read_text(encoding="utf-8"))
        found = self.certify("M.csv", "fit/U.npy", "fit/V.npy", "--entries", "--baseline", "fit", "--lambda", 2,
                             "--tolerance", 1e-4)
        for key in ("objective", "lower_bound"):
            self.assertClose(found[key], report[key], 1e-13)
        self.assertClose(found["relative_gap"], report["relative_gap"], 1e-13, scale=1)
        self.assertEqual(found["entries"], 300)
        self.certify("M.csv", "fit/U.npy", "fit/V.npy", "--entries", "--lambda", 2, "--tolerance", 1e-4,
                     status=TOLERANCE)

    def test_what_a_completion_set_aside_stays_out(self):
        for loss in ("squared", "logistic"):
            self.dropcl("complete", self.triplets(signs=loss == "logistic"), "-o", "fit", "--test", 0.1, "--seed", 7,
                        "--loss", loss, "--path", 4)
            report = json.loads(self.path("fit/report.json").read_text(encoding="utf-8"))
            found = self.certify("M.csv", "fit/U.npy", "fit/V.npy", "--entries", "--baseline", "fit", "--loss", loss,
                                 "--lambda", repr(report["lambda"]))
            self.assertEqual(found["entries"], report["training_entries"])
            for key in ("objective", "lower_bound"):
                self.assertClose(found[key], report[key], 1e-13)
            self.assertClose(found["relative_gap"], report["relative_gap"], 1e-13, scale=1)
        refused = self.dropcl("certify", "M.csv", "fit/U.npy", "fit/V.npy", "--lambda", 1, "--entries", "--baseline",
                              "fit", status=INPUT)
        self.assertIn("fit is of the logistic loss", refused.err)

    def test_a_completion_without_factors_is_certified_too(self):
        self.dropcl("complete", self.triplets(), "-o", "fit", "--holdout", 0, "--lambda", 1000)
        found = self.certify("M.csv", "fit/U.npy", "fit/V.npy", "--entries", "--baseline", "fit", "--lambda", 1000)
        self.assertEqual((found["width"], found["rank"], found["status"]), (0, 0, "certified"))

    def test_what_coordinates_do_not_list_is_missing(self):
        self.write("Y.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 3\n2 2 4\n")
        for name in ("U.npy", "V.npy"):
            self.save(name, numpy.zeros((2, 1)))
        found = self.certify("Y.mtx", "U.npy", "V.npy", "--entries", "--lambda", 1, status=TOLERANCE)
        self.assertEqual((found["entries"], found["objective"]), (2, 25))
        self.assertEqual(self.certify("Y.mtx", "U.npy", "V.npy", "--lambda", 1, status=TOLERANCE)["entries"], 4)

    def test_signs_may_be_0_and_1_and_weights_count(self):
        self.write("Y.csv", "a,x,0,2\nb,y,1,3\n")
        for name in ("U.npy", "V.npy"):
            self.save(name, numpy.zeros((2, 1)))
        found = self.certify("Y.csv", "U.npy", "V.npy", "--entries", "--weights", "--loss", "logistic", "--lambda", 1,
                             status=TOLERANCE)
        self.assertClose(found["objective"], 5 * numpy.log(2), 1e-12)

    def test_factors_without_units_are_certified(self):
        """Where the optimum is zero, `grow` and `complete` leave no columns."""
        self.save("Y.npy", numpy.random.default_rng(1).normal(size=(12, 9)))
        self.dropcl("factorize", "Y.npy", "-o", "grown", "--solver", "grow", "--lambda", 100)
        self.dropcl("complete", self.triplets(), "-o", "fit", "--holdout", 0, "--lambda", 1e4)
        for name, folder, options in (("Y.npy", "grown", ("--lambda", 100)),
                                      ("M.csv", "fit", ("--lambda", 1e4, "--entries", "--baseline", "fit"))):
            factors = [self.path(f"{folder}/{side}.npy") for side in "UV"]
            self.assertEqual([numpy.load(file).shape[1] for file in factors], [0, 0])
            found = self.certify(name, *factors, *options, "--tolerance", 1e-6)
            report = json.loads(self.path(f"{folder}/report.json").read_text(encoding="utf-8"))
            self.assertEqual((found["width"], found["rank"]), (0, 0))
            self.assertClose(found["objective"], report["objective"], 1e-9)

    def test_contradictions_are_refused(self):
        self.dropcl("complete", self.triplets(), "-o", "fit", "--holdout", 0, "--lambda", 2)
        factors = ("fit/U.npy", "fit/V.npy", "--lambda", 2)
        self.assertIn("belong to --entries", self.dropcl("certify", "M.csv", *factors, "--weights", status=USAGE).err)
        self.write("other.csv", "a,x,1\nb,y,2\n")
        refused = self.dropcl("certify", "other.csv", *factors, "--entries", "--baseline", "fit", status=INPUT)
        self.assertIn("fit is of a 30 x 20 matrix, but other.csv holds one of 2 x 2", refused.err)
        lines = self.path("M.csv").read_text(encoding="utf-8").splitlines()
        self.write("turned.csv", "\n".join([lines[0], *reversed(lines[1:])]) + "\n")
        refused = self.dropcl("certify", "turned.csv", *factors, "--entries", "--baseline", "fit", status=INPUT)
        self.assertIn("the rows of turned.csv are others than those of fit, or in another order", refused.err)
        refused = self.dropcl("certify", "M.csv", *factors, "--entries", "--baseline", ".", status=INPUT)
        self.assertIn("model.json", refused.err)


if __name__ == "__main__":
    unittest.main()
