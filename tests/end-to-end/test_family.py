"""test_family.py: every kind of noise on 2000 real images in single precision, beside its closed form."""
import gzip
import pathlib
import unittest

import numpy

from common import AS_USERS, RUSTICL, Case, has_rusticl

IMAGES = pathlib.Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")     # dataset-fashion-mnist
ROWS, WIDTH = 2000, 32
DEVICES = {"PoCL": ("Portable", AS_USERS), "rusticl": ("llvmpipe", RUSTICL)}

# Kinds with a closed form, or with a bound that training attains. Explicit training knows no masks: there two of
# them are dropout once more.
KINDS = {
    "dropout": [],
    "by sample": ["--mask", "sample"],
    "variable rate": ["--variable-rate", "--retain", 0.9],
    "dropblock": ["--noise", "dropblock", "--block", 4],
    "two blocks": ["--noise", "dropblock", "--block", WIDTH // 2],
    "dropconnect u": ["--noise", "dropconnect", "--side", "u"],
    "dropconnect v": ["--noise", "dropconnect", "--side", "v"],
    "dropconnect both": ["--noise", "dropconnect", "--side", "both", "--retain", 0.7, "--retain-v", 0.8],
}
ONLY_MASKS = {"by sample", "dropconnect u"}
SAME_MASKS = {"dropconnect v"}                      # as "by sample", to the last bit (test_noise.py)
FEW = {"dropblock", "dropconnect both"}             # a software renderer takes minutes for all of them
COARSE = {"rows": 40, "every": 2}                   # and for images as large


def first_images(rows, every):
    """Images as rows, of which every so many pixels across and down are left."""
    with gzip.open(IMAGES) as stream:
        pixels = stream.read(16 + rows * 784)[16:]
    left = numpy.frombuffer(pixels, numpy.uint8).reshape(rows, 28, 28)[:, ::every, ::every]
    return (left.reshape(rows, -1) / 255).astype(numpy.float32)


@unittest.skipUnless(IMAGES.exists(), "needs the Debian package dataset-fashion-mnist")
class Family(Case):
    def check(self, device, solver, kinds, most, rows=ROWS, every=1, more=()):
        """Each kind comes so near its closed form, or its bound, relatively, and balances."""
        selector, environment = DEVICES[device]
        self.save("Y.npy", first_images(rows, every))
        for kind in kinds:
            with self.subTest(kind=kind, device=device, solver=solver):
                fit = self.factorize(self.path("Y.npy"), "--solver", solver, "--rank", WIDTH, "--device", selector,
                                     *KINDS[kind], *more, environment=environment)
                report = fit.report
                self.assertLessEqual(report["objective"], report["lower_bound"] * (1 + most))
                self.assertGreaterEqual(report["objective"], report["lower_bound"] * (1 - 1e-6))
                self.assertLessEqual(report["balance_error"], 1e-2)

    def test_explicit_training_reaches_the_closed_forms(self):
        self.check("PoCL", "explicit", KINDS.keys() - ONLY_MASKS, 1e-4)

    def test_stochastic_training_comes_within_1_percent(self):
        self.check("PoCL", "stochastic", KINDS.keys() - SAME_MASKS, 1e-2)

    @unittest.skipUnless(has_rusticl(), "needs rusticl")
    def test_steps_on_all_images_are_the_same_on_rusticl(self):
        self.save("Y.npy", first_images(ROWS, 1))
        for kind in FEW:
            seen = [self.factorize(self.path("Y.npy"), "--rank", WIDTH, "--steps", 3, *KINDS[kind], "--device", selector,
                                   environment=environment, out=selector).history
                    for selector, environment in DEVICES.values()]
            here, there = ([float(step["objective"]) for step in history] for history in seen)
            self.assertEqual(len(here), 3)
            self.assertClose(there, here, 1e-5)

    @unittest.skipUnless(has_rusticl(), "needs rusticl")
    def test_explicit_training_on_rusticl(self):
        self.check("rusticl", "explicit", FEW, 1e-4, **COARSE)

    @unittest.skipUnless(has_rusticl(), "needs rusticl")
    def test_stochastic_training_on_rusticl(self):
        self.check("rusticl", "stochastic", {"dropout"}, 1e-2, **COARSE, more=("--steps", 350))


if __name__ == "__main__":
    unittest.main()
