"""theory.py: the closed form of dropout factorization in NumPy and double precision, from the formulas.

min over U, V of ||Y - U V'||^2 + lambda sum_i ||u_i||^2 ||v_i||^2 with r units; s_1 >= s_2 >= ... are the
singular values of Y (Mianjy, Arora and Vidal, ICML 2018). Nothing here is taken from the program.
"""
import collections

import numpy

Optimum = collections.namedtuple("Optimum", "tau rank objective product singular_values")


def penalty(retain):
    return (1 - retain) / retain


def optimum(matrix, retain, width):
    left, values, right = numpy.linalg.svd(numpy.asarray(matrix, float), full_matrices=False)
    weight, sums = penalty(retain), numpy.cumsum(values)
    counts = numpy.arange(1, min(width, len(values)) + 1)
    tau = (weight * sums[counts - 1] / (width + weight * counts)).max()
    rank = int((values[counts - 1] > tau).sum())
    kept = values[:rank].sum()
    objective = (values[rank:] ** 2).sum() + weight * kept ** 2 / (width + weight * rank)
    shrunk = numpy.maximum(values - tau, 0)
    shrunk[rank:] = 0
    return Optimum(tau, rank, objective, left * shrunk @ right, values)


def unit_products(u, v):
    """||u_i|| ||v_i|| of every unit."""
    return numpy.linalg.norm(u, axis=0) * numpy.linalg.norm(v, axis=0)


def data_term(matrix, u, v):
    return ((matrix - u @ v.T) ** 2).sum()


def regularizer(u, v, retain):
    return penalty(retain) * (unit_products(u, v) ** 2).sum()


def objective(matrix, u, v, retain):
    return data_term(matrix, u, v) + regularizer(u, v, retain)


def balance_error(u, v):
    """How far the largest product is above the mean, as a part of it."""
    products = unit_products(u, v)
    return products.max() / products.mean() - 1 if products.any() else 0.0


def rank(u, v):
    """Singular values of U V' above 1e-3 of the largest."""
    values = numpy.linalg.svd(u @ v.T, compute_uv=False)
    return int((values > 1e-3 * values[0]).sum()) if values[0] > 0 else 0
