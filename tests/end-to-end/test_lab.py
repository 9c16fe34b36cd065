"""test_lab.py: `dropcl lab` writes what it says: tables, pictures, sentences and a page, and everything holds."""
import base64
import csv
import pathlib
import re
import tempfile
import unittest
import xml.etree.ElementTree

import numpy

import theory
from common import AS_USERS, PROGRAM, Case
from program import run

FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
NAMES = ("landscape", "equivalence", "spectrum", "balance", "dropblock", "dropconnect", "variable-rate",
         "learning-curve")


class Lab(Case):
    def lab(self, name, *options, status=0):
        return self.dropcl("lab", name, "-o", "lab", "--quick", *options, status=status).out


class Experiments(Lab):
    """All of them are run once, for all tests."""

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="dropcl-")
        cls.addClassCleanup(temporary.cleanup)
        cls.shared = pathlib.Path(temporary.name)
        cls.result = run(PROGRAM, "lab", "all", "-o", "lab", "--quick", folder=cls.shared, **AS_USERS)

    def setUp(self):
        super().setUp()
        self.folder = self.shared

    def table(self, name):
        """(panel, series) -> points, where x is NaN for levels."""
        found = {}
        with open(self.path(f"lab/{name}.csv"), newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                self.assertEqual(list(row), ["panel", "series", "x", "y"])
                point = (float(row["x"] or "nan"), float(row["y"]))
                found.setdefault((row["panel"], row["series"]), []).append(point)
        return {key: numpy.array(points) for key, points in found.items()}

    def check(self, name):
        """An experiment must hold; returns its table."""
        self.assertRegex(self.result.out, rf"(?m)^{name}: expected: .+; found: .+; it holds\.$")
        picture = xml.etree.ElementTree.parse(self.path(f"lab/{name}.svg")).getroot()
        self.assertTrue(picture.tag.endswith("svg"))
        self.assertEqual(self.path(f"lab/{name}.png").read_bytes()[:8], b"\x89PNG\r\n\x1a\n")
        return self.table(name)

    def test_landscape(self):
        found = self.check("landscape")
        for penalty, title in ((0.6, "Small dropout, λ = 0.6"), (2, "Large dropout, λ = 2")):
            minima, saddles = found[title, "minima"], found[title, "saddles"]
            self.assertClose(numpy.abs(minima), numpy.full((4, 2), (2 + penalty) ** -0.5), 1e-6)
            self.assertClose(numpy.sort(numpy.abs(saddles)), numpy.array([[0, (1 + penalty) ** -0.5]] * 4), 1e-6)
            ends = found[title, "descents"][-1]
            self.assertClose(numpy.abs(ends), numpy.full(2, (2 + penalty) ** -0.5), 1e-4)
        circle = found["No dropout, λ = 0", "minima"]
        self.assertClose(numpy.hypot(*circle.T), numpy.ones(len(circle)), 1e-6)

    def test_equivalence(self):
        found = self.check("equivalence")
        for retain in (0.1, 0.5, 0.9):
            for units in (10, 40, 160):
                scores = found[f"Difference, θ = {retain}", f"{units} units"]
                self.assertLessEqual(numpy.abs(scores[:, 1]).max(), 4)
                self.assertGreater(numpy.abs(scores[:, 1]).max(), 0)

    def test_spectrum(self):
        found = self.check("spectrum")
        data, shrunk = found["Singular values", "data Y"], found["Singular values", "optimum, σ − τ"]
        tau = found["Singular values", "threshold τ"][0, 1]
        self.assertClose(data[:len(shrunk), 1] - shrunk[:, 1], numpy.full(len(shrunk), tau), 1e-4)
        self.assertClose(theory.optimum(numpy.diag(data[:, 1]), 0.5, 32).tau, tau, 1e-4)
        reached = found["Singular values", "expected objective"][:len(shrunk), 1]
        self.assertClose(reached, shrunk[:len(reached), 1], 1e-3)

    def test_balance(self):
        found = self.check("balance")
        for name in ("dropout training", "expected objective"):
            spread = found["Spread of the weights", name][:, 1]
            self.assertGreater(spread[0], 0.1)
            self.assertLessEqual(spread[-1], 0.01)

    def test_dropblock(self):
        found = self.check("dropblock")
        gap = found["Above the convex value", "pairing, 2 blocks"][0, 1]
        self.assertGreater(gap, 1e-4)
        self.assertClose(found["Above the convex value", "2 blocks"][-1, 1], gap, 1e-3)
        self.assertLess(found["Above the convex value", "16 blocks"][-1, 1], 1e-5)

    def test_dropconnect(self):
        found = self.check("dropconnect")
        tables = [found["Singular values", side][:, 1] for side in ("entries of U", "entries of V", "U and V")]
        self.assertGreater(tables[0][0], tables[1][0])
        self.assertGreater(tables[1][0], tables[2][0])

    def test_variable_rate(self):
        found = self.check("variable-rate")
        rank = found["Units that are left", "ρ of theory"][0, 1]
        units = found["Units that are left", "found"]
        self.assertEqual(set(units[units[:, 0] >= rank, 1]), {rank})
        objective, best = found["Objective", "rate that varies, trained"], found["Objective", "closed form"][0, 1]
        self.assertClose(objective[units[:, 0] >= rank, 1], numpy.full((units[:, 0] >= rank).sum(), best), 1e-4)
        self.assertGreater(objective[units[:, 0] < rank, 1].min(), best * 1.0001)

    def test_the_page_needs_no_other_file(self):
        self.assertEqual((self.result.status, self.result.err != ""), (0, False) if FASHION.is_dir() else (3, True))
        page = self.path("lab/index.html").read_text(encoding="utf-8")
        pictures = dict(re.findall(r'<img alt="([^"]+)" src="data:image/svg\+xml;base64,([^"]+)">', page))
        shown = [name for name in NAMES if name != "learning-curve" or FASHION.is_dir()]
        self.assertEqual(list(pictures), shown)
        for name, picture in pictures.items():
            self.assertEqual(base64.b64decode(picture), self.path(f"lab/{name}.svg").read_bytes())
        self.assertEqual(re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*\"", page), [])
        self.assertNotIn("does not hold", page)


class One(Lab):
    def test_images_that_are_missing_are_named(self):
        result = self.dropcl("lab", "learning-curve", "-o", "lab", "--data", self.path("nowhere"), status=3)
        self.assertIn("dataset-fashion-mnist", result.err)
        self.assertFalse(self.path("lab/learning-curve.svg").exists())

    def test_the_same_seed_gives_the_same_table(self):
        tables = []
        for _ in range(2):
            self.assertRegex(self.lab("dropconnect"), r"\Adropconnect: expected: .+; found: .+; it holds\.\n\Z")
            tables.append(self.path("lab/dropconnect.csv").read_bytes())
        self.assertEqual(*tables)
        self.lab("dropconnect", "--seed", 2)
        self.assertNotEqual(self.path("lab/dropconnect.csv").read_bytes(), tables[0])

    def test_what_makes_no_sense_is_refused(self):
        self.assertIn("landscape, ", self.dropcl("lab", "landscapes", "-o", "lab", status=2).err)
        self.dropcl("lab", "landscape", status=2)
        self.dropcl("lab", status=2)


if __name__ == "__main__":
    unittest.main()
