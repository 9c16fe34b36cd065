"""test_complete.py: `dropcl complete` and `predict`: missing entries, from clean data and from bad."""
import csv
import json
import re
import unittest

import numpy

from common import REPORT_KEYS, RUSTICL, Case, has_rusticl

NOISE = 0.1


def ratings(rows=120, columns=90, rank=3, share=0.35, biases=1):
    """A matrix with biases, and which of its entries are known, with noise."""
    draw = numpy.random.default_rng(4)
    low = 2 * draw.normal(size=(rows, rank)) @ draw.normal(size=(rank, columns))
    full = 3 + biases * (draw.normal(size=(rows, 1)) + draw.normal(size=(1, columns))) + low
    known = draw.random((rows, columns)) < share
    return full, known, full + NOISE * draw.normal(size=full.shape)


class Complete(Case):
    def triplets(self, name="M.csv", known=None, first="user,film,rating", **shape):
        _, drawn, noisy = ratings(**shape)
        known = drawn if known is None else known
        lines = [f"user {a},{b + 1},{noisy[a, b]!r}" for a, b in zip(*numpy.nonzero(known))]
        return self.write(name, "\n".join([first, *lines]) + "\n")

    def write(self, name, text):
        self.path(name).write_text(text, encoding="utf-8")
        return name

    def complete(self, name, *options, status=0, environment=None):
        extra = {"environment": environment} if environment else {}
        self.dropcl("complete", name, "-o", "fit", *options, status=status, **extra)
        return json.loads(self.path("fit/report.json").read_text(encoding="utf-8"))

    def refuse(self, name, message, *options, status=3):
        """Nothing is left behind, and the message says what is wrong."""
        result = self.dropcl("complete", name, "-o", "fit", *options, status=status)
        self.assertIn(message, result.err)
        self.assertFalse(self.path("fit").exists())


class Recovery(Complete):
    def test_low_rank_data_come_back_to_the_noise(self):
        full, known, _ = ratings(200, 150, share=0.6, biases=0)
        shrunk = self.complete(self.triplets(rows=200, columns=150, share=0.6, biases=0), "--bias", "none")
        report = self.complete("M.csv", "--bias", "none", "--unshrink")
        for each in (shrunk, report):
            self.assertEqual(each["status"], "certified")
            self.assertLessEqual(each["relative_gap"], 1e-4)
        self.assertLessEqual(report["rank"], 8)         # 3, one for the constant 3, and what the holdout lets pass
        self.assertLess(report["holdout_rmse"], shrunk["holdout_rmse"])
        # With 1400 numbers estimated from 16000 entries, an error of 1.04 times the noise cannot be beaten.
        self.assertLess(report["holdout_rmse"], 1.25 * NOISE)
        u, v, b, c = (numpy.load(self.path(f"fit/{name}.npy")) for name in ("U", "V", "row_bias", "column_bias"))
        rows, columns = (self.path(f"fit/{name}.csv").read_text(encoding="utf-8") for name in ("rows", "columns"))
        order = [int(name.strip('"').split()[1]) for name in rows.splitlines()[1:]]
        self.assertEqual(columns.splitlines()[1], '"1"')
        error = (report["mean"] + b + c.T + u @ v.T - full[order])[~known[order]]
        self.assertLess(numpy.sqrt((error ** 2).mean()), 0.75 * NOISE)

    def test_the_report_and_the_tables_hold_what_they_should(self):
        report = self.complete(self.triplets(), "--path", 4, "--share", 0.1)
        missing = set(REPORT_KEYS) - set(report) - {"steps", "seconds_to_first_step", "optimum", "tau",
                                                    "singular_values"}
        self.assertEqual(missing, set())
        with open(self.path("fit/path.csv"), newline="", encoding="ascii") as stream:
            path = list(csv.DictReader(stream))
        self.assertEqual(len(path), len(report["path"]))
        errors = [point["holdout_rmse"] for point in report["path"]]
        self.assertEqual(min(errors), report["holdout_rmse"])
        self.assertEqual(int(path[0]["rank"]), 0)
        self.assertClose(errors[0], report["baseline_rmse"], 1e-6)
        for point in report["path"]:
            self.assertLessEqual(point["lower_bound"], point["objective"])
        self.assertEqual(report["training_entries"] + report["holdout_entries"], report["entries"])

    def test_the_same_seed_gives_the_same_bytes(self):
        bytes_of = []
        for seed in (1, 1, 2):
            self.complete(self.triplets(), "--path", 3, "--share", 0.2, "--seed", seed)
            bytes_of.append([self.path(f"fit/{name}").read_bytes() for name in ("U.npy", "V.npy", "row_bias.npy")])
        self.assertEqual(bytes_of[0], bytes_of[1])
        self.assertNotEqual(bytes_of[0], bytes_of[2])

    def test_a_choice_at_an_end_of_the_path_is_said(self):
        """Noiseless data want the least penalty there is, and noise alone wants no factors."""
        draw = numpy.random.default_rng(7)
        u, v = draw.normal(size=(60, 2)), draw.normal(size=(50, 2))
        for matrix, hint in ((u @ v.T, "the last lambda of the path is chosen: --share below 0.5"),
                             (draw.normal(size=(60, 50)), "the largest lambda is chosen"), (None, None)):
            if matrix is not None:
                self.save("M.npy", numpy.where(draw.random((60, 50)) < 0.5, matrix, numpy.nan))
            options = ("--bias", "none", "--path", 4, "--share", 0.5) if hint else ("--lambda", 3)
            shown = self.dropcl("complete", "M.npy", "-o", "fit", *options).out
            self.assertEqual([hint in line for line in shown.splitlines() if line.startswith("hint")],
                             [True] if hint else [])

    def test_the_picture_marks_what_was_chosen(self):
        """By a large dot: among the errors, near the least of the holdout, and at the rank, and in their legends."""
        for options, dots in ((("--path", 4), 6), (("--lambda", 3), 0)):
            self.complete(self.triplets(), *options)
            picture = self.path("fit/report.svg").read_text(encoding="utf-8")
            self.assertEqual(len(re.findall("stroke-width:6;", picture)), dots)

    def test_a_holdout_of_ones_own_and_a_lambda(self):
        _, known, _ = ratings()
        test = known & (numpy.random.default_rng(5).random(known.shape) < 0.2)
        self.triplets("test.csv", test)
        report = self.complete(self.triplets("train.csv", known & ~test), "--holdout", "test.csv", "--lambda", 3)
        self.assertEqual((report["holdout_entries"], len(report["path"])), (test.sum(), 1))
        report = self.complete("train.csv", "--holdout", 0, "--lambda", 3)
        self.assertIsNone(report["holdout_rmse"])

    def test_what_is_tested_has_chosen_nothing(self):
        """A test of a file changes no byte of the model, and its errors are those of the predictions."""
        full, known, noisy = ratings()
        test = known & (numpy.random.default_rng(5).random(known.shape) < 0.2)
        self.triplets("test.csv", test)
        options = (self.triplets("train.csv", known & ~test), "--path", 4, "--share", 0.1)
        self.complete(*options)
        alone = [self.path(f"fit/{name}").read_bytes() for name in ("U.npy", "V.npy", "row_bias.npy", "model.json")]
        report = self.complete(*options, "--test", "test.csv")
        self.assertEqual(alone, [self.path(f"fit/{name}").read_bytes()
                                 for name in ("U.npy", "V.npy", "row_bias.npy", "model.json")])
        places = numpy.argwhere(test)
        self.write("pairs.csv", "".join(f"user {a},{b + 1}\n" for a, b in places))
        rows = csv.reader(self.dropcl("predict", "fit", "pairs.csv").out.splitlines()[1:])
        rests = noisy[test] - [float(row[2]) for row in rows]
        self.assertEqual(report["test_entries"], test.sum())
        self.assertClose(report["test_rmse"], numpy.sqrt((rests ** 2).mean()), 1e-6)
        self.assertClose(report["test_mae"], numpy.abs(rests).mean(), 1e-6)
        self.assertLess(report["test_rmse"], report["baseline_test_rmse"])

    def test_a_drawn_test_is_left_out_of_everything(self):
        shown = self.dropcl("complete", self.triplets(), "-o", "fit", "--test", 0.2, "--path", 3).out
        report, model = (json.loads(self.path(f"fit/{name}.json").read_text(encoding="utf-8"))
                         for name in ("report", "model"))
        parts = [report[f"{part}_entries"] for part in ("training", "holdout", "test")]
        self.assertEqual(sum(parts), report["entries"])
        for found, share in zip(parts, (0.72, 0.08, 0.2)):
            self.assertClose(found, share * report["entries"], 0.2)
        self.assertEqual([model[key] for key in ("test_share", "holdout_share", "seed")], [0.2, 0.1, 1])
        self.assertIn(f"holdout {parts[1]}, test {parts[2]}\n", shown)
        self.assertRegex(shown, r"on the holdout that chose it\n +rmse [\d.]+, mae [\d.]+ on the test \(biases alone: ")
        self.assertIsNone(self.complete("M.csv", "--lambda", 9)["test_rmse"])

    def test_a_path_of_one_is_the_share_of_the_largest(self):
        largest = self.complete(self.triplets(), "--path", 2, "--share", 0.5)["path"][0]["lambda"]
        report = self.complete("M.csv", "--path", 1, "--share", 0.2)
        self.assertClose(report["lambda"], 0.2 * largest, 1e-12)
        self.assertGreater(report["rank"], 0)

    def test_why_there_is_no_certificate_is_said(self):
        self.triplets()
        refused = self.dropcl("complete", "M.csv", "-o", "fit", "--rank", 1, "--lambda", 2, "--dtype", "f64", status=5)
        report = json.loads(self.path("fit/report.json").read_text(encoding="utf-8"))
        self.assertIn("--rank", report["reason"])
        self.assertEqual(report["path"][0]["reason"], report["reason"])
        self.assertIn(f"reason         {report['reason']}\n", refused.out)
        self.assertIn(f"the tolerance was not reached: {report['reason']}\n", refused.err)

    def test_how_far_the_bound_can_be_trusted_is_said(self):
        shown = self.dropcl("complete", self.triplets(), "-o", "fit", "--lambda", 20).out
        self.assertIn("proof          the lower bound is true, rounding included\n", shown)
        report = json.loads(self.path("fit/report.json").read_text(encoding="utf-8"))
        self.assertEqual((report["proof"], report["failure"], report["path"][0]["failure"]), ("rigorous", 0, 0))

    def test_what_predicts_without_factors_has_its_name(self):
        sign = "a,x,-1\na,y,1\nb,x,1\nb,y,-1\n"
        for options, name, bias in ((("--bias", "both"), "biases alone", "both"), ((), "biases alone", "both"),
                                    (("--bias", "mean"), "the mean alone", "mean"),
                                    (("--bias", "none"), "nothing (0)", "none"),
                                    (("--loss", "logistic"), "nothing (0)", "none")):
            shown = self.dropcl("complete", self.write("M.csv", sign), "-o", "fit", "--holdout", 0, "--lambda", 1,
                                *options).out
            self.assertRegex(shown, rf"\n{re.escape(name)} +rmse ")
            report = json.loads(self.path("fit/report.json").read_text(encoding="utf-8"))
            self.assertEqual(report["bias"], bias)

    def test_tables_are_those_of_growth(self):
        self.complete(self.triplets(), "--path", 2)
        self.factorize(numpy.eye(6), "--solver", "grow", "--path", 2, out="grown")
        heads = [[self.path(f"{folder}/{name}.csv").read_text(encoding="ascii").splitlines()[0]
                  for folder in ("grown", "fit")] for name in ("history", "path")]
        self.assertEqual(heads[0][0], heads[0][1])
        self.assertEqual(heads[1][0] + ",training_rmse,holdout_rmse,holdout_mae", heads[1][1])

    def test_weights_of_a_holdout_file_weigh_its_errors(self):
        self.write("M.csv", "a,x,1,1\na,y,3,1\nb,x,4,1\nb,y,6,1\n")
        self.write("test.csv", "a,x,2,3\nb,y,8,0.5\n")
        report = self.complete("M.csv", "--weights", "--holdout", "test.csv", "--lambda", 1)
        self.write("pairs.csv", "a,x\nb,y\n")
        rows = csv.reader(self.dropcl("predict", "fit", "pairs.csv").out.splitlines()[1:])
        rests = numpy.array([2.0, 8.0]) - [float(row[2]) for row in rows]
        self.assertClose(report["holdout_rmse"], numpy.sqrt((3 * rests[0] ** 2 + 0.5 * rests[1] ** 2) / 3.5), 1e-6)
        self.write("test.csv", "a,x,2\nb,y,8\n")
        self.path("fit").rename(self.path("before"))
        self.refuse("M.csv", "test.csv: line 1 has 3 fields, but 4 are needed", "--weights", "--holdout", "test.csv",
                    "--lambda", 1)

    def test_a_holdout_file_that_is_trained_with_is_said(self):
        self.write("M.csv", "a,x,1\na,y,3\nb,x,4\nb,y,6\nb,z,5\n")
        self.write("test.csv", "a,x,1\nb,z,8\na,z,2\na,z,2\n")
        shown = self.dropcl("complete", "M.csv", "-o", "fit", "--holdout", "test.csv", "--lambda", 1).out
        self.assertIn("2 of the 3 entries of the holdout are trained with", shown)
        self.assertIn("duplicates     1 in the holdout", shown)

    def test_signs_by_the_logistic_loss(self):
        full, known, _ = ratings()
        sign = (full > numpy.median(full)).astype(int)
        self.write("M.csv", "".join(f"{a},{b},{sign[a, b]}\n" for a, b in zip(*numpy.nonzero(known))))
        report = self.complete("M.csv", "--loss", "logistic", "--path", 6)
        self.assertEqual((report["loss"], report["status"]), ("logistic", "certified"))
        self.assertLess(report["holdout_rmse"], 0.8 * report["path"][0]["holdout_rmse"])

    @unittest.skipUnless(has_rusticl(), "this needs Mesa's rusticl (Debian: mesa-opencl-icd)")
    def test_another_implementation_agrees(self):
        options = ("--lambda", 10, "--tolerance", 1e-5)
        here = self.complete(self.triplets(), *options)
        there = self.complete("M.csv", *options, "--device", "llvmpipe", environment=RUSTICL)
        self.assertClose(there["objective"], here["objective"], 2e-5)


def alternate(y, known, lam, width, rounds=150):
    """The least explicit objective of dropout that exact minimisation over U and V in turns comes to."""
    v = numpy.random.default_rng(0).normal(size=(y.shape[1], width))
    for turn in range(2 * rounds):
        here, there = (y, known) if turn % 2 == 0 else (y.T, known.T)
        squares = numpy.einsum("ab,bi,bj->aij", there, v, v)
        penalty = lam * numpy.einsum("aii->ai", squares)[:, :, None] * numpy.eye(width)
        u, v = v, numpy.linalg.solve(squares + penalty, ((there * here) @ v)[:, :, None])[:, :, 0]
    return dropout_objective(y, known, lam, u, v)


def dropout_objective(y, known, lam, u, v):
    return ((y - u @ v.T)[known] ** 2).sum() + lam * ((u ** 2) @ (v ** 2).T)[known].sum()


class Dropout(Complete):
    """Training under dropout on the entries ends at the least explicit objective, and claims no certificate."""

    def test_training_comes_to_the_least_explicit_objective(self):
        draw = numpy.random.default_rng(6)
        y = draw.normal(size=(60, 3)) @ draw.normal(size=(3, 50)) + 0.1 * draw.normal(size=(60, 50))
        known = draw.random(y.shape) < 0.5
        self.save("M.npy", numpy.where(known, y, numpy.nan))
        for retain in (0.5, 0.8):
            report = self.complete("M.npy", "--noise", "dropout", "--retain", retain, "--rank", 4, "--bias", "none",
                                   "--holdout", 0, "--steps", 4000)
            u, v = (numpy.load(self.path(f"fit/{name}.npy")) for name in "UV")
            objective = dropout_objective(y, known, 1 / retain - 1, u, v)
            self.assertClose(report["objective"], objective, 1e-12)
            self.assertLess(objective, 1.01 * alternate(y, known, 1 / retain - 1, 4))
            self.assertLess(report["lower_bound"], objective)

    def test_the_report_says_what_was_done_and_that_no_gap_is_claimed(self):
        report = self.complete(self.triplets(), "--noise", "dropout", "--retain", 0.9, "--rank", 4)
        self.assertEqual([report[key] for key in ("noise", "solver", "penalty", "steps", "status", "exact")],
                         ["dropout", "stochastic", "dropout", 2000, "converged", False])
        self.assertClose(report["retain"], 0.9, 1e-12)
        self.assertClose(report["lambda"], 1 / 9, 1e-12)
        self.assertLess(report["holdout_rmse"], 0.3 * report["baseline_rmse"])
        self.assertEqual(report["objective"], report["data_term"] + report["regularizer"])
        history = self.path("fit/history.csv").read_text(encoding="ascii").splitlines()
        self.assertGreater(len(history), 20)
        again = self.complete("M.csv", "--noise", "dropout", "--lambda", 1 / 9, "--rank", 4)
        self.assertClose(again["objective"], report["objective"], 1e-6)

    def test_weights_count(self):
        self.write("M.csv", "a,x,1,1\na,x,5,3\nb,y,2,1\n")
        report = self.complete("M.csv", "--weights", "--noise", "dropout", "--rank", 1, "--holdout", 0, "--bias",
                               "none")
        # Each entry alone: the least w ((y - x)^2 + x^2) is w y^2 / 2, and rank one reaches it: nothing ties entries
        # here.
        self.assertClose(report["lower_bound"], (4 * 16 + 4) / 2, 1e-9)
        self.assertClose(report["objective"], (4 * 16 + 4) / 2, 1e-2)

    def test_options_of_growth_are_refused(self):
        name = self.triplets()
        for message, *options in (("needs --rank", ), ("no certificate is known", "--rank", 2, "--tolerance", 0.1),
                                  ("above 0", "--rank", 2, "--retain", 0),
                                  ("give one", "--rank", 2, "--retain", 0.5, "--lambda", 1),
                                  ("go without", "--rank", 2, "--unshrink")):
            self.refuse(name, message, "--noise", "dropout", *options, status=2)
        self.refuse(name, "belong to --noise", "--retain", 0.5, status=2)

    @unittest.skipUnless(has_rusticl(), "this needs Mesa's rusticl (Debian: mesa-opencl-icd)")
    def test_another_implementation_draws_the_same_masks(self):
        options = ("--noise", "dropout", "--rank", 3, "--steps", 200)
        here = self.complete(self.triplets(), *options)
        there = self.complete("M.csv", *options, "--device", "llvmpipe", environment=RUSTICL)
        self.assertClose(there["objective"], here["objective"], 1e-3)


class Predict(Complete):
    def test_predictions_go_by_names(self):
        full, known, _ = ratings()
        self.complete(self.triplets(), "--share", 0.02, "--path", 12)
        self.write("pairs.csv", "user,film\nuser 7,12\nuser 0,1\n")
        notices = ["pairs.csv: the first line is a header: user,film"]
        lines = self.dropcl("predict", "fit", "pairs.csv", notices=notices).out.splitlines()
        self.assertEqual(lines[0], "row,column,prediction")
        self.assertTrue(lines[1].startswith('"user 7","12",'))
        self.assertLess(abs(float(lines[1].split(",")[2]) - full[7, 11]), 2)
        self.dropcl("predict", "fit", "pairs.csv", "-o", "p.csv", notices=notices)
        self.assertEqual(self.path("p.csv").read_text().splitlines(), lines)

    def test_unknown_names_are_refused_or_get_the_mean(self):
        report = self.complete(self.triplets(), "--lambda", 50)
        self.write("pairs.csv", "user 1,12\nnobody,12\nuser 1,unseen\nnobody,unseen\n")
        self.assertIn("pairs.csv: line 2", self.dropcl("predict", "fit", "pairs.csv", status=3).err)
        bias = numpy.load(self.path("fit/column_bias.npy"))[11, 0]
        shown = list(csv.reader(self.dropcl("predict", "fit", "pairs.csv", "--unknown", "mean").out.splitlines()))
        self.assertClose(float(shown[2][2]), report["mean"] + bias, 1e-6)
        self.assertEqual([row[:2] for row in shown[2:]], [["nobody", "12"], ["user 1", "unseen"], ["nobody", "unseen"]])

    def test_what_follows_a_pair_is_passed_over(self):
        self.complete(self.triplets(), "--lambda", 50)
        self.write("pairs.csv", "user 1,12,first,1\nuser 2,12,second,2\n")
        self.assertEqual(len(self.dropcl("predict", "fit", "pairs.csv").out.splitlines()), 3)

    def test_names_may_hold_quotes(self):
        self.write("M.csv", 'item,shop,price\n5" disc,a,1\n"3"" disc",a,2\n5" disc,b,3\n"3"" disc",b,5\n')
        self.complete("M.csv", "--holdout", 0, "--lambda", 0.1)
        self.write("pairs.csv", '"5"" disc",b\n"3"" disc",b\n')
        shown = list(csv.reader(self.dropcl("predict", "fit", "pairs.csv").out.splitlines()))
        self.assertEqual([row[:2] for row in shown[1:]], [['5" disc', "b"], ['3" disc', "b"]])

    def test_signs_are_clipped_to_signs(self):
        """0 and 1 stand for -1 and 1, with a holdout as without."""
        full, known, _ = ratings()
        sign = (full > numpy.median(full)).astype(int)
        self.write("M.csv", "".join(f"{a},{b},{sign[a, b]}\n" for a, b in zip(*numpy.nonzero(known))))
        a, b = numpy.argwhere(known & (sign == 0))[0]
        self.write("pairs.csv", f"{a},{b}\n")
        for holdout in (0, 0.1):
            self.complete("M.csv", "--loss", "logistic", "--lambda", 2, "--holdout", holdout)
            shown = [self.dropcl("predict", "fit", "pairs.csv", *clip).out for clip in ((), ("--clip",))]
            self.assertEqual(shown[0], shown[1])
            self.assertLess(float(shown[1].splitlines()[1].split(",")[2]), 0)

    def test_a_model_of_another_loss_is_refused(self):
        self.complete(self.triplets(), "--lambda", 50)
        model = self.path("fit/model.json")
        model.write_text(model.read_text(encoding="utf-8").replace("squared", "hinge"), encoding="utf-8")
        self.write("pairs.csv", "user 1,12\n")
        self.assertIn("model.json: there is no loss hinge", self.dropcl("predict", "fit", "pairs.csv", status=3).err)

    def test_factors_of_another_run_are_not_taken_for_those_of_the_model(self):
        self.write("pairs.csv", "user 1,12\n")
        for command in (["factorize", "--rank", 2, "--steps", 1], ["factorize", "--solver", "grow", "--share", 0.9],
                        ["threshold", "--tau", 1]):
            self.complete(self.triplets(), "--lambda", 50)
            self.save("Y.npy", numpy.eye(9, 5))
            self.dropcl(command[0], "Y.npy", "-o", "fit", *command[1:])
            self.assertIn("model.json", self.dropcl("predict", "fit", "pairs.csv", status=3).err)
            self.assertFalse(self.path("fit/path.csv").exists())

    def test_a_folder_without_a_model_is_refused(self):
        self.write("pairs.csv", "1,1\n")
        self.assertIn("./model.json: there is no model of `dropcl complete` in this folder",
                      self.dropcl("predict", ".", "pairs.csv", status=3).err)


class FurtherFields(Complete):
    """MovieLens: user, film, rating, time."""

    def setUp(self):
        super().setUp()
        lines = self.path(self.triplets()).read_text(encoding="utf-8").splitlines()[1:]
        numbers = [line.removeprefix("user ").split(",") for line in lines]
        # Every seventh of the times is 1, so that as weights they would count.
        self.entries = [[*entry, "1" if i % 7 else "1260759144"] for i, entry in enumerate(numbers)]
        self.rows = ["".join(f"{field}," for field in entry[:3])[:-1] for entry in self.entries]

    def table(self, name, separator, first=None, weights=None):
        lines = [separator.join(entry if weights is None else [*entry[:3], weights]) for entry in self.entries]
        return self.write(name, "\n".join([first, *lines] if first else lines) + "\n")

    def factors(self, name, *options):
        self.complete(name, "--lambda", 50, *options)
        return [self.path(f"fit/{file}").read_bytes() for file in ("U.npy", "V.npy", "row_bias.npy", "column_bias.npy")]

    def test_they_are_passed_over(self):
        wanted = self.factors(self.write("three.csv", "\n".join(self.rows) + "\n"))
        with_index = [f"{i},{row}" for i, row in enumerate(self.rows)]
        for name in (self.table("ratings.csv", ",", "userId,movieId,rating,timestamp"), self.table("u.data", "\t"),
                     self.write("pandas.csv", "\n".join([",user,film,rating", *with_index]) + "\n")):
            self.assertEqual(self.factors(name, "--layout", "triplets"), wanted, name)

    def test_the_fourth_is_the_weight_where_that_is_asked_for(self):
        self.table("M.csv", ",", "user,film,rating,weight", weights="2")
        self.assertEqual(self.factors("M.csv", "--layout", "triplets", "--weights"), self.factors("M.csv", "--weights"))
        self.assertNotEqual(self.factors("M.csv", "--layout", "triplets"), self.factors("M.csv", "--weights"))

    def test_they_are_no_matrix_in_which_nothing_is_missing(self):
        message = f"in this matrix, {len(self.entries)} x 4, nothing is missing"
        for name in (self.table("ratings.csv", ",", "userId,movieId,rating,timestamp"), self.table("u.data", "\t")):
            self.refuse(name, message)
            self.refuse(name, "--layout triplets")


class BadInput(Complete):
    def test_an_entry_listed_twice_counts_once(self):
        self.write("M.csv", "a,x,1\na,x,3\nb,x,4\nb,y,5\na,y,2\n")
        result = self.dropcl("complete", "M.csv", "-o", "fit", "--holdout", 0, "--lambda", 0.1)
        self.assertIn("duplicates     1 (an entry that is listed again", result.out)
        report = json.loads(self.path("fit/report.json").read_text(encoding="utf-8"))
        self.assertEqual((report["entries"], report["duplicates"]), (4, 1))

    def test_text_infinity_and_positions_outside_are_refused(self):
        self.refuse(self.write("M.csv", "a,x,1\nb,y,good\n"), 'line 2: the value "good"')
        self.refuse(self.write("M.csv", "a,x,inf\n"), "not a finite number")
        head = "%%MatrixMarket matrix coordinate real general\n"
        self.refuse(self.write("M.mtx", head + "3 3 1\n4 1 2.5\n"), "outside of the 3x3 matrix")

    def test_a_first_line_with_a_mistyped_value_is_no_header(self):
        self.refuse(self.write("M.csv", "a;x;4,5\nb;y;2\n"), 'M.csv: line 1: the value "4,5" is not a finite number')
        self.refuse(self.write("M.csv", "a,x,o3\na,y,2\n"), 'M.csv: line 1: the value "o3" is not a finite number')
        self.write("M.csv", "a,x,1\nb,y,2\na,y,1\n")
        self.refuse("M.csv", 'test.csv: line 1: the value "o3"', "--holdout", self.write("test.csv", "a,z,o3\na,y,2\n"))

    def test_a_header_is_said(self):
        self.write("M.csv", "user,film,rating\na,x,1\nb,y,2\na,y,1\n")
        shown = self.dropcl("complete", "M.csv", "-o", "fit", "--holdout", 0, "--lambda", 1).out
        self.assertIn("header         user,film,rating (the first line of the entries)\n", shown)
        report = self.complete("M.csv", "--holdout", self.write("test.csv", "a,x,3\n"), "--lambda", 1)
        self.assertEqual((report["header"], report["holdout_header"]), (True, False))

    def test_values_that_the_loss_does_not_allow_are_refused_with_the_file(self):
        self.refuse(self.write("M.csv", "a,x,3\nb,y,1\n"),
                    'M.csv: the entry in row "a", column "x" is 3, but the logistic loss is for -1 or 1, or 0 and 1',
                    "--loss", "logistic")
        self.write("M.csv", "a,x,0\nb,y,1\nb,x,1\n")
        self.write("test.csv", "a,y,0.5\n")
        self.refuse("M.csv", 'test.csv: the entry in row "a", column "y" is 0.5', "--loss", "logistic", "--holdout",
                    "test.csv", "--lambda", 1)
        for matrix, where in (([[1, 0], [numpy.nan, 2]], "row 2, column 2 is 2"),
                              ([[1, 0], [numpy.nan, -1]], "row 1, column 2 is 0")):
            self.save("M.npy", numpy.array(matrix))
            self.refuse("M.npy", f"M.npy: the entry in {where}", "--loss", "logistic")

    def test_weights_that_are_not_there_are_refused(self):
        self.refuse(self.write("M.csv", "1,7,4\n2,8,2\n"), "weights are the fourth field", "--weights")

    def test_options_out_of_range_and_contradictions_are_refused(self):
        name = self.triplets()
        for message, *options in (("--share is -1", "--share", -1), ("--share is 1", "--share", 1),
                                  ("--tolerance: '-1' must be", "--tolerance", -1),
                                  ("and go without --lambda", "--lambda", 1, "--path", 3),
                                  ("and go without --lambda", "--lambda", 1, "--share", 0.5),
                                  ("which --lambda is best", "--holdout", "0.0")):
            self.refuse(name, message, *options, status=2)

    def test_without_a_holdout_errors_are_those_of_training(self):
        self.write("M.csv", "a,x,1\na,y,3\nb,x,4\nb,y,5\n")
        shown = self.dropcl("complete", "M.csv", "-o", "fit", "--holdout", "0.0", "--lambda", 0.1).out
        self.assertRegex(shown, r"biases alone   rmse [\d.e-]+ in training\n")
        self.assertRegex(shown, r"mae [\d.e-]+ in training\n")
        self.assertNotIn("nan", shown)
        picture = self.path("fit/report.svg").read_text(encoding="utf-8")
        self.assertIn("stroke-width:3.6;", picture)         # the error in training, but no key of a holdout
        self.assertNotRegex(picture, r"stroke-width:3\.6;[^>]*stroke:rgb\(83")

    def test_nothing_known_is_refused(self):
        self.refuse(self.write("M.csv", "user,film,rating\n"), "no entry")
        self.refuse(self.write("N.csv", "NaN,NaN,NaN,NaN\n"), "no entry")
        self.refuse(self.write("M.mtx", "%%MatrixMarket matrix coordinate real general\n3 3 0\n"), "no entry")

    def test_one_entry_is_its_own_mean(self):
        self.write("M.csv", "a,x,4\n")
        self.refuse("M.csv", "leaves one part empty", status=2)
        report = self.complete("M.csv", "--holdout", 0, "--lambda", 1)
        self.assertEqual((report["mean"], report["rank"], report["status"]), (4, 0, "certified"))

    def test_empty_rows_and_columns_are_predicted_by_what_is_known(self):
        self.write("M.mtx", "%%MatrixMarket matrix coordinate real general\n4 3 4\n1 1 1\n1 2 2\n2 1 3\n2 2 5\n")
        report = self.complete("M.mtx", "--holdout", 0, "--lambda", 0.5)
        self.assertEqual((report["empty_rows"], report["empty_columns"]), (2, 1))
        self.write("pairs.csv", "4,3\n")
        shown = self.dropcl("predict", "fit", "pairs.csv").out.splitlines()[1]
        self.assertClose(float(shown.split(",")[2]), report["mean"], 1e-6)

    def test_everything_in_one_row(self):
        self.write("M.csv", "".join(f"a,{b},{b}\n" for b in range(8)))
        report = self.complete("M.csv", "--holdout", 0, "--lambda", 0.5)
        self.assertEqual((report["rows"], report["columns"], report["status"]), (1, 8, "certified"))

    def test_a_constant_matrix_leaves_nothing_to_factors(self):
        self.write("M.csv", "".join(f"{a},{b},2.5\n" for a in range(4) for b in range(4) if a != b))
        report = self.complete("M.csv", "--holdout", 0, "--lambda", 0)
        self.assertEqual((report["mean"], report["rank"]), (2.5, 0))

    def test_a_holdout_that_cannot_be_is_refused(self):
        self.triplets()
        self.refuse("M.csv", "which --lambda is best", "--holdout", 0, status=2)
        self.write("other.csv", "nobody,1,3\n")
        for option in ("--holdout", "--test"):
            self.refuse("M.csv", f"{option} 1.5: a share of the entries must be below 1", option, 1.5, status=2)
            self.refuse("M.csv", "leaves one part empty", option, 1e-9, status=2)
            self.refuse("M.csv", "there is no such file", option, "nowhere.csv")
            self.refuse("M.csv", 'the row "nobody" is not among', option, "other.csv")


if __name__ == "__main__":
    unittest.main()
