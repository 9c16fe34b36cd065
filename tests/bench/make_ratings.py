#!/usr/bin/env python3
"""make_ratings.py: writes a low-rank matrix with noise and most entries missing, to complete.

    make_ratings.py FILE.mtx [--rows 10000] [--columns 10000] [--entries 2000000] [--rank 10] [--noise 0.1] [--seed 1]

Factors have normal entries such that the matrix has variance 1; places are drawn without repetition. Then

    dropcl complete FILE.mtx -o fit --bias none

should come near the noise: with known factors the error of a prediction would be the noise, and estimating
rank (rows + columns) numbers from the entries adds to it.
"""
import argparse

import numpy


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    for name, value in (("rows", 10000), ("columns", 10000), ("entries", 2000000), ("rank", 10), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--noise", type=float, default=0.1)
    return parser.parse_args()


def main():
    o = parse()
    draw = numpy.random.default_rng(o.seed)
    u = draw.normal(size=(o.rows, o.rank)) / o.rank ** 0.25
    v = draw.normal(size=(o.columns, o.rank)) / o.rank ** 0.25
    places = numpy.unique(draw.integers(0, o.rows * o.columns, size=o.entries + o.entries // 20))
    places = draw.permutation(places)[:o.entries]
    rows, columns = places // o.columns, places % o.columns
    values = numpy.einsum("ij,ij->i", u[rows], v[columns]) + o.noise * draw.normal(size=places.size)
    with open(o.file, "w", encoding="ascii") as stream:
        stream.write(f"%%MatrixMarket matrix coordinate real general\n{o.rows} {o.columns} {places.size}\n")
        numpy.savetxt(stream, numpy.column_stack([rows + 1, columns + 1, values]), fmt="%d %d %.6f")


if __name__ == "__main__":
    main()
