"""test_out_of_tree.py BUILD GUIDE: plugins are written, built and checked against an installed dropcl alone.

The build is installed into a folder of its own; from then on only that folder is used.
"""
import os
import pathlib
import re
import shutil
import tempfile
import unittest

from program import arguments, run

BUILD, GUIDE = arguments(2)


def install():
    """Installs into BUILD/tests/plugins/installed and returns the prefix there."""
    root = BUILD / "tests/plugins/installed"
    shutil.rmtree(root, ignore_errors=True)
    done = run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root)
    if done.status:
        raise RuntimeError(done.text)
    description = next(root.rglob("dropcl.pc"))
    text = description.read_text()
    prefix = root / re.search(r"^prefix=/(.*)$", text, re.M).group(1)
    description.write_text(re.sub(r"^prefix=.*$", f"prefix={prefix}", text, flags=re.M))
    return prefix


class OutOfTree(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.prefix = install()
        libraries = next(cls.prefix.rglob("libdropcl.so")).parent
        cls.variables = {"PKG_CONFIG_PATH": str(libraries / "pkgconfig"), "LD_LIBRARY_PATH": None,
                         "PATH": f"{cls.prefix / 'bin'}:{os.environ['PATH']}", "DROPCL_PLUGIN_PATH": None}

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def run_well(self, *command, **options):
        result = run(*command, **options, **self.variables)
        self.assertEqual(result.status, 0, f"{command}\n{result.text}")
        return result.out

    def build_and_check(self, folder, name):
        """Builds a plugin's folder without warnings, runs its tests, and returns the plugin's file."""
        self.run_well("meson", "setup", "build", "-Dwerror=true", folder=folder)
        self.run_well("meson", "compile", "-C", "build", folder=folder)
        out = self.run_well("meson", "test", "-C", "build", "--verbose", folder=folder)
        self.assertIn("all checks passed", out)
        self.assertRegex(out, r"gradient +ok")
        plugin = folder / "build" / f"{name}.dclop.so"
        exported = self.run_well("nm", "-D", "--defined-only", plugin).split()
        self.assertEqual(exported[2:], ["dcl_plugin_v1"])
        self.assertNotRegex(self.run_well("readelf", "-d", plugin), r"NEEDED.*(dropcl|OpenCL)")
        return plugin

    def test_the_installed_program_finds_the_library_beside_it(self):
        self.assertIn(str(self.prefix), re.search("libdropcl.*", self.run_well("ldd", self.prefix / "bin/dropcl"))[0])

    def test_the_installed_ops_lie_beside_the_library(self):
        self.assertIn(str(self.prefix), self.run_well("dropcl", "ops", "matmul"))

    def test_a_skeleton_builds_passes_and_installs(self):
        self.run_well("dropcl", "new-op", "softplus", folder=self.folder)
        self.build_and_check(self.folder / "softplus", "softplus")
        self.run_well("meson", "install", "-C", "build", folder=self.folder / "softplus")
        listed = self.run_well("dropcl", "ops", "org.example.softplus")
        self.assertIn(str(self.prefix), listed)
        # A new build is checked in place of what is installed.
        again = self.run_well("meson", "test", "-C", "build", "--verbose", folder=self.folder / "softplus")
        self.assertIn("all checks passed", again)

    def test_a_skeleton_may_have_the_name_of_a_builtin_function(self):
        self.run_well("dropcl", "new-op", "exp", "-o", self.folder, "--id", "com.mylab.exp")
        plugin = self.build_and_check(self.folder / "exp", "exp")
        listed = self.run_well("dropcl", "ops", "com.mylab.exp", "--plugins", plugin)
        self.assertIn("sharpness", listed)

    def test_an_existing_folder_is_left_alone(self):
        (self.folder / "mine").mkdir()
        result = run("dropcl", "new-op", "mine", "-o", self.folder, **self.variables)
        self.assertEqual(result.status, 3)
        self.assertIn("exists already", result.err)
        self.assertEqual(list((self.folder / "mine").iterdir()), [])

    def test_a_skeleton_that_cannot_be_finished_leaves_nothing(self):
        result = run("sh", "-c", "trap '' XFSZ; ulimit -f 2; exec dropcl new-op large", folder=self.folder,
                     **self.variables)
        self.assertEqual(result.status, 3)
        self.assertIn("large.c: cannot be written", result.err)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_bad_names_are_refused(self):
        for words in (["Mine"], ["2x"], ["a-b"], ["../a"], [""], ["a" * 41], ["a", "--id", "a"],
                      ["a", "--id", "a..b"], ["a", "--id", ".a"], ["a", "--id", "a.B"]):
            with self.subTest(words=words):
                result = run("dropcl", "new-op", *words, "-o", self.folder, **self.variables)
                self.assertEqual(result.status, 2, result.text)
                self.assertEqual(list(self.folder.iterdir()), [])

    def test_the_example_of_the_guide_builds_passes_and_runs(self):
        """Its files are the code blocks that begin with their own name in a comment, and the graph file."""
        blocks = re.findall(r"^```(\w+)\n(.*?)^```", GUIDE.read_text(), re.M | re.S)
        names = {}
        for language, text in blocks:
            named = re.match(r"(?:/\*|#) ([\w.]+): ", text)
            if named or language == "json":
                names[named.group(1) if named else "cube.json"] = text
        self.assertEqual(list(names), ["cube.c", "meson.build", "cube.json"])
        for name, text in names.items():
            (self.folder / name).write_text(text)
        (self.folder / "x.csv").write_text("1,2,3\n4,5,6\n")
        plugin = self.build_and_check(self.folder, "cube")
        variables = {**self.variables, "DROPCL_PLUGIN_PATH": str(plugin.parent)}
        result = run("dropcl", "run", "cube.json", "--feed", "x=x.csv", "--fetch", "total",
                     folder=self.folder, **variables)
        self.assertEqual(result.out.split(), ["total", "=", "441"], result.text)


if __name__ == "__main__":
    unittest.main()
