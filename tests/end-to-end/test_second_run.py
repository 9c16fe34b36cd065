"""test_second_run.py: kernels are compiled once and kept; the cache can be shown and cleared."""
import json
import re
import unittest

from common import AS_USERS, Case, small


class SecondRun(Case):
    def setUp(self):
        super().setUp()
        # A cache of its own, so that the first run finds nothing.
        self.environment = {**AS_USERS, "XDG_CACHE_HOME": str(self.path("cache"))}

    def fit(self, solver="explicit"):
        return self.factorize(small(), "--solver", solver, "--steps", 10, environment=self.environment)

    def cache(self, *options):
        return self.dropcl("cache", *options, environment=self.environment).out

    def entries(self):
        return int(re.search(r"^(\d+) entries", self.cache(), re.M).group(1))

    def test_it_compiles_nothing_and_gives_the_same_bits(self):
        for solver in ("explicit", "stochastic", "closed-form"):
            with self.subTest(solver=solver):
                first, second = self.fit(solver), self.fit(solver)
                self.assertEqual(second.report["programs_compiled"], 0)
                self.assertEqual(second.factor_bytes(), first.factor_bytes())

    def test_the_first_run_compiles(self):
        self.assertGreater(self.fit().report["programs_compiled"], 0)
        self.assertGreater(self.entries(), 0)

    def test_its_first_step_is_done_within_half_a_second(self):
        self.fit()
        # The best of three: the machine may be busy.
        seconds = [self.fit().report["seconds_to_first_step"] for _ in range(3)]
        self.assertGreater(min(seconds), 0)
        self.assertLess(min(seconds), 0.5)

    def test_the_cache_is_shown_and_cleared(self):
        self.assertEqual(self.entries(), 0)
        self.fit()
        count = self.entries()
        self.assertIn(str(self.path("cache")), self.cache())
        self.assertEqual(self.cache("--clear"), f"removed {count} entries\n")
        self.assertEqual(self.entries(), 0)
        self.assertGreater(self.fit().report["programs_compiled"], 0)

    def test_the_cache_is_private(self):
        self.fit()
        self.assertEqual(self.path("cache/dropcl").stat().st_mode & 0o777, 0o700)

    def test_damaged_entries_are_compiled_again(self):
        wanted = self.fit()
        for file in self.path("cache").rglob("*"):
            if file.is_file():
                file.write_bytes(file.read_bytes()[:-9] + b"123456789")
        fit = self.fit()
        self.assertGreater(fit.report["programs_compiled"], 0)
        self.assertEqual(fit.factor_bytes(), wanted.factor_bytes())
        self.assertEqual(self.fit().report["programs_compiled"], 0)

    def test_it_works_without_a_cache(self):
        self.path("cache").write_text("a file where the folder should be", encoding="ascii")
        fit = self.factorize(small(), "--solver", "closed-form", environment=self.environment)
        self.assertEqual(fit.report["status"], "certified")


class Trace(Case):
    def test_it_counts_what_the_device_did(self):
        self.factorize(small(), "--steps", 50, "--trace", "trace.csv")
        rows = self.path("trace.csv").read_text(encoding="ascii").splitlines()
        columns = "step,seconds,objective,gap,kernels_of_step,kernels_launched,programs_compiled,device_bytes_peak"
        self.assertEqual(rows[0], columns)
        of_step, launched = ([int(row.split(",")[column]) for row in rows[1:]] for column in (4, 5))
        self.assertEqual(len(launched), 50)
        self.assertEqual(launched, sorted(launched))
        self.assertEqual(len(set(of_step[1:])), 1)      # the first step may hold a self-test of products
        self.assertEqual(json.loads(rows[-1].split(",")[0]), 50)


if __name__ == "__main__":
    unittest.main()
