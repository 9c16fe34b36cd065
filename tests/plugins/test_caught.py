"""test_caught.py PROGRAM FOLDER: check-op finds each bad plugin's fault and says what and where."""
import re
import unittest

from program import arguments, run

PROGRAM, FOLDER = arguments(2)


def check(name, *options, dtype="f32"):
    return run(PROGRAM, "check-op", FOLDER / f"{name}.dclop.so", "--dtype", dtype, *options)


class Caught(unittest.TestCase):
    def finds(self, fault, mode, *patterns):
        """The mode fails, and its line holds the op's name and the patterns."""
        result = check(f"caught_{fault}", "--mode", mode)
        self.assertEqual(result.status, 1, result.text)
        lines = [line for line in result.out.splitlines() if line.startswith("org.example.caught")]
        self.assertEqual(len(lines), 1, result.text)
        for pattern in (rf"f32 +{mode} +FAILED", *patterns):
            self.assertTrue(re.search(pattern, result.out), f"no {pattern!r} in: {result.text}")

    def test_the_faultless_one_passes(self):
        result = check("caught_none")
        self.assertEqual(result.status, 0, result.text)
        passed = re.findall(r"^org\.example\.caught +f32 +(\w+) +ok", result.out, re.M)
        self.assertEqual(passed, ["reference", "gradient", "determinism", "arguments", "speed"])

    def test_one_without_a_reference_passes_and_says_so(self):
        result = check("caught_no_reference")
        self.assertEqual(result.status, 0, result.text)
        self.assertRegex(result.out, r"f32 +reference +- +the op has no reference\n")
        self.assertRegex(result.out, r"f32 +speed +ok .* \d+ us on the device, there is no reference\n")

    def test_one_that_uses_raw_opencl_passes(self):
        result = check("raw_opencl", "--mode", "reference")
        self.assertEqual(result.status, 0, result.text)

    def test_wrong_gradient(self):
        self.finds("wrong_gradient", "gradient", r'case "7"',
                   r"gradient of input 'x'\[\d+\] is [-\d.]+, differences say")

    def test_gradient_of_the_wrong_shape(self):
        self.finds("gradient_of_wrong_shape", "gradient", r"org\.example\.caught",
                   r"gradient of input 'x' has shape")

    def test_gradient_with_an_unknown_op(self):
        self.finds("gradient_with_unknown_op", "gradient", r"no op 'scael'", r"did you mean 'scale'")

    def test_wrong_reference(self):
        self.finds("wrong_reference", "reference", r'case "7"',
                   r"output 'y'\[\d+\] is .*the reference says .*off by")

    def test_kernel_that_reads_unset_memory(self):
        self.finds("reads_scratch", "determinism", r'case "7"', r"different bits")

    def test_kernel_that_writes_behind_its_output(self):
        self.finds("writes_behind", "reference", r"org\.example\.caught", r"out of bounds", r"'y'")

    def test_kernel_that_takes_one_element_more(self):
        """What it writes behind its output is a function of what lies behind its input, or its scratch."""
        for fault in ("doubles", "cubes", "copies", "softens", "copies_scratch"):
            for dtype in ("f32", "f64"):
                with self.subTest(fault=fault, dtype=dtype):
                    result = check(f"caught_{fault}_behind", "--mode", "reference", dtype=dtype)
                    self.assertRegex(result.out, rf"{dtype} +reference +FAILED.*out of bounds of 'y' \(byte (\d+), "
                                                 r"it has \1\)")

    def test_kernel_that_writes_before_its_output(self):
        self.finds("writes_before", "reference", r"org\.example\.caught", r"out of bounds", r"'y'")

    def test_kernel_that_writes_into_its_input(self):
        self.finds("writes_input", "reference", r"org\.example\.caught", r"'x'.*may only read")

    def test_infer_that_refuses_without_a_reason(self):
        self.finds("refuses_silently", "arguments", r"status -1 \(invalid argument\) without a reason")

    def test_infer_that_takes_what_it_should_refuse(self):
        self.finds("takes_everything", "arguments", r'case "2x3x4"', r"meant to be refused")

    def test_infer_that_leaves_an_output_unset(self):
        self.finds("lacks_output", "reference", r"org\.example\.caught", r"output 'y'")

    def test_kernel_that_does_not_build(self):
        self.finds("does_not_build", "reference", r"kernels of op 'org\.example\.caught' do not build",
                   r":33:\d+:.*no_such_name")

    def test_op_that_waits_without_saying_so(self):
        self.finds("reads_without_waiting", "reference", r"DCL_OP_WAITS")


if __name__ == "__main__":
    unittest.main()
