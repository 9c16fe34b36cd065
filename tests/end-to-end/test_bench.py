"""test_bench.py: `dropcl bench` measures everything it names, and its figures agree with each other."""
import json
import pathlib
import subprocess
import sys
import unittest

from common import PROGRAM, Case

SKIPPED = 77

RECORD_KEYS = """name shape detail dtype repeats seconds_median seconds_min seconds_max other
    other_seconds_median other_seconds_min other_seconds_max ratio_median ratio_min ratio_max
    ratio_without_launch_median ratio_without_launch_min ratio_without_launch_max limit flops bytes
    gflops_per_second gbytes_per_second percent_of_limit launches launch_seconds bytes_peak bytes_budget
    value_error tau_error""".split()


class Bench(Case):
    def bench(self, *words):
        found = json.loads(self.dropcl("bench", "--json", *words).out)
        self.assertEqual(set(found), {"device", "limits", "records", "scaling"})
        for record in found["records"]:
            self.assertEqual(set(record), set(RECORD_KEYS))
            for name in ("seconds", "other_seconds", "ratio"):
                spread = [record[f"{name}_{which}"] for which in ("min", "median", "max")]
                self.assertEqual(spread, sorted(spread, key=lambda number: number or 0))
        return found

    def check_rates(self, record, limits):
        self.assertClose(record["gflops_per_second"], record["flops"] / record["seconds_median"] / 1e9, 1e-6)
        least = max(record["flops"] / limits["gflops_per_second"], record["bytes"] / limits["gbytes_per_second"]) / 1e9
        self.assertClose(record["percent_of_limit"], 100 * least / record["seconds_median"], 1e-6)

    def test_products(self):
        found = self.bench("gemm", "--size", "33x65x129", "--size", "40x9x70,tn", "--repeats", 2)
        self.assertEqual([(r["name"], r["shape"], r["detail"]) for r in found["records"]],
                         [("gemm", "33x65x129", "nn"), ("gemm", "40x9x70", "tn")])
        for record in found["records"]:
            self.check_rates(record, found["limits"])
            self.assertEqual(record["repeats"], 2)
            self.assertEqual(record["other"], f"OpenBLAS, {found['device']['openblas_threads']} threads")
            self.assertLessEqual(found["device"]["openblas_threads"], found["device"]["compute_units"])
            self.assertGreaterEqual(record["launches"], 1)
            self.assertGreater(record["launch_seconds"], 0)
        self.assertEqual(found["records"][0]["flops"], 2 * 33 * 65 * 129)

    def test_only_what_was_measured_is_named(self):
        said = self.dropcl("bench", "gemm", "--size", "33x65x129", "--repeats", 1).out
        self.assertNotIn("noise", said)
        said = self.dropcl("bench", "step", "--noise", "dropconnect", "--size", "70x50x6", "--repeats", 1).out
        self.assertIn("a noise beside dropout", said)

    def test_steps(self):
        found = self.bench("step", "--size", "70x50x6", "--repeats", 1, "--dtype", "f64")
        self.assertEqual([r["detail"] for r in found["records"]], ["retain 0.5", "retain 1"])
        for record in found["records"]:
            self.check_rates(record, found["limits"])
            self.assertClose(record["ratio_median"], record["seconds_median"] / record["other_seconds_median"], 1e-6)
            self.assertEqual(record["bytes_budget"], 8 * (70 * 50 + 4 * (70 + 50) * 6))
            self.assertGreaterEqual(record["bytes_peak"], 8 * (70 * 50 + (70 + 50) * 6))
            self.assertGreaterEqual(record["launches"], 1)

    def test_another_noise_stands_beside_dropout(self):
        blocks = self.bench("step", "--noise", "dropblock", "--block", 3, "--size", "70x50x6", "--repeats", 1)
        entries = self.bench("step", "--noise", "dropconnect", "--retain", 0.8, "--size", "70x50x6", "--repeats", 1,
                             "--no-limits")
        self.assertIsNone(entries["limits"])
        found = blocks["records"] + entries["records"]
        self.assertEqual([(r["name"], r["detail"], r["other"]) for r in found],
                         [("noise", "dropblock 3, retain 0.5", "dropout, retain 0.5"),
                          ("noise", "dropconnect, retain 0.8", "dropout, retain 0.8")])
        self.check_rates(found[0], blocks["limits"])
        for record in found:
            self.assertClose(record["ratio_median"], record["seconds_median"] / record["other_seconds_median"], 1e-6)

    def test_entries(self):
        found = self.bench("entries", "--size", "300x200x10", "--repeats", 1)
        record, = found["records"]
        self.assertEqual((record["shape"], record["detail"]), ("300x200x10", "1200 entries"))
        self.assertTrue(record["other"].startswith("plain loops in C, "))
        self.assertEqual(record["flops"], 6 * 1200 * 10)
        self.assertLessEqual(record["value_error"], 1e-5)
        self.assertGreaterEqual(record["launches"], 1)
        self.check_rates(record, found["limits"])

    def test_thresholds_are_right(self):
        found = self.bench("threshold", "--size", "90x60", "--repeats", 1)
        self.assertEqual([r["detail"] for r in found["records"]], ["5 % survive", "100 % survive"])
        for record in found["records"]:
            self.assertLessEqual(record["value_error"], 1e-5)
            self.assertLessEqual(record["tau_error"], 1e-5)

    def test_the_start_is_slower_without_a_cache(self):
        found = self.bench("start", "--repeats", 1)
        empty, warm = found["records"]
        self.assertEqual((empty["detail"], warm["detail"]), ("empty cache", "warm cache"))
        self.assertGreater(empty["seconds_median"], warm["seconds_median"])

    def test_scaling(self):
        found = self.bench("--scaling", "--size", "40x30x4", "--repeats", 1)
        self.assertEqual([s["dimension"] for s in found["scaling"]], ["m", "n", "r"])
        for scaling in found["scaling"]:
            self.assertEqual(scaling["factors"], [1, 2, 5, 10])
            self.assertClose(scaling["growth_median"], scaling["seconds"][3] / scaling["seconds"][0], 1e-6)
            self.assertGreater(scaling["memory_exponent"], 0)

    def test_tables_are_markdown(self):
        shown = self.dropcl("bench", "gemm", "--size", 20, "--repeats", 1).out
        table = [line for line in shown.splitlines() if line.startswith("|")]
        self.assertEqual(len(table), 3)
        self.assertEqual({line.count("|") for line in table}, {table[0].count("|")})
        self.assertRegex(table[2], r"^\| 20x20x20 nn +\|")

    def test_growth_is_compared_with_what_numpy_does(self):
        script = pathlib.Path(__file__).parents[1] / "bench/compare_grow.py"
        done = subprocess.run([sys.executable, script, PROGRAM, "--size", "5", "--repeats", "1", "--json"],
                              capture_output=True, text=True, check=False)
        if done.returncode == SKIPPED:
            self.skipTest(done.stdout)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        found = json.loads(done.stdout)[0]
        self.assertLessEqual(found["gap"], 1e-4)
        self.assertLessEqual(abs(found["above_optimum"]), 1e-4)
        self.assertEqual(found["width"], 5)

    def test_what_cannot_be_measured_is_refused(self):
        for words in (["gem"], ["gemm", "--size", "3x4"], ["gemm", "--size", "4,nx"], ["step", "--size", "4"],
                      ["entries", "--size", "4x5"], ["threshold", "--size", "1x2x3"], ["gemm", "--repeats", 0],
                      ["--size", 10], ["step", "--retain", 0], ["gemm", "--noise", "dropblock"],
                      ["step", "--noise", "correlated"], ["step", "--block", 2],
                      ["step", "--noise", "dropblock", "--block", 4, "--size", "9x9x6"],
                      ["--scaling", "--noise", "dropconnect"]):
            self.dropcl("bench", *words, status=2)


if __name__ == "__main__":
    unittest.main()
