"""test_folder.py: the folder for results: nothing of the user's is lost in it, nothing stale stays beside new ones."""
import json
import os
import resource
import signal
import subprocess
import unittest

import numpy

from common import PROGRAM, Case, small

INPUT, USAGE = 3, 2

# Commands by their files, read from the folder above, with what each leaves in its own.
RUNS = {
    "factorize": (["factorize", "Y.npy", "--rank", 3, "--steps", 5], "U.npy V.npy history.csv"),
    "grow": (["factorize", "Y.npy", "--solver", "grow", "--share", 0.5, "--path", 2],
             "U.npy V.npy history.csv path.csv"),
    "complete": (["complete", "M.csv", "--lambda", 1, "--holdout", 0], "U.npy V.npy row_bias.npy column_bias.npy "
                 "model.json rows.csv columns.csv path.csv history.csv"),
    "threshold": (["threshold", "Y.npy", "--rank", 3], "U.npy V.npy singular_values.npy"),
    "balance": (["balance", "A.npy", "B.npy"], "U.npy V.npy"),
    "train": (["train", "X.npy", "T.npy", "--epochs", 1, "--loss", "squared"],
              "weights.npz weights.safetensors history.csv"),
    "lab": (["lab", "dropconnect", "--quick"], "dropconnect.csv dropconnect.svg dropconnect.png"),
}
OF_A_RUN = '{"version": "1.0.0", "command": "train", "status": "unfinished"}'
WITHOUT_PICTURE = ("threshold", "balance", "lab")


class Folder(Case):
    def setUp(self):
        super().setUp()
        draw = numpy.random.default_rng(1)
        self.save("Y.npy", small())
        self.save("A.npy", draw.normal(size=(9, 4)))
        self.save("B.npy", draw.normal(size=(7, 4)))
        self.save("X.npy", draw.normal(size=(30, 5)))
        self.save("T.npy", draw.normal(size=30))
        self.path("M.csv").write_text("a,x,1\na,y,3\nb,x,4\nb,y,5\nc,x,2\n", encoding="ascii")

    def files(self, folder="."):
        return {str(path.relative_to(self.folder)): path.read_bytes()
                for path in self.path(folder).rglob("*") if path.is_file()}

    def refuse(self, *words, says, status):
        before = self.files()
        result = self.dropcl(*words, status=status)
        for text in says:
            self.assertIn(text, result.err)
        self.assertEqual(result.out, "")
        self.assertEqual(self.files(), before)

    def expected(self, name):
        pictures = "" if name in WITHOUT_PICTURE else " report.svg report.png"
        return set((RUNS[name][1] + " report.json" + pictures).split())


class Inputs(Folder):
    def test_no_command_writes_where_it_reads(self):
        for name in sorted(RUNS.keys() - {"lab"}):
            with self.subTest(name=name):
                self.refuse(*RUNS[name][0], "-o", ".", says=["lies in the folder for the results", "-o"], status=USAGE)

    def test_other_names_of_the_folder_are_no_way_around(self):
        self.path("data").mkdir()
        self.path("data/U.npy").symlink_to(self.path("Y.npy"))
        self.path("link.npy").symlink_to(self.path("data/Z.npy"))
        self.save("data/Z.npy", small())
        for matrix, out in (("data/U.npy", "data"), ("link.npy", "data"), ("data/Z.npy", self.path("data")),
                            ("data/Z.npy", "data/../data/")):
            self.refuse("factorize", matrix, "-o", out, says=["lies in the folder"], status=USAGE)

    def test_a_file_that_is_read_is_not_written(self):
        self.dropcl("complete", "M.csv", "-o", "fit", "--lambda", 1, "--holdout", 0)
        self.path("pairs.csv").write_text("a,x,my note\n", encoding="ascii")
        self.refuse("predict", "fit", "pairs.csv", "-o", "./pairs.csv", says=["./pairs.csv is read"], status=USAGE)
        self.refuse("certify", "Y.npy", "A.npy", "B.npy", "--lambda", 1, "-o", self.path("A.npy"),
                    says=["A.npy is read"], status=USAGE)

    def test_results_of_a_run_are_no_input_of_the_next_one_there(self):
        self.dropcl("threshold", "Y.npy", "-o", "fit")
        self.refuse("factorize", "fit/V.npy", "-o", "fit", says=["lies in the folder"], status=USAGE)
        self.refuse("factorize", "fit/U.npy", "-o", "fit", says=["lies in the folder"], status=USAGE)
        self.dropcl("complete", "M.csv", "-o", "done", "--lambda", 1, "--holdout", 0)
        self.path("held").mkdir()
        self.path("held/rows.csv").write_text("a,x,1\n", encoding="ascii")
        self.refuse("complete", "M.csv", "-o", "held", "--lambda", 1, "--holdout", "held/rows.csv",
                    says=["held/rows.csv lies in"], status=USAGE)

    def test_training_goes_on_from_weights_in_its_own_folder(self):
        words = [*RUNS["train"][0], "-o", "net"]
        self.dropcl(*words)
        self.dropcl(*words, "--weights", "net/weights.npz")


class Owners(Folder):
    def test_files_of_the_user_with_names_of_results_are_kept(self):
        for name in ("rows.csv", "path.csv", "model.json", "report.json", "U.npy", "weights.npz", "report.png"):
            folder = self.path("of " + name)
            folder.mkdir()
            (folder / name).write_text("mine", encoding="ascii")
            for run, (words, _) in RUNS.items():
                with self.subTest(name=name, run=run):
                    self.refuse(*words, "-o", folder, says=[f"of {name}/{name}: ", "choose a new folder"], status=INPUT)

    def test_a_page_or_an_experiment_of_the_user_is_kept(self):
        self.path("site").mkdir()
        self.path("site/index.html").write_text("mine", encoding="ascii")
        self.path("site/spectrum.csv").write_text("mine", encoding="ascii")
        self.refuse("lab", "all", "--quick", "-o", "site", says=["site/spectrum.csv: "], status=INPUT)
        self.dropcl("lab", "dropconnect", "--quick", "-o", "site")
        self.assertEqual(self.path("site/index.html").read_text(encoding="ascii"), "mine")

    def test_a_checkpoint_folder_of_the_user_is_kept(self):
        self.path("mine/checkpoint/step-3").mkdir(parents=True)
        self.save("mine/checkpoint/step-3/w.npy", numpy.ones(3))
        self.refuse(*RUNS["factorize"][0], "-o", "mine", says=["mine/checkpoint: "], status=INPUT)

    def test_files_with_other_names_are_no_hindrance(self):
        self.path("mine").mkdir()
        self.path("mine/notes.txt").write_text("mine", encoding="ascii")
        self.dropcl(*RUNS["factorize"][0], "-o", "mine")
        self.assertEqual(self.path("mine/notes.txt").read_text(encoding="ascii"), "mine")

    def test_a_folder_in_the_place_of_a_result_is_refused_before_anything_is_written(self):
        self.dropcl(*RUNS["factorize"][0], "-o", "fit")
        self.path("fit/rows.csv").mkdir()
        for run, (words, _) in RUNS.items():
            with self.subTest(run=run):
                self.refuse(*words, "-o", "fit", says=["fit/rows.csv: this is a folder"], status=INPUT)


class Leftovers(Folder):
    def test_every_command_forgets_what_all_of_them_may_have_left(self):
        names = {name for run in RUNS.keys() - {"lab"} for name in self.expected(run)}
        for run, (words, _) in RUNS.items():
            with self.subTest(run=run):
                self.path(run).joinpath("checkpoint").mkdir(parents=True)
                for name in (*names, "checkpoint/checkpoint.json"):
                    self.path(run).joinpath(name).write_text(OF_A_RUN, encoding="ascii")
                self.dropcl(*words, "-o", run)
                self.assertEqual(set(os.listdir(self.path(run))), self.expected(run))
                report = json.loads(self.path(run).joinpath("report.json").read_text(encoding="utf-8"))
                self.assertEqual(report["command"], words[0])

    def test_experiments_stay_beside_each_other(self):
        for name in ("dropconnect", "landscape"):
            self.dropcl("lab", name, "--quick", "-o", "lab")
        self.assertLess({"dropconnect.csv", "landscape.csv"}, set(os.listdir(self.path("lab"))))

    def test_what_an_unfinished_run_left_is_taken(self):
        self.path("fit").mkdir()
        self.path("fit/U.npy").write_bytes(b"half")
        self.path("fit/report.json").write_text(OF_A_RUN, encoding="ascii")
        self.dropcl(*RUNS["factorize"][0], "-o", "fit")
        self.assertEqual(set(os.listdir(self.path("fit"))), self.expected("factorize"))


class Pictures(Folder):
    def run_with_small_files(self, *words, most):
        """No file may be larger than so many bytes."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

        return subprocess.run([str(word) for word in (PROGRAM, *words)], cwd=self.folder, preexec_fn=limit,
                              capture_output=True, text=True, check=False)

    def test_a_picture_that_cannot_be_written_takes_no_result_along(self):
        for name in sorted(RUNS.keys() - set(WITHOUT_PICTURE)):
            with self.subTest(name=name):
                words = [*RUNS[name][0], "-o", name]
                self.dropcl(*words)              # its kernels are compiled, and files have their sizes
                sizes = {file: len(data) for file, data in self.files(name).items()}
                picture = sizes.pop(f"{name}/report.svg")
                del sizes[f"{name}/report.png"]
                self.assertLess(2 * max(sizes.values()), picture)
                done = self.run_with_small_files(*words[:-1], "new-" + name, most=picture // 2)
                self.assertEqual(done.returncode, INPUT)
                self.assertIn(f"new-{name}/report.svg: ", done.stderr)
                self.assertRegex(done.stdout, r"(?m)^time ")
                self.assertEqual(set(os.listdir(self.path("new-" + name))),
                                 self.expected(name) - {"report.svg", "report.png"})


if __name__ == "__main__":
    unittest.main()
