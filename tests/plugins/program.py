"""program.py: runs `dropcl` for the tests of plugins."""
import os
import pathlib
import subprocess
import sys


class Result:
    """What a run left: exit status, stdout, stderr, and both together."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.text = self.out + self.err


def run(*command, folder=None, **variables):
    """Runs a command with further environment variables; variables set to None are removed."""
    environment = {**os.environ, **{key: value for key, value in variables.items() if value is not None}}
    for key in [key for key, value in variables.items() if value is None]:
        environment.pop(key, None)
    return Result(subprocess.run([str(word) for word in command], cwd=folder, env=environment, text=True,
                                 errors="replace", capture_output=True, timeout=600))


def arguments(count):
    """Takes the test's own arguments, all paths, off the command line, so that unittest sees the rest."""
    taken = [pathlib.Path(path).resolve() for path in sys.argv[1:1 + count]]
    del sys.argv[1:1 + count]
    return taken
