/* solve.c: ridge half-steps: the rows of a matrix times the inverse of a small symmetric one.
 *
 * The r x r matrix A = (gram + gram')/2 + diag(diagonal) is inverted on the host in double precision, after
 * scaling it to unit diagonal: that makes the ridge systems of factorizations, whose units may differ by many
 * orders of magnitude, well conditioned (van der Sluis, 1969). The product with the m x r right side is the
 * device's. Where Cholesky finds A singular, its inverse is the spectral pseudo-inverse of the scaled matrix:
 * directions with eigenvalues below a few roundings of the largest, and rows that are zero, get no share.
 */
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

#include "dense.h"

/* A scaled to unit diagonal: entry ij was multiplied by scale[i] scale[j]; scale is 0 for zero rows. */
typedef struct ridge {
    int64_t width;
    double cutoff;               /* eigenvalues below this share of the largest count as 0           */
    double *matrix, *scale;
} ridge;

static void free_ridge(ridge *made)
{
    free(made->matrix);
    free(made->scale);
}

/* Adds the diagonal, makes symmetric, scales. */
static dcl_status scale_ridge(const dcl_host *host, dcl_call *call, const double *diagonal, ridge *made)
{
    int64_t width = made->width;
    for (int64_t i = 0; i < width; i++) {
        double *pivot = &made->matrix[i * width + i];
        *pivot += diagonal ? diagonal[i] : 0;
        if (*pivot < 0)
            return host->fail(call, DCL_ENUMERIC, "gram plus diagonal has a negative entry on its diagonal: "
                                                  "it must be positive semidefinite");
        made->scale[i] = *pivot > 0 ? 1 / sqrt(*pivot) : 0;
    }
    for (int64_t i = 0; i < width; i++)
        for (int64_t j = 0; j <= i; j++) {
            double *low = &made->matrix[i * width + j], *high = &made->matrix[j * width + i];
            *low = *high = (*low / 2 + *high / 2) * made->scale[i] * made->scale[j];
        }
    return DCL_OK;
}

static dcl_status load_ridge(const dcl_host *host, dcl_call *call, ridge *made)
{
    const dcl_tensor *gram = host->input(call, 0), *added = host->input(call, 2);
    double *diagonal = NULL;
    ridge system = {.width = gram->dim[0]};
    system.cutoff = 4 * (gram->dtype == DCL_F32 ? FLT_EPSILON : DBL_EPSILON * (double)system.width);
    dcl_status status = dcl__load(host, call, gram, &system.matrix);
    if (!status && added)
        status = dcl__load(host, call, added, &diagonal);
    if (!status) {
        system.scale = dcl__numbers(host, call, 1, system.width);
        status = system.scale ? scale_ridge(host, call, diagonal, &system) : DCL_ENOMEM;
    }
    free(diagonal);
    if (status)
        free_ridge(&system);
    else
        *made = system;
    return status;
}

/* Undoes the scaling of an inverse. */
static void unscale(const ridge *system, double *inverse)
{
    for (int64_t i = 0; i < system->width; i++)
        for (int64_t j = 0; j < system->width; j++)
            inverse[i * system->width + j] *= system->scale[i] * system->scale[j];
}

/* inverse = sum over t of vector_t vector_t' / value_t for the values above the cut-off. */
static void sum_inverse(const ridge *system, const double *left, const double *right, const double *values,
                        double largest, double *inverse)
{
    int64_t width = system->width;
    for (int64_t i = 0; i < width * width; i++)
        inverse[i] = 0;
    for (int64_t t = 0; t < width; t++)
        for (int64_t i = 0; i < width && values[t] > system->cutoff * largest; i++)
            for (int64_t j = 0; j < width; j++)
                inverse[i * width + j] += left[t * width + i] * right[t * width + j] / values[t];
}

/* ---- run ---- */

/* Overwrites `inverse`, a copy of the matrix, by its inverse. Returns 0 when that is singular, or so close to
 * it that the spectrum has to decide. */
static int invert_by_cholesky(const ridge *system, double *inverse)
{
    lapack_int n = (lapack_int)system->width;
    double condition, norm = LAPACKE_dlansy(LAPACK_COL_MAJOR, '1', 'L', n, inverse, n);
    if (LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'L', n, inverse, n) ||
        LAPACKE_dpocon(LAPACK_COL_MAJOR, 'L', n, inverse, n, norm, &condition) ||
        condition < 16 * system->cutoff || LAPACKE_dpotri(LAPACK_COL_MAJOR, 'L', n, inverse, n))
        return 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++)
            inverse[j * n + i] = inverse[i * n + j];
    return 1;
}

static dcl_status invert_by_spectrum(const dcl_host *host, dcl_call *call, const ridge *system,
                                     double *inverse)
{
    lapack_int n = (lapack_int)system->width;
    double *values = dcl__numbers(host, call, 1, n);
    if (!values)
        return DCL_ENOMEM;
    dcl_status status = dcl__lapack_status(host, call, "dsyevd",
                                           LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', n, system->matrix, n,
                                                          values));
    double least = values[0], largest = values[n - 1];
    if (!status && least < -1e3 * system->cutoff * largest)
        status = host->fail(call, DCL_ENUMERIC, "gram plus diagonal has a negative eigenvalue: "
                                                "it must be positive semidefinite");
    if (!status)
        sum_inverse(system, system->matrix, system->matrix, values, largest, inverse);
    free(values);
    return status;
}

static dcl_status invert(const dcl_host *host, dcl_call *call, ridge *system, double *inverse)
{
    dcl_status status = DCL_OK;
    for (int64_t i = 0; i < system->width * system->width; i++)
        inverse[i] = system->matrix[i];
    if (!invert_by_cholesky(system, inverse))
        status = invert_by_spectrum(host, call, system, inverse);
    if (!status)
        unscale(system, inverse);
    return status;
}

static dcl_status solve_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *right = host->input(call, 1);
    ridge system;
    dcl_status status = load_ridge(host, call, &system);
    if (status)
        return status;
    double *inverse = dcl__numbers(host, call, system.width, system.width);
    status = inverse ? invert(host, call, &system, inverse) : DCL_ENOMEM;
    const dcl_tensor *factor = host->scratch(call, 0);
    if (!status)
        status = dcl__store(host, call, inverse, factor);
    if (!status)
        status = host->gemm(call, 0, 1, right, factor, 0, host->output(call, 0));
    free(inverse);
    free_ridge(&system);
    return status;
}

/* ---- reference ---- */

/* By the spectrum, from Jacobi rotations: of a semidefinite matrix singular values are eigenvalues. */
static dcl_status invert_by_jacobi(const dcl_host *host, dcl_call *call, const ridge *system, double *inverse)
{
    dcl__svd svd;
    dcl_status status = dcl__svd_jacobi(host, call, system->width, system->width, system->matrix, 1, &svd);
    if (status)
        return status;
    sum_inverse(system, svd.left, svd.right, svd.values, svd.values[0], inverse);
    unscale(system, inverse);
    dcl__svd_free(&svd);
    return DCL_OK;
}

static dcl_status solve_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *right = host->input(call, 1);
    ridge system;
    dcl_status status = load_ridge(host, call, &system);
    if (status)
        return status;
    double *inverse = dcl__numbers(host, call, system.width, system.width);
    status = inverse ? invert_by_jacobi(host, call, &system, inverse) : DCL_ENOMEM;
    for (int64_t i = 0; i < right->count && !status; i++) {
        double sum = 0;
        int64_t row = i / system.width * system.width;
        for (int64_t k = 0; k < system.width; k++)
            sum += dcl__get(right, row + k) * inverse[k * system.width + i % system.width];
        dcl__set(host->output(call, 0), i, sum);
    }
    free(inverse);
    free_ridge(&system);
    return status;
}

/* ---- graph ---- */

static dcl_status solve_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *gram = host->input(call, 0), *right = host->input(call, 1);
    const dcl_tensor *added = host->input(call, 2);
    if (gram->rank != 2 || gram->dim[0] != gram->dim[1])
        return host->fail(call, DCL_EINVAL, "gram must be a square matrix");
    int64_t width = gram->dim[0];
    if (right->rank != 2 || right->dim[1] != width)
        return host->fail(call, DCL_EINVAL, "right must be a matrix with as many columns as gram");
    if (added && (added->rank != 1 || added->dim[0] != width))
        return host->fail(call, DCL_EINVAL, "diagonal must be a vector with one entry for each row of gram");
    if (width > 20000)
        return host->fail(call, DCL_EUNSUPPORTED, "a system with more than 20000 unknowns is too large");
    dcl_status status = host->set_output(call, 0, right->dtype, 2, right->dim);
    return status ? status : host->set_scratch(call, 0, right->dtype, 2, gram->dim);
}

/* -(x' y + y' x) / 2. */
static dcl_value symmetric_product(const dcl_host *host, dcl_call *call, dcl_value x, dcl_value y)
{
    const dcl_setting half[] = {
        {.name = "transpose_a", .integer = 1},
        {.name = "alpha", .number = -0.5},
        {0},
    };
    const dcl_value first[] = {x, y};
    const dcl_value second[] = {y, x, host->emit(call, "matmul", first, 2, half)};
    return host->emit(call, "matmul", second, 3, half);
}

/* With X the solution, G its gradient and T = G A^-1: T is the gradient of right, -(X'T + T'X)/2 that of gram
 * and the diagonal of it that of diagonal. */
static dcl_status solve_gradient(const dcl_host *host, dcl_call *call)
{
    const int64_t rows_axis = 0;
    const dcl_setting over_rows[] = {{.name = "axes", .list = &rows_axis, .count = 1}, {0}};
    const dcl_value system[] = {host->input_value(call, 0), host->output_gradient(call, 0),
                                host->input(call, 2) ? host->input_value(call, 2) : 0};
    dcl_value slope = host->emit(call, "solve", system, host->input(call, 2) ? 3 : 2, NULL);
    dcl_value solution = host->output_value(call, 0);
    dcl_status status = DCL_OK;
    if (host->wants(call, 0))
        status = host->set_gradient(call, 0, symmetric_product(host, call, solution, slope));
    if (!status && host->wants(call, 1))
        status = host->set_gradient(call, 1, slope);
    if (!status && host->wants(call, 2)) {
        dcl_value both = dcl__emit_binary(host, call, "multiply", solution, slope);
        dcl_value sum = host->emit(call, "sum", &both, 1, over_rows);
        status = host->set_gradient(call, 2, dcl__emit_scale(host, call, sum, -1));
    }
    return status;
}

static const dcl_port inputs[] = {
    {"gram", "r x r symmetric positive semidefinite; its symmetric part is taken", DCL_REAL, 0},
    {"right", "m x r", DCL_REAL, 0},
    {"diagonal", "r numbers added to the diagonal of gram", DCL_REAL, DCL_PORT_OPTIONAL},
    {0},
};

static const dcl_port outputs[] = {{"solution", "m x r: right times the inverse", DCL_REAL, 0}, {0}};

static const dcl_case cases[] = {
    {"4x4@spd 3x4", NULL, 1e-5, 1e-12, 0, 0},
    {"4x4@spd 3x4 4@0.1..2", NULL, 1e-5, 1e-12, 0, 0},
    {"1x1@spd 5x1", NULL, 1e-5, 1e-12, 0, 0},
    {"1x1@2..2 1x1 1@0.5..0.5", NULL, 1e-6, 1e-15, 0, 0},
    {"17x17@spd 40x17 17@0.1..2", NULL, 1e-5, 1e-12, DCL_CASE_NO_GRADIENT, 0},
    {"5x5@0..0 3x5 5@0.5..2", NULL, 1e-6, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"4x4@0..0 3x4", NULL, 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"4x4@1..1 3x4", NULL, 1e-6, 1e-13, DCL_CASE_NO_GRADIENT, 0},
    {"3x4 3x4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"4x4@spd 4x3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"4x4@spd 3x4 3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"4x4@spd 4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op solve = {
    .size = sizeof solve,
    .name = "solve",
    .doc = "right times the inverse of gram + diag(diagonal); the pseudo-inverse where that is singular",
    .semantics = 1,
    .flags = DCL_OP_WAITS,
    .inputs = inputs,
    .outputs = outputs,
    .cases = cases,
    .infer = solve_infer,
    .run = solve_run,
    .gradient = solve_gradient,
    .reference = solve_reference,
};

static const dcl_op *const ops[] = {&solve, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.solve",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
