"""compare_pytorch_train.py: an epoch of `dropcl train` beside the same network in PyTorch.

    compare_pytorch_train.py build/dropcl [--size SAMPLESxFEATURESxHIDDENxCLASSES] [--repeats N] [--threads N] [--json]

Two hidden layers of relu, dropout 0.5 on both, cross-entropy, Adam, batches of 256 in a new order every epoch. What
is timed is an epoch after the first, on the same random data; PyTorch keeps all data in one tensor and gathers
batches by index, which is the fastest way it has.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import compare

BATCH, EPOCHS, RATE = 256, 3, 1e-3


def numbers(size):
    return [int(number) for number in size.split("x")]


def make_data(numpy, size, folder):
    samples, features, _, classes = numbers(size)
    draw = numpy.random.default_rng(1)
    x, labels = draw.random((samples, features), dtype="f4"), draw.integers(0, classes, samples)
    labels[:classes] = range(classes)
    numpy.save(folder / "X.npy", x)
    numpy.save(folder / "T.npy", labels)
    return x, labels


def ours(taken, size, folder):
    """Seconds of one epoch."""
    hidden = numbers(size)[2]
    command = [taken.program, "train", folder / "X.npy", folder / "T.npy", "-o", folder / "net", "--layers",
               f"{hidden},{hidden}", "--dropout", 0.5, "--batch", BATCH, "--epochs", EPOCHS, "--rate", RATE, "--json"]
    time.sleep(compare.PAUSE)
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"dropcl train ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)["seconds_per_epoch"]


def epoch_of(torch, size, x, labels):
    """A function that trains one epoch and returns its seconds."""
    samples, features, hidden, classes = numbers(size)
    torch.manual_seed(1)
    layers = [torch.nn.Linear(features, hidden), torch.nn.ReLU(), torch.nn.Dropout(0.5),
              torch.nn.Linear(hidden, hidden), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(hidden, classes)]
    network = torch.nn.Sequential(*layers)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    x, labels = torch.from_numpy(x), torch.from_numpy(labels)

    def epoch():
        start = time.perf_counter()
        total = torch.zeros(())
        for indices in torch.randperm(samples).split(BATCH):
            loss = torch.nn.functional.cross_entropy(network(x[indices]), labels[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return time.perf_counter() - start
    return epoch


def main():
    taken = compare.arguments("An epoch of dropcl train beside PyTorch.", "60000x784x1024x10")
    compare.require("torch", "numpy")
    import numpy
    import torch
    torch.set_num_threads(taken.threads)
    found = []
    for size in taken.size:
        with tempfile.TemporaryDirectory(prefix="dropcl-") as name:
            folder = pathlib.Path(name)
            x, labels = make_data(numpy, size, folder)
            theirs = epoch_of(torch, size, x, labels)
            theirs()
            times = {"dropcl": [], "PyTorch": []}
            for _ in range(taken.repeats):
                times["dropcl"].append(ours(taken, size, folder))
                time.sleep(compare.PAUSE)
                times["PyTorch"].append(theirs())
        found += compare.rows(f"epoch {size}", times)
    compare.report({"PyTorch": torch.__version__}, taken.threads, found, taken.json)


if __name__ == "__main__":
    main()
