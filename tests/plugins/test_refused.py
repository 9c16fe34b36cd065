"""test_refused.py PROGRAM FOLDER: what is no fit plugin is refused in a sentence with file and reason."""
import pathlib
import shutil
import tempfile
import unittest

from program import arguments, run

PROGRAM, FOLDER = arguments(2)


def plugin(name):
    return FOLDER / f"{name}.dclop.so"


class Refused(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.temporary = pathlib.Path(temporary.name)

    def check(self, file, *reasons):
        """`dropcl ops` refuses the file in one line that names it and the reasons."""
        self.check_path(file, str(file), *reasons)

    def check_path(self, path, *reasons):
        result = run(PROGRAM, "ops", "--plugins", path, LD_LIBRARY_PATH=None)
        self.assertEqual(result.status, 3, result.text)
        self.assertEqual(result.out, "")
        lines = result.err.splitlines()
        self.assertEqual(len(lines), 1, result.err)
        for reason in reasons:
            self.assertIn(reason, lines[0])

    def test_a_fit_plugin_is_listed(self):
        result = run(PROGRAM, "ops", "org.example.doubled", "--plugins", plugin("fit"))
        self.assertEqual(result.status, 0, result.text)
        self.assertIn(str(plugin("fit")), result.out)

    def test_longer_records_of_a_later_header_are_taken(self):
        result = run(PROGRAM, "check-op", plugin("longer"), "--mode", "determinism", "--dtype", "f32")
        self.assertEqual(result.status, 0, result.text)

    def test_a_later_minor(self):
        self.check(plugin("later_minor"), "needs plugin contract 1.1000", "this runtime has 1.")

    def test_another_major(self):
        self.check(plugin("major_2"), "plugin contract 2", "this runtime speaks 1")

    def test_a_library_that_is_no_plugin(self):
        self.check(plugin("no_plugin"), "not an op plugin", "dcl_plugin_v1")

    def test_a_missing_dependency(self):
        """Away from its folder, the plugin no longer finds the library that lies beside it."""
        copy = shutil.copy(plugin("needs_gone"), self.temporary)
        self.check(copy, "depends on the library libgone.so", "not installed")

    def test_truncated_files(self):
        whole = plugin("fit").read_bytes()
        for length in (0, 10, 64, 1000, 4096, len(whole) // 2, len(whole) - 1000, len(whole) - 1):
            with self.subTest(length=length):
                file = self.temporary / f"short{length}.dclop.so"
                file.write_bytes(whole[:length])
                self.check(file, "damaged")

    def test_a_text_file(self):
        file = self.temporary / "text.dclop.so"
        file.write_text("this is no library\n" * 100)
        self.check(file, "no shared library")

    def test_a_file_that_does_not_exist(self):
        self.check(self.temporary / "none.dclop.so", "no such file")

    def test_two_plugins_with_one_op(self):
        both = [str(plugin("fit")), str(plugin("twin"))]
        self.check_path(":".join(both), "two plugins bring an op 'org.example.doubled'", *both)

    def test_records_below_the_floor(self):
        self.check(plugin("small_plugin"), "contract 1.0 has")
        self.check(plugin("small_op"), "'org.example.doubled'", "smaller than that of contract 1.0")

    def test_records_without_what_is_required(self):
        self.check(plugin("no_infer"), "'org.example.doubled'", "lacks infer or run")
        self.check(plugin("no_outputs"), "'org.example.doubled'", "1 to 8 outputs")
        self.check(plugin("no_name"), "an op has no name")
        self.check(plugin("no_ops"), "lacks id, version or ops")

    def test_flags_of_a_later_contract(self):
        self.check(plugin("plugin_flags"), "flags", "newer dropcl")
        self.check(plugin("op_flags"), "'org.example.doubled'", "flags", "newer dropcl")
        self.check(plugin("op_reserved"), "'org.example.doubled'", "newer dropcl")

    def test_a_plugin_that_refuses_to_start(self):
        self.check(plugin("will_not_start"), "refuses to start: the moon is full")

    def test_in_a_folder_it_is_passed_over_with_a_warning(self):
        for name in ("fit", "later_minor"):
            shutil.copy(plugin(name), self.temporary)
        result = run(PROGRAM, "ops", "org.example.doubled", DROPCL_PLUGIN_PATH=str(self.temporary))
        self.assertEqual(result.status, 0, result.text)
        self.assertIn("needs plugin contract 1.1000", result.err)
        self.assertIn("org.example.doubled", result.out)

    def test_the_current_folder_is_never_searched(self):
        shutil.copy(plugin("fit"), self.temporary)
        result = run(PROGRAM, "ops", "org.example.doubled", folder=self.temporary)
        self.assertNotEqual(result.status, 0)


if __name__ == "__main__":
    unittest.main()
