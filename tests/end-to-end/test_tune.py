"""test_tune.py: `dropcl tune` writes what it found, goes on from it, and runs use it; bad files do no harm."""
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

from common import AS_USERS, PROGRAM, RUSTICL, Case, has_rusticl
from program import run

CLBLAST = pathlib.Path(__file__).resolve().parent / "clblast"
CLASSES = {"small", "even", "outer", "inner", "narrow"}


class Tune(Case):
    def setUp(self):
        super().setUp()
        self.environment = {**AS_USERS, "XDG_DATA_HOME": str(self.path("data"))}

    def run_dropcl(self, *words, environment=()):
        """Runs the program. The compilers of drivers may write to stderr: they are asked for odd kernels."""
        return run(PROGRAM, *words, folder=self.folder, **{**self.environment, **dict(environment)})

    def tune(self, *options, status=0, environment=()):
        result = self.run_dropcl("tune", "--dtype", "f32", *options, environment=environment)
        self.assertEqual(result.status, status, result.text)
        return result

    def file(self):
        (path,) = self.path("data/dropcl/tuning").iterdir()
        return path

    def results(self):
        return json.loads(self.file().read_text(encoding="utf-8"))

    def devices(self, environment=()):
        result = self.run_dropcl("devices", environment=environment)
        self.assertEqual(result.status, 0, result.text)
        return result

    def tune_until(self, tried, *options):
        """Tunes until so many tiles of packed were tried, then interrupts; what was printed."""
        environment = {**os.environ, **self.environment}
        command = [str(word) for word in (PROGRAM, "tune", "--dtype", "f32", "--time", 500, *options)]
        with subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              env={key: value for key, value in environment.items() if value}) as process:
            while process.poll() is None and self.tried() < tried:
                time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 130)
        return out

    def tried(self):
        files = list(self.path("data/dropcl/tuning").glob("*.json"))
        return self.results()["f32"]["tried"].get("packed", 0) if files else 0

    def test_it_tries_imports_first_and_goes_on_where_it_was_interrupted(self):
        """Every start measures all variants anew, which takes a while."""
        out = self.tune_until(1, "--import", CLBLAST / "clblast_xgemm_1_32.json")
        self.assertRegex(out, r"clblast_xgemm_1_32.json: Xgemm, (\d+\.\d\d times as fast: (not )?kept|not kept: much)")
        self.assertRegex(out, r"even +1024x1024x1024 +\w+ +\d")
        first = self.results()
        self.assertEqual(set(first["f32"]["classes"]), CLASSES)
        self.assertEqual(first["f64"]["classes"], {})
        for entry in first["f32"]["classes"].values():
            self.assertGreater(entry["before"], 0)
            self.assertGreater(entry["after"], 0)
        second = self.tune_until(first["f32"]["tried"]["packed"] + 1, "--json")
        self.assertEqual(json.loads(second), self.results())
        self.assertIn("(tuned; self-test passed)", self.devices().out)
        # A run too short to measure again keeps what was found.
        kept = self.results()
        self.tune("--time", 0.001)
        self.assertEqual(self.results(), kept)
        self.assertEqual([path.name for path in self.path("data/dropcl/tuning").iterdir()], [self.file().name])

    def test_files_that_are_no_use_do_no_harm(self):
        self.tune("--time", 0.001)
        whole = self.file().read_text(encoding="utf-8")
        for text, complaint in ((whole[:100], "this is not JSON"), ("", "the file is empty"),
                                (whole.replace('"driver": "', '"driver": "0'), "this was measured with driver '0")):
            self.file().write_text(text, encoding="utf-8")
            shown = self.devices()
            self.assertIn(complaint, shown.err)
            self.assertIn("(products run untuned)", shown.err)
            self.assertIn("packed (CPU device; self-test passed)", shown.out)
        anew = self.tune("--time", 0.001)
        self.assertIn("(the search starts anew)", anew.err)
        self.assertEqual(self.devices().err, "")

    def test_results_of_clblasts_tuners_are_read_as_they_are(self):
        files = [word for path in sorted(CLBLAST.iterdir()) for word in ("--import", path)]
        out = self.tune("--time", 0.001, *files).out
        self.assertIn("clblast_xgemm_1_32.json: Xgemm, not tried: the time was over", out)
        self.assertIn("clblast_xgemm_direct_2_32.json: XgemmDirect, not tried", out)

    def test_other_files_of_tuners_are_refused(self):
        text = (CLBLAST / "clblast_xgemm_1_32.json").read_text(encoding="utf-8")
        for old, new, status, complaint in (("xgemm_1", "xaxpy", 3, "the kernel 'xaxpy', which products do not use"),
                                            ('"32"', '"64"', 2, "these results are for f64"),
                                            ('"MWG": 64', '"MWG": 0', 3, "MWG is 0")):
            self.path("other.json").write_text(text.replace(old, new), encoding="utf-8")
            self.assertIn(complaint, self.tune("--import", "other.json", status=status).err)
        self.assertIn("nowhere.json", self.tune("--import", "nowhere.json", status=3).err)

    def test_it_says_where_nothing_can_be_kept(self):
        self.path("data").write_text("a file where the folder should be", encoding="ascii")
        self.assertIn(str(self.path("data")), self.tune("--time", 0.001, status=3).err)

    @unittest.skipUnless(has_rusticl(), "there is no rusticl")
    def test_it_runs_on_another_driver(self):
        self.tune("--time", 1, "--device", "rusticl", environment=RUSTICL)
        self.assertEqual(self.results()["platform"], "rusticl")


if __name__ == "__main__":
    unittest.main()
