/* data_spectrum.c: the singular values of a matrix, in double precision, or the leading ones. */
#include "recipes/factorization/data_spectrum.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/tensor.h"
#include "recipes/common/build.h"
#include "recipes/common/dense.h"
#include "recipes/factorization/noise.h"

enum { TILE = 1 << 17 };         /* elements of Y held in double precision at a time, or a row       */
enum { SMALL = 400 };            /* so many singular values LAPACK finds at once                     */

/* One output of an op on Y. */
static dcl_status ask(const dcl_registry *registry, dcl_device *device, const dcl_matrix *data, const char *op,
                      const dcl_setting *settings, int output, double *answer, dcl_error *error)
{
    dcl_graph *graph = NULL;
    dcl_session *session = NULL;
    dcl_status status = dcl_graph_create(registry, data->dtype, 0, &graph, error);
    if (status)
        return status;
    dcl_value y = dcl_graph_input(graph, "Y", DCL_REAL, 2, (int64_t[]){data->rows, data->columns});
    dcl_value value = dcl_graph_apply(graph, NULL, op, &y, 1, settings);
    dcl_graph_result(graph, "answer", value ? value + output : 0);
    status = dcl_session_create(device, graph, &session, error);
    if (status == DCL_OK)
        status = dcl_session_feed(session, "Y", data->dtype, data->data, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(session, "answer", DCL_F64, answer, error);
    dcl_session_free(session);
    dcl_graph_free(graph);
    return status;
}

/* What memory is for. */
static const char ROOM[] = "singular values";

/* ---- All values ---- */

/* On the host: a device rounds its answer to the precision of the data, which may put a bound above the minimum. */
static dcl_status find_all(const dcl_matrix *data, dcl__data_spectrum *found, dcl_error *error)
{
    const int64_t m = data->rows, n = data->columns;
    double *copy = dcl__doubles(m, n, ROOM, error);
    found->count = found->all;
    found->values = copy ? dcl__doubles(1, found->all, ROOM, error) : NULL;
    dcl_status status = found->values ? DCL_OK : DCL_ENOMEM;
    if (status == DCL_OK) {
        dcl__convert(DCL_F64, copy, data->dtype, data->data, m * n);
        status = dcl__lapack(LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', (int)n, (int)m, copy, (int)n, found->values, NULL,
                                            (int)n, NULL, (int)m), "Y", error);
    }
    for (int64_t i = found->count; i-- > 0 && status == DCL_OK;)
        found->energy += found->values[i] * found->values[i];
    free(copy);
    return status;
}

/* ---- The leading ones ---- */

/* Matrices are column-major here: v is n x k, `left` k x m and `back` n x k. */
typedef struct refinement {
    const dcl_matrix *data;
    int64_t k;
    double *v;                   /* an orthonormal basis of the right vectors, V                     */
    double *left, *back;         /* (Y V)' and Y' Y V                                                */
    int64_t rows;                /* of the tile                                                      */
    double *tile;                /* rows x n, row-major                                              */
} refinement;

/* The columns of the factor that are not 0, which come first, with length 1; then an orthonormal basis of them. */
static dcl_status take_vectors(refinement *r, const double *factor, int64_t width, dcl_error *error)
{
    const int64_t n = r->data->columns;
    for (r->k = 0; r->k < width; r->k++) {
        const double norm = cblas_dnrm2((int)n, factor + r->k, (int)width);
        if (norm == 0)
            break;
        for (int64_t j = 0; j < n; j++)
            r->v[r->k * n + j] = factor[j * width + r->k] / norm;
    }
    double *scales = dcl__doubles(1, r->k, ROOM, error);
    if (!scales)
        return DCL_ENOMEM;
    int64_t info = r->k ? LAPACKE_dgeqrf(LAPACK_COL_MAJOR, (int)n, (int)r->k, r->v, (int)n, scales) : 0;
    if (info == 0 && r->k)
        info = LAPACKE_dorgqr(LAPACK_COL_MAJOR, (int)n, (int)r->k, (int)r->k, r->v, (int)n, scales);
    free(scales);
    return dcl__lapack(info, "Y", error);
}

/* One pass over Y: Y V, Y' (Y V) and ||Y||^2. */
static void multiply(refinement *r, double *energy)
{
    const int64_t n = r->data->columns, k = r->k, size = dcl__dtype_size(r->data->dtype);
    for (int64_t first = 0; first < r->data->rows; first += r->rows) {
        const int64_t left = r->data->rows - first, rows = left < r->rows ? left : r->rows;
        double *y_v = r->left + first * k;
        dcl__convert(DCL_F64, r->tile, r->data->dtype, (const char *)r->data->data + first * n * size, rows * n);
        for (int64_t i = 0; i < rows; i++)
            *energy += cblas_ddot((int)n, r->tile + i * n, 1, r->tile + i * n, 1);
        if (k == 0)
            continue;
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, (int)k, (int)rows, (int)n, 1, r->v, (int)n, r->tile,
                    (int)n, 0, y_v, (int)k);
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, (int)n, (int)k, (int)rows, 1, r->tile, (int)n, y_v,
                    (int)k, 1, r->back, (int)n);
    }
}

/* Y V = U S P' by a triangular factor of it: the values, and P into `turn`. */
static dcl_status decompose(refinement *r, double *values, double *turn, dcl_error *error)
{
    const int64_t k = r->k, m = r->data->rows;
    double *scales = dcl__doubles(1, k, ROOM, error), *triangle = scales ? dcl__doubles(2 * k, k, ROOM, error) : NULL;
    dcl_status status = triangle ? DCL_OK : DCL_ENOMEM;
    if (status == DCL_OK)
        status = dcl__lapack(LAPACKE_dgelqf(LAPACK_COL_MAJOR, (int)k, (int)m, r->left, (int)k, scales), "Y", error);
    for (int64_t j = 0; j < k && status == DCL_OK; j++)
        memcpy(triangle + j * k + j, r->left + j * k + j, (size_t)(k - j) * sizeof *triangle);
    if (status == DCL_OK)
        status = dcl__lapack(LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', (int)k, (int)k, triangle, (int)k, values, turn,
                                            (int)k, triangle + k * k, (int)k), "Y", error);
    free(scales);
    free(triangle);
    return status;
}

/* ||Y' U - V P S||_F = ||(Y' Y V) P S^-1 - V P S||_F. */
static dcl_status find_residual(const refinement *r, const double *values, const double *turn, double *residual,
                                dcl_error *error)
{
    const int n = (int)r->data->columns, k = (int)r->k;
    double *back = dcl__doubles(n, k, ROOM, error), *ahead = back ? dcl__doubles(n, k, ROOM, error) : NULL, square = 0;
    if (ahead) {
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, k, k, 1, r->back, n, turn, k, 0, back, n);
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, k, k, 1, r->v, n, turn, k, 0, ahead, n);
    }
    for (int64_t t = 0; ahead && t < k && values[t] > 0; t++)
        for (int64_t j = t * n; j < (t + 1) * n; j++) {
            const double off = back[j] / values[t] - ahead[j] * values[t];
            square += off * off;
        }
    *residual = sqrt(square);
    dcl_status status = ahead ? DCL_OK : DCL_ENOMEM;
    free(back);
    free(ahead);
    return status;
}

static dcl_status refine(refinement *r, dcl__data_spectrum *found, dcl_error *error)
{
    multiply(r, &found->energy);
    found->count = r->k;
    if (r->k == 0)
        return DCL_OK;
    double *turn = dcl__doubles(r->k, r->k, ROOM, error);
    dcl_status status = turn ? decompose(r, found->values, turn, error) : DCL_ENOMEM;
    if (status == DCL_OK)
        status = find_residual(r, found->values, turn, &found->residual, error);
    free(turn);
    return status;
}

static dcl_status find_leading(const dcl_registry *registry, dcl_device *device, const dcl_matrix *data, double lambda,
                               int64_t width, dcl__data_spectrum *found, dcl_error *error)
{
    const dcl_setting settings[] = {{.name = "lambda", .number = lambda}, {.name = "width", .integer = width}, {0}};
    const int64_t m = data->rows, n = data->columns;
    double *factor = dcl__doubles(n, width, ROOM, error);
    refinement r = {.data = data, .rows = n < TILE ? TILE / n : 1,
                    .v = factor ? dcl__doubles(n, width, ROOM, error) : NULL};
    dcl_status status = r.v ? ask(registry, device, data, "singular_threshold", settings, 1, factor, error)
                            : DCL_ENOMEM;
    if (status == DCL_OK)
        status = take_vectors(&r, factor, width, error);
    free(factor);
    if (status == DCL_OK) {
        r.left = dcl__doubles(m, r.k, ROOM, error);
        r.back = r.left ? dcl__doubles(n, r.k, ROOM, error) : NULL;
        r.tile = r.back ? dcl__doubles(r.rows, n, ROOM, error) : NULL;
        found->values = r.tile ? dcl__doubles(1, r.k, ROOM, error) : NULL;
        status = found->values ? refine(&r, found, error) : DCL_ENOMEM;
    }
    free(r.v);
    free(r.left);
    free(r.back);
    free(r.tile);
    return status;
}

dcl_status dcl__data_spectrum_find(const dcl_registry *registry, dcl_device *device, const dcl_matrix *data,
                                   double lambda, int64_t width, dcl__data_spectrum *spectrum, dcl_error *error)
{
    dcl__data_spectrum found = {.all = data->rows < data->columns ? data->rows : data->columns,
                                .rounding = (double)(data->rows + data->columns) * DBL_EPSILON};
    dcl_status status = !device || found.all <= SMALL || 4 * width > found.all
                        ? find_all(data, &found, error)
                        : find_leading(registry, device, data, lambda, width, &found, error);
    if (status)
        free(found.values);
    else
        *spectrum = found;
    return status;
}

/* How far rounding may have put the least objective h above what it is: dh = 2 (s - s') ds, where the threshold leaves
 * s' of s, and where ||Y||^2 stands for the values that are not known, -2 s' ds and the rounding of that sum. */
static double rounding_of(const dcl__data_spectrum *y, const double *shrunk)
{
    const int all = y->count == y->all;
    double slope = 0;
    for (int64_t i = 0; i < y->count; i++)
        slope += 2 * (all ? y->values[i] - shrunk[i] : shrunk[i]);
    return y->count > 0 ? y->rounding * (y->values[0] * slope + (all ? 0 : y->energy)) : 0;
}

/* Leading values suffice above dropout's threshold; thresholds that are not known before need all `width`. A rate that
 * varies with the width has the threshold of `more` units under their own penalty, and whether a value beyond the
 * width is above it says whether more units are wanted. */
dcl_status dcl__data_optimum(const dcl_registry *registry, dcl_device *device, const dcl_matrix *data,
                             const dcl_noise *noise, int64_t width, int64_t more, dcl__data_spectrum *spectrum,
                             double **shrunk, dcl_optimum *optimum, dcl_error *error)
{
    const double lambda = dcl__noise_couples(noise) ? 0 : noise->lambda * (double)(width + more) / (double)width;
    dcl_status status = dcl__data_spectrum_find(registry, device, data, lambda, width + more, spectrum, error);
    if (status)
        return status;
    *shrunk = dcl__doubles(1, spectrum->count, ROOM, error);
    if (!*shrunk)
        return DCL_ENOMEM;
    *optimum = dcl_noise_optimum(noise, spectrum->values, spectrum->count,
                                 spectrum->count == spectrum->all ? -1 : spectrum->energy, spectrum->residual, width,
                                 *shrunk);
    optimum->error = fmin(optimum->error + rounding_of(spectrum, *shrunk), optimum->minimum);
    return DCL_OK;
}
