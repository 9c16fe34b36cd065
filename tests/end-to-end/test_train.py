"""test_train.py: `dropcl train` on small data: files, figures held against NumPy, and what it refuses."""
import csv
import gzip
import json
import unittest

import numpy

from common import Case, RUSTICL, has_rusticl

WEIGHTS = [f"layers.{layer}.{what}" for layer in range(2) for what in ("weight", "bias")]


def clusters(count, seed):
    """Samples around three centres, 12 features, whole numbers of a byte; and which centre it was."""
    centres = numpy.random.default_rng(1).integers(40, 200, size=(3, 12))
    draw = numpy.random.default_rng(seed)
    labels = draw.integers(0, 3, size=count)
    labels[:3] = range(3)
    return numpy.clip(centres[labels] + draw.normal(0, 20, size=(count, 12)), 0, 255).astype("u1"), labels.astype("u1")


def as_idx(array):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return b"\0\0\x08" + bytes([array.ndim]) + sizes + array.tobytes()


def forward(weights, x):
    """Outputs of a network of two layers with relu."""
    hidden = numpy.maximum(x @ weights["layers.0.weight"].T + weights["layers.0.bias"], 0)
    return hidden @ weights["layers.1.weight"].T + weights["layers.1.bias"]


def cross_entropy(outputs, labels):
    shifted = outputs - outputs.max(1, keepdims=True)
    return (numpy.log(numpy.exp(shifted).sum(1)) - shifted[numpy.arange(len(labels)), labels]).mean()


def read_safetensors(file):
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    found = {}
    for name, about in json.loads(content[8:8 + length]).items():
        begin, end = about["data_offsets"]
        numbers = numpy.frombuffer(content[8 + length + begin:8 + length + end],
                                   {"F32": "<f4", "F64": "<f8"}[about["dtype"]])
        found[name] = numbers.reshape(about["shape"])
    return found


class Train(Case):
    def setUp(self):
        super().setUp()
        for name, seed in (("train", 2), ("test", 3)):
            images, labels = clusters(300, seed)
            self.path(f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(as_idx(images.reshape(-1, 3, 4))))
            self.path(f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(as_idx(labels)))

    def train(self, *options, out="net", status=0, environment=None):
        words = ["train", "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "-o", out, "--scale", "1/255",
                 "--layers", "16", "--batch", "32", "--epochs", "8", "--rate", "0.01", *options]
        self.dropcl(*words, status=status, **({"environment": environment} if environment else {}))
        return json.loads(self.path(f"{out}/report.json").read_text(encoding="utf-8")) if status == 0 else None

    TEST = ("--test", "test-images-idx3-ubyte.gz", "--test-targets", "test-labels-idx1-ubyte.gz")

    def test_figures_are_those_of_the_weights(self):
        report = self.train("--dropout", "0.3", "--holdout", "0.2", *self.TEST)
        weights = numpy.load(self.path("net/weights.npz"))
        self.assertEqual(sorted(weights.files), sorted(WEIGHTS))
        self.assertEqual(weights["layers.0.weight"].shape, (16, 12))
        self.assertEqual(weights["layers.1.bias"].shape, (3,))
        images, labels = clusters(300, 3)
        outputs = forward(weights, images / 255)
        self.assertAlmostEqual(report["test_loss"], cross_entropy(outputs, labels), 5)
        self.assertAlmostEqual(report["test_error"], (outputs.argmax(1) != labels).mean(), 9)
        self.assertLess(report["test_error"], 0.05)
        self.assertEqual((report["samples"], report["validation_samples"], report["test_samples"]), (240, 60, 300))
        self.assertEqual([layer["noise"] for layer in report["layers"]], ["none", "dropout"])
        self.assertIsNone(report["last_layer"])

    def test_both_files_hold_the_same_weights(self):
        self.train()
        weights = numpy.load(self.path("net/weights.npz"))
        tensors = read_safetensors(self.path("net/weights.safetensors"))
        self.assertEqual(sorted(tensors), sorted(WEIGHTS))
        for name in WEIGHTS:
            self.assertEqual(weights[name].tobytes(), tensors[name].tobytes())

    def test_history_and_pictures(self):
        report = self.train("--holdout", "0.2")
        with open(self.path("net/history.csv"), newline="", encoding="ascii") as stream:
            rows = list(csv.DictReader(stream))
        self.assertEqual([int(row["epoch"]) for row in rows], list(range(1, 9)))
        self.assertEqual(int(rows[-1]["step"]), report["steps"])
        self.assertLess(float(rows[-1]["validation_loss"]), float(rows[0]["validation_loss"]))
        self.assertLess(float(rows[-1]["training_loss"]), float(rows[0]["training_loss"]))
        self.assertTrue(self.path("net/report.png").read_bytes().startswith(b"\x89PNG"))
        self.assertIn("<svg", self.path("net/report.svg").read_text(encoding="utf-8"))

    def test_only_noise_is_called_noise(self):
        for options, remark in (((), " (last epoch)"), (("--dropout", "0.3"), " (with noise, last epoch)")):
            words = ["train", "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "-o", "net", "--layers", "4",
                     "--epochs", "1", *options]
            self.assertIn(remark, self.dropcl(*words).out)

    def test_the_same_seed_gives_the_same_bytes(self):
        noise = ("--noise", "1:dropout:0.9", "--noise", "2:dropblock:0.5:4")
        runs = {"one": (), "two": (), "other": ("--seed", "2")}
        for out, more in runs.items():
            self.train(*noise, *more, out=out)
        for name in ("weights.npz", "weights.safetensors"):
            one, two, other = (self.path(f"{out}/{name}").read_bytes() for out in runs)
            self.assertEqual(one, two)
            self.assertNotEqual(one, other)

    def test_every_noise_learns(self):
        for noise in ("2:dropout:0.5", "2:dropblock:0.5:2", "2:dropconnect:0.5", "1:dropconnect:0.7"):
            for mask in ("step", "sample"):
                report = self.train("--noise", noise, "--mask", mask, *self.TEST, "--epochs", "20")
                self.assertLess(report["test_error"], 0.1, (noise, mask))

    def test_weights_come_in_again(self):
        self.train(*self.TEST)
        before = numpy.load(self.path("net/weights.npz"))
        for name in ("weights.npz", "weights.safetensors"):
            self.train("--weights", self.path("net") / name, "--epochs", "1", "--rate", "1e-12", out="again")
            after = numpy.load(self.path("again/weights.npz"))
            for key in WEIGHTS:
                self.assertClose(after[key], before[key], 1e-6)
        result = self.dropcl("train", "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "-o", "net",
                             "--layers", "17", "--weights", "net/weights.npz", status=3)
        self.assertIn("net/weights.npz", result.err)

    def test_weights_that_are_no_numbers(self):
        self.train("--epochs", "1")
        weights = dict(numpy.load(self.path("net/weights.npz")))
        weights["layers.1.bias"][1] = numpy.nan
        numpy.savez(self.path("grown.npz"), **weights)
        result = self.dropcl("train", "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "-o", "again",
                             "--layers", "16", "--weights", "grown.npz", status=3)
        self.assertIn("grown.npz: number 2 of 'layers.1.bias' is not finite", result.err)

    def test_weights_of_numpy_come_in(self):
        """Packed by savez_compressed, in double precision and Fortran order."""
        draw = numpy.random.default_rng(5)
        weights = {"layers.0.weight": numpy.asfortranarray(draw.normal(size=(16, 12))),
                   "layers.0.bias": draw.normal(size=16), "layers.1.weight": draw.normal(size=(3, 16)),
                   "layers.1.bias": draw.normal(size=3)}
        numpy.savez_compressed(self.path("start.npz"), **weights)
        self.train("--weights", "start.npz", "--epochs", "1", "--rate", "1e-12", "--dtype", "f64")
        after = numpy.load(self.path("net/weights.npz"))
        for key in WEIGHTS:
            self.assertClose(after[key], weights[key], 1e-9)

    def test_early_stopping(self):
        """Labels of validation that have nothing to do with the samples: soon nothing gets better."""
        numpy.save(self.path("noise.npy"), numpy.random.default_rng(6).integers(0, 3, size=300))
        report = self.train("--validation", "train-images-idx3-ubyte.gz", "--validation-targets", "noise.npy",
                            "--patience", "3", "--epochs", "200", "--rate", "0.05")
        self.assertEqual(report["epochs"], report["best_epoch"] + 3)
        outputs = forward(numpy.load(self.path("net/weights.npz")), clusters(300, 2)[0] / 255)
        self.assertAlmostEqual(report["validation_loss"], cross_entropy(outputs, numpy.load(self.path("noise.npy"))), 4)

    def test_last_layer_beside_its_bound(self):
        draw = numpy.random.default_rng(7)
        x, t = draw.normal(size=(80, 5)), draw.normal(size=(80, 4))
        self.save("X.npy", x)
        self.save("T.npy", t)
        self.dropcl("train", "X.npy", "T.npy", "-o", "net", "--layers", "9", "--loss", "squared", "--no-last-bias",
                    "--dropout", "0.4", "--epochs", "30", "--dtype", "f64")
        last = json.loads(self.path("net/report.json").read_text(encoding="utf-8"))["last_layer"]
        weights = numpy.load(self.path("net/weights.npz"))
        hidden = numpy.maximum(x @ weights["layers.0.weight"].T + weights["layers.0.bias"], 0)
        product = weights["layers.1.weight"]
        penalty = 0.4 / 0.6 * ((product ** 2).sum(0) * (hidden ** 2).sum(0)).sum()
        self.assertClose(last["data_term"], ((t - hidden @ product.T) ** 2).sum(), 1e-9)
        self.assertClose(last["regularizer"], penalty, 1e-9)
        values = numpy.linalg.svd(t, compute_uv=False)
        sums, count = values.cumsum(), numpy.arange(1, 5)
        tau = max(0.4 / 0.6 * sums / (9 + 0.4 / 0.6 * count))
        kept = values[values > tau]
        bound = (values[len(kept):] ** 2).sum() + 0.4 / 0.6 * kept.sum() ** 2 / (9 + 0.4 / 0.6 * len(kept))
        self.assertClose(last["lower_bound"], bound, 1e-9)
        self.assertGreaterEqual(last["objective"], last["lower_bound"])

    def test_numbers_as_targets(self):
        draw = numpy.random.default_rng(8)
        x = draw.normal(size=(200, 6))
        self.save("X.npy", x)
        self.save("T.npy", x @ draw.normal(size=6) + 0.5)
        done = self.dropcl("train", "X.npy", "T.npy", "-o", "net", "--loss", "squared", "--epochs", "60", "--rate",
                           "0.05", "--batch", "50", "--holdout", "0.145")
        report = json.loads(self.path("net/report.json").read_text(encoding="utf-8"))
        self.assertLess(report["training_loss"], 1e-3)
        self.assertEqual(report["samples"], 171)                  # 29 of 200, not 28.999...
        self.assertNotIn("errors", done.out)                      # one output names no class
        self.assertIsNone(report["training_error"])
        self.assertIsNone(report["validation_error"])

    def test_numbers_that_are_whole_are_numbers_too(self):
        draw = numpy.random.default_rng(1)
        self.save("X.npy", draw.normal(size=(60, 5)))
        for more in (0, 0.25):
            self.save("T.npy", draw.integers(0, 30, size=60) + more)
            self.dropcl("train", "X.npy", "T.npy", "-o", "net", "--loss", "squared", "--epochs", "2")
            self.assertEqual(numpy.load(self.path("net/weights.npz"))["layers.0.weight"].shape, (1, 5))

    def test_a_label_that_is_far_too_large_is_refused(self):
        labels = numpy.arange(60) % 3
        labels[7] = 99999
        self.save("X.npy", numpy.ones((60, 5)))
        refused = self.dropcl("train", "X.npy", self.save("T.npy", labels), "-o", "net", status=3)
        self.assertIn("T.npy: the largest label is 99999, but only 4 different ones occur", refused.err)
        labels[7] = 10 ** 6
        refused = self.dropcl("train", "X.npy", self.save("T.npy", labels), "-o", "net", status=3)
        self.assertIn("T.npy: the label 1000000 is too large", refused.err)

    def test_whole_numbers_for_a_test_are_what_those_for_training_are(self):
        draw = numpy.random.default_rng(1)
        self.save("X.npy", draw.normal(size=(60, 5)))
        self.save("T.npy", draw.normal(size=60).round())
        losses = []
        for zeros in (numpy.zeros(60), numpy.zeros((60, 1))):
            self.save("Z.npy", zeros)
            self.dropcl("train", "X.npy", "T.npy", "-o", "net", "--loss", "squared", "--epochs", "2", "--test", "X.npy",
                        "--test-targets", "Z.npy")
            losses.append(json.loads(self.path("net/report.json").read_text(encoding="utf-8"))["test_loss"])
        self.assertEqual(losses[0], losses[1])

    def test_what_is_refused(self):
        files = ("train", "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "-o", "net")
        for words in (("--noise", "3:dropout:0.5"), ("--noise", "1:dropout"), ("--noise", "1:thunder:0.5"),
                      ("--dropout", "1"), ("--noise", "1:dropout:0.5:3"), ("--noise", "2:dropblock:0.5:4junk"),
                      ("--noise", "2:dropblock:0.5"), ("--noise", "1x:dropout:0.5"),
                      ("--noise", "99999999999999999999:dropout:0.5"), ("--layers", "3,x"), ("--layers", "4,5,"),
                      ("--patience", "3"), ("--holdout", "1"),
                      ("--test", "a.npy"), ("--holdout", "0.1", "--validation", "a", "--validation-targets", "b")):
            self.dropcl(*files, *words, status=2)
        self.save("few.npy", numpy.zeros(7))
        self.save("half.npy", numpy.full(300, 0.5))
        for labels in ("few.npy", "half.npy", "missing.npy"):
            result = self.dropcl("train", "train-images-idx3-ubyte.gz", labels, "-o", "net", status=3)
            self.assertIn(labels, result.err)
        self.assertFalse(self.path("net").exists())

    def test_rusticl(self):
        if not has_rusticl():
            self.skipTest("rusticl is not installed")
        report = self.train("--dropout", "0.3", "--device", "rusticl", *self.TEST, environment=RUSTICL)
        self.assertLess(report["test_error"], 0.05)


if __name__ == "__main__":
    unittest.main()
