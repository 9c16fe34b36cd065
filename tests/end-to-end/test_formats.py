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

    def fit(self, file, *notices):
        self.dropcl("threshold", file, "-o", "out", "--rank", 5, notices=notices)
        return [self.path(f"out/{name}.npy").read_bytes() for name in ("U", "V", "singular_values")]

    def check(self, name, content, *notices):
        """The content in a file, also compressed, gives the same factors as Y.npy, and notices say what was read."""
        for ending, packed in (("", content), (".gz", gzip.compress(content))):
            file = self.path(name + ending)
            file.write_bytes(packed)
            said = [f"{file}: {notice}" for notice in notices]
            self.assertEqual(self.fit(file, *said), self.wanted, file.name)

    def test_npy_of_every_type_and_order(self):
        for dtype in ("f8", ">f4", ">f8", "f2", "u1", "<u2", "<i2", ">i4", "<i8"):
            for order in "CF":
                file = self.save("typed.npy", numpy.array(MATRIX, dtype=dtype, order=order))
                self.check("copy.npy", file.read_bytes())

    def test_csv(self):
        self.check("Y.csv", as_csv())
        self.check("header.csv", as_csv(",".join(f"p{j}" for j in range(20)) + "\n"),
                   "the first line is a header: p0,p1,p2,p3,p4,p5,p6,p7,p8,p9,p10,p11,p12,p1...")
        self.check("windows.csv", as_csv().replace(b"\n", b"\r\n"))
        self.check("table.tsv", as_csv().replace(b",", b"\t"))
        self.check("semicolons.csv", as_csv().replace(b",", b";"))

    def test_tables_of_pandas(self):
        """to_csv() writes an index as a first column without a name, and numbers columns that have no names."""
        rows = as_csv().decode().splitlines()
        for header, index in (("," + ",".join(map(str, range(20))), range(30)),
                              (",a" + ",b" * 19, [f"2026-01-{day + 1:02}" for day in range(30)])):
            table = "\n".join([header, *(f"{name},{row}" for name, row in zip(index, rows)), ""])
            shown = header if len(header) <= 44 else header[:44] + "..."
            self.check("pandas.csv", table.encode(),
                       f"the first line is a header: {shown}, and the first column, unnamed, is an index left out")

    def test_matrix_market(self):
        for kind in ("array", "coordinate"):
            self.check(f"{kind}.mtx", as_matrix_market(kind))

    def test_idx(self):
        self.check("train-images-idx3-ubyte", as_idx())


class Headers(Case):
    """Every command that reads a matrix says what it takes for a header."""

    def test_it_is_said(self):
        draw = numpy.random.default_rng(1)
        for name, shape in (("Y", (8, 5)), ("A", (8, 2)), ("B", (5, 2)), ("T", (8, 1))):
            numpy.savetxt(self.path(f"{name}.csv"), draw.normal(size=shape), delimiter=",", comments="",
                          header=",".join("abcde"[:shape[1]]))
        for names, words in (("Y", ["factorize", "Y.csv", "--rank", 2, "--steps", 3]), ("Y", ["threshold", "Y.csv"]),
                             ("Y", ["factorize", "Y.csv", "--solver", "grow"]), ("AB", ["balance", "A.csv", "B.csv"]),
                             ("YT", ["train", "Y.csv", "T.csv", "--loss", "squared", "--epochs", 1])):
            header = {"Y": "a,b,c,d,e", "A": "a,b", "B": "a,b", "T": "a"}
            said = [f"{name}.csv: the first line is a header: {header[name]}" for name in names]
            self.dropcl(*words, "-o", "out", notices=said)
        self.dropcl("certify", "Y.csv", "A.csv", "B.csv", "--lambda", 1, "--tolerance", 1,
                    notices=[f"{name}.csv: the first line is a header: {header[name]}" for name in "YAB"])

    def test_entries_are_pointed_to_their_command(self):
        self.path("ratings.csv").write_text("user,film,rating\n1,31,2.5\n1,42,3\n2,31,4\n3,31,1\n", encoding="ascii")
        header = "ratings.csv: the first line is a header: user,film,rating"
        hint = ("ratings.csv: hint: it is read as a matrix of 3 columns; entries, a row, a column and a value in each "
                "line, are for `dropcl complete`")
        for solver in ("closed-form", "grow"):
            self.dropcl("factorize", "ratings.csv", "-o", "fit", "--solver", solver, notices=[header, hint])


if __name__ == "__main__":
    unittest.main()
