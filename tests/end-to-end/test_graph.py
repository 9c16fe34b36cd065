"""test_graph.py: the graph that factorize saves gives the same result when it is run again, on any device."""
import json
import shutil
import unittest

import numpy

from common import RUSTICL, Case, has_rusticl, run, small

SOLVERS = ("stochastic", "explicit", "closed-form")


class Graph(Case):
    def train(self, solver, *options, steps=20):
        """Fits a small matrix and saves the graph as graph.json; returns the fit."""
        return self.factorize(small(), "--solver", solver, "--rank", 6, "--steps", steps, "--seed", 11,
                              "--graph", "graph.json", *options, out=solver)

    def rerun(self, steps, *options, **more):
        """Runs the saved graph; returns U and V."""
        self.dropcl("run", "graph.json", "--feed", "Y=Y.npy", "--steps", steps, "--fetch", "U=U.npy",
                    "--fetch", "V=V.npy", *options, **more)
        return [numpy.load(self.path(name)) for name in ("U.npy", "V.npy")]


class RunAgain(Graph):
    def test_a_saved_graph_gives_the_same_bits(self):
        for solver in SOLVERS:
            for dtype in ("f32", "f64"):
                with self.subTest(solver=solver, dtype=dtype):
                    fit = self.train(solver, "--dtype", dtype)
                    self.rerun(fit.report["steps"])
                    self.assertEqual([self.path(name).read_bytes() for name in ("U.npy", "V.npy")],
                                     fit.factor_bytes())

    def test_with_batches_too(self):
        fit = self.train("stochastic", "--batch", 15)
        u, v = self.rerun(20)
        self.assertTrue((u == fit.u).all() and (v == fit.v).all())

    def test_another_seed_gives_another_result(self):
        fit = self.train("stochastic")
        u, _ = self.rerun(20, "--seed", 12)
        self.assertTrue((u != fit.u).any())

    def test_single_numbers_are_printed(self):
        fit = self.train("explicit")
        result = self.dropcl("run", "graph.json", "--feed", "Y=Y.npy", "--steps", fit.report["steps"])
        numbers = dict(line.split(" = ") for line in result.out.splitlines())
        self.assertClose(float(numbers["objective"]), fit.report["objective"], 1e-5)

    def test_what_is_fed_can_be_scaled(self):
        fit = self.train("closed-form")
        numpy.save(self.path("tripled.npy"), 3 * small())
        self.dropcl("run", "graph.json", "--feed", "Y=tripled.npy", "--scale", "Y=1/3", "--steps", 1,
                    "--fetch", "U=U.npy")
        self.assertClose(numpy.abs(numpy.load(self.path("U.npy"))), numpy.abs(fit.u), 1e-4)

    def test_factors_can_be_fed_to_evaluate_them(self):
        fit = self.train("stochastic")
        result = self.dropcl("run", "graph.json", "--feed", "Y=Y.npy", "--feed", "U=stochastic/U.npy",
                             "--feed", "V=stochastic/V.npy", "--fetch", "objective")
        self.assertClose(float(result.out.split(" = ")[1]), fit.report["objective"], 1e-5)


class Drawing(Graph):
    def test_dot_draws_every_node_and_runs_nothing(self):
        self.train("stochastic")
        result = self.dropcl("run", "graph.json", "--dot", "graph.dot")
        self.assertEqual(result.out, "")
        drawing = self.path("graph.dot").read_text(encoding="utf-8")
        self.assertRegex(drawing, r"^digraph [^{]*\{")
        self.assertTrue(drawing.rstrip().endswith("}"))
        for node in json.loads(self.path("graph.json").read_text(encoding="utf-8"))["nodes"]:
            self.assertIn(node["op"], drawing)

    @unittest.skipUnless(shutil.which("dot"), "Graphviz is not installed")
    def test_graphviz_reads_it(self):
        self.train("explicit")
        self.dropcl("run", "graph.json", "--dot", "graph.dot")
        drawn = run("dot", "-Tsvg", self.path("graph.dot"), "-o", self.path("graph.svg"))
        self.assertEqual((drawn.status, drawn.err), (0, ""))


@unittest.skipUnless(has_rusticl(), "rusticl is not installed (Debian: mesa-opencl-icd)")
class OtherDevice(Graph):
    def test_20_stochastic_steps_agree_with_rusticl(self):
        fit = self.train("stochastic")
        u, v = self.rerun(20, "--device", "rusticl", environment=RUSTICL)
        self.assertClose(u, fit.u, 1e-4)
        self.assertClose(v, fit.v, 1e-4)
        self.assertTrue(numpy.abs(fit.u).max() > 0)

    def test_double_precision_is_refused_in_words(self):
        self.train("closed-form", "--dtype", "f64")
        shutil.rmtree(self.path("closed-form"))
        for words in (["run", "graph.json", "--feed", "Y=Y.npy", "--steps", 1, "--fetch", "U=U.npy"],
                      ["factorize", "Y.npy", "-o", "refused", "--dtype", "f64"]):
            result = self.dropcl(*words, "--device", "rusticl", status=4, environment=RUSTICL)
            self.assertRegex(result.err, r"^dropcl: .*llvmpipe.*no double precision.*f32.*\n$")
            self.assertEqual(result.out, "")
            self.assertFalse(self.path("U.npy").exists() or self.path("refused").exists())


if __name__ == "__main__":
    unittest.main()
