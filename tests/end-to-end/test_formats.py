"""test_formats.py: the same numbers give the same bits, whatever file they come in."""
import gzip
import unittest

import numpy

from common import Case

# Whole numbers of a byte: every format holds them exactly.
MATRIX = numpy.random.default_rng(4).integers(0, 256, size=(30, 20))


def as_csv(header=""):
    return (header + "\n".join(",".join(map(str, row)) for row in MATRIX) + "\n").encode()


def as_matrix_market(kind):
    head = f"%%MatrixMarket matrix {kind} integer general\n% a comment\n30 20"
    if kind == "array":
        body = [str(value) for value in MATRIX.T.ravel()]
    else:
        body = [f"{i + 1} {j + 1} {MATRIX[i, j]}" for j in range(20) for i in range(30)]
        head += f" {len(body)}"
    return "\n".join([head, *body, ""]).encode()


def as_idx():
    """Images of 4 x 5 become rows of 20."""
    sizes = b"".join(size.to_bytes(4, "big") for size in (30, 4, 5))
    return b"\0\0\x08\x03" + sizes + MATRIX.astype("u1").tobytes()


class Formats(Case):
    def setUp(self):
        super().setUp()
        self.wanted = self.fit(self.save("Y.npy", MATRIX.astype("f4")))

    def fit(self, file):
        self.dropcl("threshold", file, "-o", "out", "--rank", 5)
        return [self.path(f"out/{name}.npy").read_bytes() for name in ("U", "V", "singular_values")]

    def check(self, name, content):
        """The content in a file, also compressed, gives the same factors as Y.npy."""
        for ending, packed in (("", content), (".gz", gzip.compress(content))):
            file = self.path(name + ending)
            file.write_bytes(packed)
            self.assertEqual(self.fit(file), self.wanted, file.name)

    def test_npy_of_every_type_and_order(self):
        for dtype in ("f8", ">f4", ">f8", "f2", "u1", "<u2", "<i2", ">i4", "<i8"):
            for order in "CF":
                file = self.save("typed.npy", numpy.array(MATRIX, dtype=dtype, order=order))
                self.check("copy.npy", file.read_bytes())

    def test_csv(self):
        self.check("Y.csv", as_csv())
        self.check("header.csv", as_csv(",".join(f"pixel{j}" for j in range(20)) + "\n"))
        self.check("windows.csv", as_csv().replace(b"\n", b"\r\n"))
        self.check("table.tsv", as_csv().replace(b",", b"\t"))
        self.check("semicolons.csv", as_csv().replace(b",", b";"))

    def test_matrix_market(self):
        for kind in ("array", "coordinate"):
            self.check(f"{kind}.mtx", as_matrix_market(kind))

    def test_idx(self):
        self.check("train-images-idx3-ubyte", as_idx())


if __name__ == "__main__":
    unittest.main()
