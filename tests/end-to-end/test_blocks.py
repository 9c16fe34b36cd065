"""test_blocks.py: DropBlock's closed form by `dropcl threshold` and `dropcl balance`, against NumPy."""
import json
import unittest

import numpy

from common import RUSTICL, Case, has_rusticl, small

RETAIN = 0.6
PENALTY = (1 - RETAIN) / RETAIN


def weights(values, block, mu):
    """clip(s / T - mu, 0, 1) with the sum block, by bisection."""
    if numpy.count_nonzero(values) <= block:
        return (values > 0).astype(float)
    low, high = 0, values[0] / mu
    for _ in range(200):
        level = (low + high) / 2
        low, high = (level, high) if numpy.clip(values / level - mu, 0, 1).sum() > block else (low, level)
    return numpy.clip(values / high - mu, 0, 1)


def convex(matrix, block, blocks, penalty=PENALTY):
    """The convex value, a lower bound of the objective: mu sum s^2 / (w + mu) of the leading values, and the rest."""
    values = numpy.linalg.svd(matrix, compute_uv=False)
    used, mu = values[:block * blocks], penalty / blocks
    return mu * (used ** 2 / (weights(used, block, mu) + mu)).sum() + (values[block * blocks:] ** 2).sum()


def pairs(matrix, block, penalty=PENALTY):
    """Two blocks: the i-th and the i-th last of 2 b values, min (a - x)^2 + (c - y)^2 + penalty / 2 (x + y)^2."""
    values = numpy.linalg.svd(matrix, compute_uv=False)
    values = numpy.append(values, numpy.zeros(2 * block))
    mu, total = penalty / 2, (values[2 * block:] ** 2).sum()
    for a, c in zip(values[:block], values[block:2 * block][::-1]):
        both = mu * (a + c) / (1 + 2 * mu)
        alone = mu * a / (1 + mu)
        total += mu * (a + c) ** 2 / (1 + 2 * mu) if c > both else c ** 2 + a * alone
    return total


def block_norms(u, v, block):
    return numpy.array([numpy.linalg.norm(u[:, i:i + block] @ v[:, i:i + block].T) for i in range(0, u.shape[1],
                                                                                                  block)])


def objective(matrix, u, v, block, penalty=PENALTY):
    return ((matrix - u @ v.T) ** 2).sum() + penalty * (block_norms(u, v, block) ** 2).sum()


class Blocks(Case):
    def threshold(self, matrix, *options, dtype="f64", **settings):
        """Returns U, V and the summary."""
        self.save("Y.npy", matrix)
        retain = [] if "--lambda" in options else ["--retain", RETAIN]
        out = self.dropcl("threshold", "Y.npy", "-o", "out", *retain, "--dtype", dtype, "--json", *options,
                          **settings).out
        u, v = (numpy.load(self.path(f"out/{name}.npy")).astype(float) for name in "UV")
        return u, v, json.loads(out)

    def check(self, matrix, block, rank, *options, dtype="f64", penalty=PENALTY):
        u, v, found = self.threshold(matrix, "--block", block, "--rank", rank, *options, dtype=dtype)
        blocks, close = rank // block, 1e-9 if dtype == "f64" else 2e-6
        self.assertClose(found["convex"], convex(matrix, block, blocks, penalty), close)
        self.assertClose(found["objective"], objective(matrix, u, v, block, penalty), close)
        self.assertGreaterEqual(found["objective"], found["convex"] * (1 - close))
        if found["attained"] == "yes":
            self.assertClose(found["objective"], found["convex"], close)
        if blocks == 2:
            self.assertClose(found["optimum"], pairs(matrix, block, penalty), close)
            self.assertClose(found["objective"], found["optimum"], close)
        return u, v, found

    def test_two_blocks_that_do_not_reach_the_convex_value(self):
        matrix = numpy.diag([3, 2.2, 1.5, 1])
        u, v, found = self.check(matrix, 2, 4, "--lambda", 0.6, penalty=0.6)
        self.assertClose(found["optimum"], 5.566875, 1e-12)
        self.assertEqual(found["attained"], "no")
        self.assertLess(numpy.ptp(block_norms(u, v, 2)), 1e-12)

    def test_the_blocks_of_theory(self):
        draw = numpy.random.default_rng(5)
        for block, blocks in ((2, 4), (2, 6), (3, 6)):
            for _ in range(3):
                u, v, found = self.check(draw.normal(size=(9, 7)), block, block * blocks)
                self.assertEqual(found["attained"], "yes")
                norms = block_norms(u, v, block)
                self.assertLessEqual(numpy.ptp(norms), 1e-12 * norms.mean())

    def test_shapes_and_spectra(self):
        draw = numpy.random.default_rng(6)
        for shape, block, rank in (((1, 1), 2, 4), ((1, 8), 3, 9), ((12, 5), 5, 5), ((20, 30), 4, 8), ((6, 9), 3, 12)):
            self.check(draw.normal(size=shape), block, rank)
        self.check(numpy.eye(6), 2, 6)
        self.check(numpy.ones((6, 4)), 2, 8)
        self.check(numpy.diag([100, 1, 1, 1, 1, 1.0]), 2, 6)
        u, v, found = self.threshold(numpy.zeros((5, 4)), "--block", 2, "--rank", 6)
        self.assertEqual((found["optimum"], found["objective"], abs(u).max()), (0, 0, 0))

    def test_single_precision(self):
        self.check(small(), 4, 16, dtype="f32")
        self.check(small(), 8, 16, dtype="f32")

    def test_a_rate_that_varies_with_the_blocks(self):
        for rank in (8, 12, 24):
            _, _, found = self.check(small(), 4, rank, "--variable-rate", penalty=PENALTY * rank / 4)
            self.assertClose(found["lambda"], PENALTY * rank / 4, 1e-12)

    def test_balanced_units(self):
        for method in ("chain", "hadamard"):
            u, v, found = self.threshold(small(), "--rank", 16, "--balance", "--method", method)
            self.assertClose(found["objective"], found["optimum"], 1e-11)
            self.assertLess(found["balance_error"], 1e-12)

    def test_it_is_what_factorize_finds(self):
        matrix = small()
        fit = self.factorize(matrix, "--noise", "dropblock", "--block", 4, "--rank", 16, "--retain", RETAIN, "--solver",
                             "explicit", "--dtype", "f64")
        _, _, found = self.check(matrix, 4, 16)
        self.assertClose(fit.report["objective"], found["objective"], 1e-6)

    def test_the_default_rank_is_whole_blocks(self):
        for columns, block, rank in ((7, 3, 6), (4, 5, 5)):
            self.assertEqual(self.threshold(small()[:, :columns], "--block", block)[2]["width"], rank)

    def test_a_search_for_many_large_blocks_ends(self):
        """It took the better part of an hour."""
        matrix = numpy.random.default_rng(3).normal(size=(400, 390))
        _, _, found = self.threshold(matrix, "--block", 32, "--rank", 384, dtype="f32")
        self.assertLess(found["balance_error"], 1e-3)
        self.assertClose(found["objective"], found["convex"], 1e-6)

    def test_contradictions(self):
        self.save("Y.npy", small())
        for words in (["--block", 3, "--rank", 8], ["--block", 0], ["--block", 2, "--tau", 1],
                      ["--block", 2, "--method", "hadamard"], ["--variable-rate", "--tau", 1],
                      ["--tau", 1, "--retain", 0.5], ["--tau", 1, "--lambda", 1], ["--lambda", 1, "--retain", 0.5]):
            self.dropcl("threshold", "Y.npy", "-o", "out", *words, status=2)
            self.assertFalse(self.path("out").exists())
        self.dropcl("balance", "Y.npy", "Y.npy", "-o", "out", "--block", 2, "--method", "rotation", status=2)

    @unittest.skipUnless(has_rusticl(), "rusticl is not installed")
    def test_rusticl(self):
        _, _, found = self.threshold(small(), "--rank", 16, "--method", "hadamard", dtype="f32",
                                     environment={**RUSTICL, "DROPCL_DEVICE": "rusticl"})
        self.assertClose(found["objective"], found["optimum"], 1e-5)


class Balance(Case):
    def balance(self, u, v, *options):
        self.save("U.npy", u)
        self.save("V.npy", v)
        found = json.loads(self.dropcl("balance", "U.npy", "V.npy", "-o", "out", "--dtype", "f64", "--json",
                                       *options).out)
        made = [numpy.load(self.path(f"out/{name}.npy")) for name in "UV"]
        self.assertClose(made[0] @ made[1].T, u @ v.T, 1e-12)
        return (*made, found)

    def test_blocks(self):
        draw = numpy.random.default_rng(9)
        u, v = draw.normal(size=(30, 12)), draw.normal(size=(20, 12))
        for block in (2, 3, 4, 6, 12):
            made_u, made_v, found = self.balance(u, v, "--block", block)
            before, after = block_norms(u, v, block), block_norms(made_u, made_v, block)
            self.assertClose(found["penalty_before"], (before ** 2).sum(), 1e-12)
            self.assertClose(found["penalty_after"], (after ** 2).sum(), 1e-12)
            self.assertClose(found["spread_before"], numpy.ptp(before) / before.mean(), 1e-9, scale=1)
            self.assertLessEqual(found["penalty_after"], found["penalty_before"] * (1 + 1e-12))
            if block in (3, 4, 6, 12):
                self.assertLess(found["spread_after"], 1e-11)

    def test_hadamard(self):
        draw = numpy.random.default_rng(10)
        u, v = draw.normal(size=(30, 16)), draw.normal(size=(20, 16))
        _, _, found = self.balance(u, v, "--method", "hadamard")
        nuclear = numpy.linalg.svd(u @ v.T, compute_uv=False).sum()
        self.assertClose(found["penalty_after"], nuclear ** 2 / 16, 1e-12)
        self.assertLess(found["spread_after"], 1e-12)
        self.save("U.npy", u[:, :15])
        self.save("V.npy", v[:, :15])
        self.dropcl("balance", "U.npy", "V.npy", "-o", "out", "--method", "hadamard", status=2)


if __name__ == "__main__":
    unittest.main()
