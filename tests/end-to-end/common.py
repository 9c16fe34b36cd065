"""common.py: runs the program in a folder of its own and reads what it left; the matrices of the tests."""
import csv
import functools
import json
import os
import pathlib
import tempfile
import unittest

import numpy

from program import arguments, run

PROGRAM, DEMO = arguments(2)

# The program as its users run it: its own threads, not those that other tests ask for.
AS_USERS = {"OMP_NUM_THREADS": None, "OPENBLAS_NUM_THREADS": None}
RUSTICL = {**AS_USERS, "RUSTICL_ENABLE": "llvmpipe"}

COMMANDS = ("factorize", "threshold", "balance", "run", "train", "devices", "ops", "certify", "complete", "predict",
            "check-op", "new-op", "bench", "tune", "cache",
            "lab")

# What report.json has at least.
REPORT_KEYS = """version command device platform driver dtype seed rows columns width noise solver retain
    lambda block steps seconds seconds_to_first_step data_term regularizer objective optimum lower_bound
    relative_gap rank tau singular_values balance_error status""".split()


def images(count=160):
    """Images of clothes as rows, 0 to 1."""
    return numpy.load(DEMO)[:count] / 255


def rank_8_plus_noise():
    """300 x 200."""
    draw = numpy.random.default_rng(8)
    low = draw.normal(size=(300, 8)) @ draw.normal(size=(8, 200))
    return low + 0.5 * draw.normal(size=low.shape)


def badly_scaled():
    """The same with columns scaled from 1e-3 to 1e3."""
    return rank_8_plus_noise() * numpy.logspace(-3, 3, 200)


def small():
    """60 x 40: for tests that look at something else than numbers."""
    return rank_8_plus_noise()[:60, :40]


@functools.cache
def has_rusticl():
    listed = run(PROGRAM, "devices", "--json", "--quick", **RUSTICL)
    return listed.status == 0 and any(device["platform"] == "rusticl" for device in json.loads(listed.out))


class Fit:
    """The folder that `dropcl factorize` left."""

    def __init__(self, folder, result):
        self.folder, self.result = folder, result
        self.report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        self.u, self.v = (numpy.load(folder / name) for name in ("U.npy", "V.npy"))
        with open(folder / "history.csv", newline="", encoding="ascii") as stream:
            self.history = list(csv.DictReader(stream))

    def factor_bytes(self):
        return [(self.folder / name).read_bytes() for name in ("U.npy", "V.npy")]


class Case(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="dropcl-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def path(self, name):
        return self.folder / name

    def save(self, name, matrix):
        numpy.save(self.path(name), matrix)
        return self.path(name)

    def dropcl(self, *words, status=0, environment=AS_USERS, notices=()):
        """Runs the program; it ends with the status and says nothing on stderr but messages, these if all is well."""
        result = run(PROGRAM, *words, folder=self.folder, **environment)
        self.assertEqual(result.status, status, f"{words}\n{result.text}")
        self.assertNotIn(" ** On entry to ", result.text)     # BLAS says so, of arguments that it cannot take
        # Mesa's compiler warns of its own log() when it builds it for the first time.
        said = [line for line in result.err.splitlines() if not line.startswith("MESA: warning: ")]
        for line in said:
            self.assertTrue(line.startswith("dropcl: "), result.err)
        if status == 0:
            self.assertEqual(said, [f"dropcl: {notice}" for notice in notices])
        return result

    def factorize(self, matrix, *options, out="fit", status=0, environment=AS_USERS):
        """Fits a matrix, or the matrix in a file."""
        if isinstance(matrix, numpy.ndarray):
            matrix = self.save("Y.npy", matrix)
        result = self.dropcl("factorize", matrix, "-o", out, *options, status=status, environment=environment)
        return Fit(self.path(out), result)

    def assertClose(self, found, wanted, relative, scale=None):
        """|found - wanted| <= relative * scale everywhere; the scale is the largest |wanted| if not given."""
        found, wanted = numpy.asarray(found), numpy.asarray(wanted)
        self.assertEqual(found.shape, wanted.shape)
        scale = numpy.abs(wanted).max() if scale is None else scale
        worst = numpy.abs(found - wanted).max()
        self.assertLessEqual(worst, relative * scale, f"found {found}, not {wanted}")
