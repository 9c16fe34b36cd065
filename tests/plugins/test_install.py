"""test_install.py BOOTSTRAP: `./bootstrap install` goes where it is told, whatever was installed before.

What it calls is replaced by programs that write down how they were called.
"""
import os
import pathlib
import shutil
import tempfile
import unittest

from program import arguments, run

BOOTSTRAP, = arguments(1)

MESON = """#!/bin/sh
echo "$@" >> calls
[ "$1" != setup ] || { mkdir -p build && touch build/build.ninja; }
"""


class Install(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name).resolve()
        shutil.copy(BOOTSTRAP, self.folder / "bootstrap")
        for name, text in (("meson", MESON), ("dpkg-query", "#!/bin/sh\nprintf installed\n"),
                           ("ldconfig", "#!/bin/sh\n"), ("sudo", '#!/bin/sh\nexec "$@"\n')):
            file = self.folder / "bin" / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
            file.chmod(0o755)

    def bootstrap(self, *words):
        """Runs it; returns how meson was called."""
        calls = self.folder / "calls"
        calls.unlink(missing_ok=True)
        done = run("./bootstrap", *words, folder=self.folder, PATH=f"{self.folder / 'bin'}:{os.environ['PATH']}")
        self.assertEqual(done.status, 0, done.text)
        return calls.read_text()

    def test_the_prefix_is_that_of_this_call(self):
        for words, prefix in (([], "/usr/local"), (["/opt/mine"], "/opt/mine"), (["here"], f"{self.folder}/here"),
                              ([], "/usr/local")):
            calls = self.bootstrap("install", *words)
            self.assertRegex(calls, rf"(?m)^setup .*-Dprefix={prefix} ")
            self.assertRegex(calls, r"(?m)^install -C ")

    def test_the_clone_is_no_prefix(self):
        """Its headers would be replaced, and taken away with a failure."""
        for prefix in (".", self.folder, f"{self.folder}/bin/.."):
            done = run("./bootstrap", "install", prefix, folder=self.folder)
            self.assertEqual(done.status, 1)
            self.assertIn("is this clone", done.err)

    def test_what_only_builds_leaves_the_prefix_alone(self):
        self.assertNotIn("prefix", self.bootstrap("build"))

    def test_no_other_command_takes_a_folder(self):
        for words in (("build", "/opt/mine"), ("install", "/opt/mine", "/opt/more")):
            done = run("./bootstrap", *words, folder=self.folder)
            self.assertEqual(done.status, 1)
            self.assertIn("unknown command", done.err)


if __name__ == "__main__":
    unittest.main()
