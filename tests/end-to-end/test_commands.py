"""test_commands.py: the smaller commands: threshold, balance, devices, ops, check-op, new-op; help."""
import json
import unittest

import numpy

import theory
from common import COMMANDS, RUSTICL, Case, has_rusticl, rank_8_plus_noise, small


class Help(Case):
    def test_every_command_explains_itself(self):
        for command in COMMANDS:
            result = self.dropcl(command, "--help")
            self.assertRegex(result.out, rf"^usage: dropcl {command}\b")
            self.assertEqual(self.dropcl(command, "-h").out, result.out)

    def test_the_program_lists_them(self):
        shown = self.dropcl("--help").out
        for command in COMMANDS:
            self.assertRegex(shown, rf"(?m)^  {command} +\w")

    def test_lines_fit_a_terminal(self):
        for words in (["--help"], *([command, "--help"] for command in COMMANDS)):
            for line in self.dropcl(*words).out.splitlines():
                self.assertLessEqual(len(line), 140, line)

    def test_version(self):
        self.assertRegex(self.dropcl("--version").out, r"^dropcl \d+\.\d+\.\d+\n$")


class Threshold(Case):
    def threshold(self, *options):
        """Returns U, V and the singular values of Y, and what is printed as tau."""
        self.save("Y.npy", rank_8_plus_noise())
        out = self.dropcl("threshold", "Y.npy", "-o", "out", *options).out
        u, v, values = (numpy.load(self.path(f"out/{name}.npy")) for name in ("U", "V", "singular_values"))
        return u, v, values, float(out.split()[1])

    def test_it_is_the_closed_form(self):
        best = theory.optimum(rank_8_plus_noise(), 0.3, 12)
        for options in (["--retain", 0.3], ["--lambda", 0.7 / 0.3]):
            u, v, values, tau = self.threshold("--rank", 12, "--dtype", "f64", *options)
            self.assertEqual((u.shape, v.shape), ((300, 12), (200, 12)))
            self.assertClose(u @ v.T, best.product, 1e-9)
            self.assertEqual(values.size, numpy.count_nonzero(best.singular_values > best.tau))
            self.assertClose(values, best.singular_values[:values.size], 1e-11)
            self.assertClose(tau, best.tau, 1e-8)

    def test_the_factors_are_aligned(self):
        u, v, _, _ = self.threshold("--rank", 12)
        self.assertClose(u.T @ u, v.T @ v, 1e-5)

    def test_a_threshold_of_ones_own(self):
        u, v, _, tau = self.threshold("--tau", 30, "--dtype", "f64")
        left, values, right = numpy.linalg.svd(rank_8_plus_noise(), full_matrices=False)
        self.assertClose(u @ v.T, left * numpy.maximum(values - 30, 0) @ right, 1e-9)
        self.assertEqual(tau, 30)


class Balance(Case):
    def balance(self, u, v, *options):
        self.save("U.npy", u)
        self.save("V.npy", v)
        self.dropcl("balance", "U.npy", "V.npy", "-o", "out", "--dtype", "f64", *options)
        return [numpy.load(self.path(f"out/{name}.npy")) for name in "UV"]

    def setUp(self):
        super().setUp()
        draw = numpy.random.default_rng(2)
        self.u = draw.normal(size=(30, 7)) * numpy.logspace(-2, 2, 7)
        self.v = draw.normal(size=(20, 7)) * [1, 5, 0, 2, 3, 1, 4]

    def check(self, u, v, tolerance):
        self.assertClose(u @ v.T, self.u @ self.v.T, 1e-10)
        self.assertLessEqual(theory.balance_error(u, v), tolerance)

    def test_aligned_makes_the_common_weight_the_least_possible(self):
        u, v = self.balance(self.u, self.v)
        self.check(u, v, 1e-10)
        least = numpy.linalg.svd(self.u @ self.v.T, compute_uv=False).sum() / 7
        self.assertClose(theory.unit_products(u, v), numpy.full(7, least), 1e-10)

    def test_rotation_only_turns_the_units(self):
        u, v = self.balance(self.u, self.v, "--method", "rotation")
        self.check(u, v, 1e-8)
        self.assertClose(u @ u.T, self.u @ self.u.T, 1e-10)
        self.assertClose(v @ v.T, self.v @ self.v.T, 1e-10)

    def test_zeros_stay_zeros(self):
        u, v = self.balance(numpy.zeros((5, 3)), numpy.zeros((4, 3)))
        self.assertFalse(u.any() or v.any())


class Devices(Case):
    def test_exactly_one_is_the_default_and_says_why(self):
        devices = json.loads(self.dropcl("devices", "--json").out)
        default = [device for device in devices if device["default"]]
        self.assertEqual(len(default), 1)
        self.assertTrue(default[0]["reason"])
        for device in devices:
            self.assertTrue(device["name"] and device["driver"] and device["compute_units"] > 0)
            self.assertIn("self-test passed", device["gemm"])

    def test_words_name_the_same(self):
        shown = self.dropcl("devices").out
        for device in json.loads(self.dropcl("devices", "--json", "--quick").out):
            self.assertIn(f"{device['index']}  {device['name']}\n", shown)
        self.assertIn("default     yes, ", shown)

    @unittest.skipUnless(has_rusticl(), "rusticl is not installed (Debian: mesa-opencl-icd)")
    def test_one_without_double_precision_says_so(self):
        devices = json.loads(self.dropcl("devices", "--json", "--quick", environment=RUSTICL).out)
        self.assertEqual([device["fp64"] for device in devices if device["platform"] == "rusticl"], [False])

    def test_an_index_chooses(self):
        fit = self.factorize(small(), "--device", 0, "--solver", "closed-form")
        devices = json.loads(self.dropcl("devices", "--json", "--quick").out)
        self.assertEqual(fit.report["device"], devices[0]["name"])


class Ops(Case):
    def test_all_are_listed_with_ports_and_attributes(self):
        shown = self.dropcl("ops").out
        for op in ("matmul", "mask", "average", "singular_threshold", "balance", "squared_error", "adam"):
            self.assertRegex(shown, rf"(?m)^{op} +\w")
        one = self.dropcl("ops", "matmul").out
        for words in ("plugin ", "input      a ", "output ", "attribute  transpose_a", "gradient   yes"):
            self.assertIn(words, one)

    def test_json_holds_the_same(self):
        ops = json.loads(self.dropcl("ops", "--json").out)
        shown = self.dropcl("ops").out
        self.assertTrue(ops)
        for op in ops:
            self.assertRegex(shown, rf"(?m)^{op['name']} ")

    def test_one_op_is_checked(self):
        result = self.dropcl("check-op", "--op", "add", "--mode", "reference")
        self.assertRegex(result.out, r"(?m)^add +f32 +reference +ok")
        self.assertIn("all checks passed", result.out)

    def test_the_skeleton_of_an_op(self):
        self.dropcl("new-op", "softplus")
        written = {file.name for file in self.path("softplus").iterdir()}
        self.assertLessEqual({"softplus.c", "softplus.cl", "meson.build"}, written)
        self.assertIn("softplus", self.dropcl("new-op", "softplus", status=3).err)


if __name__ == "__main__":
    unittest.main()
