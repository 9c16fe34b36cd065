"""test_expectation.py: what dropout's random losses are on average is the explicit objective."""
import json
import math
import unittest

import numpy

import theory
from common import Case

DRAWS = 10_000
ROWS, COLUMNS, WIDTH, RETAIN = 12, 10, 6, 0.6


def node(name, op, inputs, **attributes):
    return {"name": name, "op": op, "inputs": inputs, "attributes": attributes}


def loss_graph(seed):
    """The loss at fixed factors under a new mask every step; its mean and that of its square so far."""
    return {
        "format": "dropcl-graph/1", "dtype": "f64", "seed": seed,
        "inputs": [{"name": "Y", "shape": [ROWS, COLUMNS]}],
        "parameters": [{"name": "U", "shape": [ROWS, WIDTH]}, {"name": "V", "shape": [COLUMNS, WIDTH]},
                       {"name": "mean", "shape": []}, {"name": "mean_square", "shape": []}],
        "nodes": [
            node("kept", "mask", [], shape=[1, WIDTH], retain=RETAIN, stream=3),
            node("dropped", "multiply", ["U", "kept"]),
            node("product", "matmul", ["dropped", "V"], transpose_b=True),
            node("loss", "squared_error", ["product", "Y"]),
            node("loss_squared", "square", ["loss"]),
            node("next_mean", "average", ["mean", "loss"]),
            node("next_mean_square", "average", ["mean_square", "loss_squared"])],
        "assign": {"mean": "next_mean", "mean_square": "next_mean_square"},
        "results": {"loss": "loss"}}


class Expectation(Case):
    def setUp(self):
        super().setUp()
        draw = numpy.random.default_rng(1)
        self.u, self.v = draw.normal(size=(ROWS, WIDTH)), draw.normal(size=(COLUMNS, WIDTH))
        self.y = self.u @ self.v.T + draw.normal(size=(ROWS, COLUMNS))
        for name, matrix in (("Y", self.y), ("U", self.u), ("V", self.v)):
            self.save(f"{name}.npy", matrix)

    def average_loss(self, seed):
        """The mean of DRAWS losses, and its standard error."""
        self.path("graph.json").write_text(json.dumps(loss_graph(seed)), encoding="utf-8")
        feeds = [word for name in "YUV" for word in ("--feed", f"{name}={name}.npy")]
        result = self.dropcl("run", "graph.json", *feeds, "--steps", DRAWS, "--fetch", "mean", "--fetch",
                             "mean_square")
        mean, mean_square = (float(line.split(" = ")[1]) for line in result.out.splitlines())
        return mean, math.sqrt((mean_square - mean ** 2) / DRAWS)

    def test_it_is_the_explicit_objective_within_its_standard_error(self):
        explicit = theory.objective(self.y, self.u, self.v, RETAIN)
        mean, error = self.average_loss(seed=1)
        self.assertLessEqual(abs(mean - explicit), error)

    def test_other_seeds_scatter_around_it(self):
        explicit = theory.objective(self.y, self.u, self.v, RETAIN)
        means, errors = zip(*(self.average_loss(seed) for seed in range(2, 6)))
        distances = (numpy.array(means) - explicit) / errors
        self.assertEqual(len(set(means)), len(means))
        self.assertLessEqual(numpy.abs(distances).max(), 3, distances)

    def test_a_wrong_regularizer_is_noticed(self):
        data = theory.data_term(self.y, self.u, self.v)
        regularizer = theory.regularizer(self.u, self.v, RETAIN)
        mean, error = self.average_loss(seed=1)
        # 1 - theta where (1 - theta) / theta belongs, the inverse, twice the penalty, and none.
        for factor in (RETAIN, 1 / theory.penalty(RETAIN) ** 2, 2, 0):
            self.assertGreater(abs(mean - data - factor * regularizer), 10 * error, factor)


if __name__ == "__main__":
    unittest.main()
