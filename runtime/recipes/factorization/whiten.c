/* whiten.c: turns the problem Y ~ U V'X into the same problem without X, and its V back into the one for X.
 *
 * X' = Q R by tiles of samples, R = A S B'. S^-1 B'X has orthonormal rows but for a rounding that grows with the
 * condition of X; a second factorization S^-1 B'X = (Q2 R2)' takes that away. A third pass makes Yw = Y Q2, a
 * fourth what it leaves of Y. Tiles are row-major here with samples as columns, so that LAPACK, which wants columns
 * first, sees their transposes.
 */
#include "recipes/factorization/whiten.h"

#include <cblas.h>
#include <float.h>
#include <inttypes.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/tensor.h"
#include "recipes/common/dense.h"

enum { TILE = 1 << 21, FEWEST = 64 };   /* elements of a tile of Y, X and Xw; samples of one at least */
enum { PANEL = 32 };             /* columns that LAPACK factors at once                              */

/* What memory is for. */
static const char ROOM[] = "the whitening of X";

/* ---- Passes over the samples ---- */

/* All matrices but the triangles are row-major. */
typedef struct passes {
    const dcl_matrix *data, *inputs;
    int64_t features, samples, least, rank, tile;    /* least: of features and samples                */
    double *x, *xw, *y;          /* tiles: features, rank and rows of Y x at most `tile` samples     */
    double *triangle, *again;    /* R, least x features, and R2, columns first                       */
    double *panel;               /* LAPACK's                                                         */
    double *values, *yw;         /* the diagonal of S; Yw                                            */
    double *room;                /* all of these                                                     */
    double *back;                /* B S^-1, features x rank                                          */
} passes;

/* Columns of a matrix in double precision. */
static void take(const dcl_matrix *matrix, int64_t first, int64_t count, double *tile)
{
    const char *from = (const char *)matrix->data + first * dcl__dtype_size(matrix->dtype);
    for (int64_t i = 0; i < matrix->rows; i++)
        dcl__convert(DCL_F64, tile + i * count, matrix->dtype,
                     from + i * matrix->columns * dcl__dtype_size(matrix->dtype), count);
}

static int64_t count_at(const passes *p, int64_t first)
{
    return p->samples - first < p->tile ? p->samples - first : p->tile;
}

/* The tile S^-1 B'X of `count` samples. */
static void make_basis(const passes *p, int64_t first, int64_t count)
{
    take(p->inputs, first, count, p->x);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)p->rank, (int)count, (int)p->features, 1, p->back,
                (int)p->rank, p->x, (int)count, 0, p->xw, (int)count);
}

/* The tile Xw. */
static void make_whitened(const passes *p, int64_t first, int64_t count)
{
    make_basis(p, first, count);
    cblas_dtrsm(CblasColMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, (int)count, (int)p->rank, 1,
                p->again, (int)p->rank, p->xw, (int)count);
}

/* Adds the samples of a tile, `size` numbers each, to a triangular factor; the tile is lost. */
static dcl_status fold(const passes *p, double *triangle, int64_t size, double *tile, int64_t count, dcl_error *error)
{
    const int panel = (int)(size < PANEL ? size : PANEL);
    return dcl__lapack(LAPACKE_dtpqrt(LAPACK_COL_MAJOR, (int)count, (int)size, 0, panel, triangle, (int)size, tile,
                                      (int)count, p->panel, panel), "X", error);
}

/* R; of fewer samples than features X' itself. */
static dcl_status find_triangle(const passes *p, dcl_error *error)
{
    dcl_status status = DCL_OK;
    if (p->samples <= p->features) {
        take(p->inputs, 0, p->samples, p->triangle);
        return DCL_OK;
    }
    for (int64_t first = 0; first < p->samples && status == DCL_OK; first += p->tile) {
        take(p->inputs, first, count_at(p, first), p->x);
        status = fold(p, p->triangle, p->features, p->x, count_at(p, first), error);
    }
    return status;
}

static dcl_status find_second_triangle(const passes *p, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (int64_t first = 0; first < p->samples && status == DCL_OK; first += p->tile) {
        make_basis(p, first, count_at(p, first));
        status = fold(p, p->again, p->rank, p->xw, count_at(p, first), error);
    }
    return status;
}

/* Yw = Y Xw'. */
static void project(const passes *p)
{
    for (int64_t first = 0; first < p->samples; first += p->tile) {
        const int64_t count = count_at(p, first);
        make_whitened(p, first, count);
        take(p->data, first, count, p->y);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)p->data->rows, (int)p->rank, (int)count, 1, p->y,
                    (int)count, p->xw, (int)count, 1, p->yw, (int)p->rank);
    }
}

/* ||Y - Yw Xw||^2; Xw goes into `kept`, of Y's dtype, unless that is NULL. */
static double find_rest(const passes *p, char *kept)
{
    double sum = 0;
    for (int64_t first = 0; first < p->samples; first += p->tile) {
        const int64_t count = count_at(p, first), size = dcl__dtype_size(p->data->dtype);
        make_whitened(p, first, count);
        for (int64_t i = 0; kept && i < p->rank; i++)
            dcl__convert(p->data->dtype, kept + (i * p->samples + first) * size, DCL_F64, p->xw + i * count, count);
        take(p->data, first, count, p->y);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)p->data->rows, (int)count, (int)p->rank, -1, p->yw,
                    (int)p->rank, p->xw, (int)count, 1, p->y, (int)count);
        for (int64_t i = 0; i < p->data->rows; i++)
            sum += cblas_ddot((int)count, p->y + i * count, 1, p->y + i * count, 1);
    }
    return sum;
}

/* ---- Samples ---- */

/* S, the rank and B S^-1 from R, which is lost. */
static dcl_status decompose(passes *p, dcl_error *error)
{
    const int64_t n = p->features, k = p->least, most = p->samples > n ? p->samples : n;
    double *left = dcl__doubles(k, k, ROOM, error), *right = left ? dcl__doubles(k, n, ROOM, error) : NULL;
    dcl_status status = right ? dcl__lapack(LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', (int)k, (int)n, p->triangle, (int)k,
                                                           p->values, left, (int)k, right, (int)k), "X", error)
                              : DCL_ENOMEM;
    while (status == DCL_OK && p->rank < k && p->values[p->rank] > (double)most * DBL_EPSILON * p->values[0])
        p->rank++;
    for (int64_t j = 0; status == DCL_OK && j < n; j++)
        for (int64_t i = 0; i < p->rank; i++)
            p->back[j * p->rank + i] = right[j * k + i] / p->values[i];
    free(left);
    free(right);
    if (status == DCL_OK && p->rank == 0)
        status = dcl__fail(error, DCL_EINVAL, "X holds nothing but zeros: there is nothing to fit Y by");
    return status;
}

static dcl_status allocate_passes(passes *p, dcl_error *error)
{
    const int64_t n = p->features, m = p->data->rows, k = p->least;
    const int64_t tile = TILE / (m + 2 * n) > FEWEST ? TILE / (m + 2 * n) : FEWEST;
    p->tile = tile < p->samples ? tile : p->samples;
    double **const parts[] = {&p->x, &p->xw, &p->y, &p->triangle, &p->again, &p->panel, &p->values, &p->yw};
    const int64_t sizes[] = {n * p->tile, k * p->tile, m * p->tile, k * n, k * k, n * PANEL, k, m * k};
    enum { PARTS = sizeof sizes / sizeof *sizes };
    int64_t all = 0;
    for (int i = 0; i < PARTS; i++)
        all += sizes[i];
    p->room = dcl__doubles(1, all, ROOM, error);
    p->back = p->room ? dcl__doubles(n, k, ROOM, error) : NULL;
    if (!p->back)
        return DCL_ENOMEM;
    for (int i = PARTS; i-- > 0; all -= sizes[i])
        *parts[i] = p->room + all - sizes[i];
    return DCL_OK;
}

/* A matrix of the whitening's own; `from` gives its numbers, NULL zeros. */
static dcl_status keep(dcl_matrix *matrix, void **room, int64_t rows, int64_t columns, uint32_t dtype,
                       const double *from, dcl_error *error)
{
    const int64_t bytes = rows * columns * dcl__dtype_size(dtype);
    *room = calloc((size_t)bytes, 1);
    if (!*room)
        return dcl__no_memory(error, "the whitened data", bytes);
    if (from)
        dcl__convert(dtype, *room, DCL_F64, from, rows * columns);
    *matrix = (dcl_matrix){rows, columns, dtype, *room};
    return DCL_OK;
}

/* B S^-1 R2^-1 in the place of B S^-1, which goes over to the whitening. */
static void keep_back(dcl__whitening *w, passes *p)
{
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)p->features, (int)p->rank, 1,
                p->again, (int)p->rank, p->back, (int)p->rank);
    w->back = p->back;
    p->back = NULL;
}

/* ---- Masks on entries of V ---- */

/* The lengths of X's rows, and the largest eigenvalue of X X' for rows of length 1. */
static dcl_status measure_rows(const passes *p, double *lengths, double *largest, dcl_error *error)
{
    const int64_t n = p->features;
    double *gram = dcl__doubles(n, n, ROOM, error), *values = gram ? dcl__doubles(1, n, ROOM, error) : NULL;
    dcl_status status = values ? DCL_OK : DCL_ENOMEM;
    for (int64_t first = 0; first < p->samples && status == DCL_OK; first += p->tile) {
        const int64_t count = count_at(p, first);
        take(p->inputs, first, count, p->x);
        cblas_dsyrk(CblasColMajor, CblasLower, CblasTrans, (int)n, (int)count, 1, p->x, (int)count, 1, gram, (int)n);
    }
    for (int64_t i = 0; i < n && status == DCL_OK; i++)
        lengths[i] = gram[i * n + i] > 0 ? sqrt(gram[i * n + i]) : 1;
    for (int64_t i = 0; i < n && status == DCL_OK; i++)
        for (int64_t j = 0; j < n; j++)
            gram[i * n + j] /= lengths[i] * lengths[j];
    if (status == DCL_OK)
        status = dcl__lapack(LAPACKE_dsyev(LAPACK_COL_MAJOR, 'N', 'L', (int)n, gram, (int)n, values), "X", error);
    if (status == DCL_OK)
        *largest = values[n - 1];
    free(gram);
    free(values);
    return status;
}

/* X with rows of length 1 in the place of Xw, and the way back. */
static dcl_status keep_rows(const passes *p, dcl__whitening *w, dcl_error *error)
{
    const int64_t n = p->features, size = dcl__dtype_size(p->data->dtype);
    double *lengths = dcl__doubles(1, n, ROOM, error), largest = 1;
    dcl_status status = lengths ? measure_rows(p, lengths, &largest, error) : DCL_ENOMEM;
    free(w->back);
    w->back = status ? NULL : dcl__doubles(n, n, ROOM, error);
    if (status == DCL_OK)
        status = w->back ? keep(&w->x, &w->rooms[1], n, p->samples, p->data->dtype, NULL, error) : DCL_ENOMEM;
    for (int64_t first = 0; first < p->samples && status == DCL_OK; first += p->tile) {
        const int64_t count = count_at(p, first);
        take(p->inputs, first, count, p->x);
        for (int64_t i = 0; i < n; i++) {
            cblas_dscal((int)count, 1 / lengths[i], p->x + i * count, 1);
            char *const row = (char *)w->rooms[1] + (i * p->samples + first) * size;
            dcl__convert(p->data->dtype, row, DCL_F64, p->x + i * count, count);
        }
    }
    for (int64_t i = 0; i < n && status == DCL_OK; i++)
        w->back[i * n + i] = 1 / lengths[i];
    w->columns = n;
    w->share = largest > 1 + 1e-12 ? 1 / largest : 1;
    free(lengths);
    return status;
}

/* ---- Samples, all of it ---- */

static int masks_entries_of_v(const dcl_factorize_options *o)
{
    return o->noise == DCL_NOISE_DROPCONNECT && o->side > DCL_SIDE_LEFT;
}

static dcl_status whiten_samples(passes *p, int keeps_inputs, dcl__whitening *w, dcl_error *error)
{
    const uint32_t dtype = p->data->dtype;
    dcl_status status = allocate_passes(p, error);
    if (status == DCL_OK)
        status = find_triangle(p, error);
    if (status == DCL_OK)
        status = decompose(p, error);
    if (status == DCL_OK)
        status = find_second_triangle(p, error);
    if (status == DCL_OK && keeps_inputs)
        status = keep(&w->x, &w->rooms[1], p->rank, p->samples, dtype, NULL, error);
    if (status)
        return status;
    project(p);
    w->constant = find_rest(p, w->rooms[1]);
    w->features = p->features;
    w->rank = w->columns = p->rank;
    w->condition = p->values[0] / p->values[p->rank - 1];
    keep_back(w, p);
    return keep(&w->y, &w->rooms[0], p->data->rows, p->rank, dtype, p->yw, error);
}

static dcl_status whiten_inputs(const dcl_matrix *data, const dcl_factorize_options *o, dcl__whitening *w,
                                dcl_error *error)
{
    const dcl_matrix *x = o->inputs;
    if (x->columns != data->columns)
        return dcl__fail(error, DCL_EINVAL, "Y has %" PRId64 " columns and X has %" PRId64 ": both must have one for "
                         "each sample", data->columns, x->columns);
    passes p = {.data = data, .inputs = x, .features = x->rows, .samples = x->columns,
                .least = x->rows < x->columns ? x->rows : x->columns};
    const int batches = o->batch > 0 && o->batch < x->columns;
    const int draws = o->solver == DCL_SOLVER_STOCHASTIC && (batches || o->mask == DCL_MASK_SAMPLE);
    const int entries = masks_entries_of_v(o);
    dcl_status status = whiten_samples(&p, draws && !entries, w, error);
    if (status == DCL_OK && entries)
        status = keep_rows(&p, w, error);
    free(p.room);
    free(p.back);
    return status;
}

/* ---- Moments ---- */

/* The moment in double precision, made symmetric to the last bit. */
static dcl_status take_moment(const dcl_matrix *moment, double *square, dcl_error *error)
{
    const int64_t n = moment->rows;
    double largest = 0, off = 0;
    take(moment, 0, n, square);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            const double a = square[i * n + j], b = square[j * n + i];
            largest = fmax(largest, fmax(fabs(a), fabs(b)));
            off = fmax(off, fabs(a - b));
            square[i * n + j] = square[j * n + i] = (a + b) / 2;
        }
    return off > 1e-6 * largest ? dcl__fail(error, DCL_EINVAL, "the moment of X is not symmetric: entries that should "
                                            "be the same differ by %.3g", off) : DCL_OK;
}

/* B S^-1 and the condition from X X' = B S^2 B'; `square` is lost. LAPACK finds the eigenvalues in rising order. */
static dcl_status decompose_moment(dcl__whitening *w, double *square, double *values, dcl_error *error)
{
    const int64_t n = w->features;
    dcl_status status = dcl__lapack(LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', (int)n, square, (int)n, values),
                                    "the moment of X", error);
    if (status)
        return status;
    const double largest = values[n - 1];
    if (!(largest > 0) || values[0] < -1e-8 * largest)
        return dcl__fail(error, DCL_EINVAL, "the matrix is no moment X X': its eigenvalues go from %.3g to %.3g",
                         values[0], largest);
    while (w->rank < n && values[n - 1 - w->rank] > 1e-12 * largest)
        w->rank++;
    w->columns = w->rank;
    for (int64_t i = 0; i < w->rank; i++)
        for (int64_t j = 0; j < n; j++)
            w->back[j * w->rank + i] = square[(n - 1 - i) * n + j] / sqrt(values[n - 1 - i]);
    w->condition = sqrt(largest / values[n - w->rank]);
    return DCL_OK;
}

/* Yw = (Y X') B S^-1; ||Y||^2 is `energy`, 0 where nobody knows it: then the constant counts as 0. */
static dcl_status project_moment(const dcl_matrix *data, double energy, dcl__whitening *w, dcl_error *error)
{
    const int64_t m = data->rows, n = data->columns;
    double *cross = dcl__doubles(m, n, ROOM, error), *yw = cross ? dcl__doubles(m, w->rank, ROOM, error) : NULL;
    dcl_status status = yw ? DCL_OK : DCL_ENOMEM;
    if (status == DCL_OK) {
        take(data, 0, n, cross);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)w->rank, (int)n, 1, cross, (int)n, w->back,
                    (int)w->rank, 0, yw, (int)w->rank);
        double explained = 0;
        for (int64_t i = 0; i < m * w->rank; i++)
            explained += yw[i] * yw[i];
        w->constant = energy > 0 ? fmax(energy - explained, 0) : 0;
        status = energy > 0 && explained > energy * (1 + 1e-5)
                 ? dcl__fail(error, DCL_EINVAL, "the energy of Y is %.9g, but X alone explains %.9g of it: energy and "
                             "moments are not of the same data", energy, explained)
                 : keep(&w->y, &w->rooms[0], m, w->rank, data->dtype, yw, error);
    }
    free(cross);
    free(yw);
    return status;
}

static dcl_status whiten_moment(const dcl_matrix *data, const dcl_factorize_options *o, dcl__whitening *w,
                                dcl_error *error)
{
    const int64_t n = o->moment->rows;
    if (n != o->moment->columns || n != data->columns)
        return dcl__fail(error, DCL_EINVAL, "Y X' has %" PRId64 " columns and X X' is %" PRId64 " x %" PRId64 ": all "
                         "three must be the number of features", data->columns, n, o->moment->columns);
    w->features = n;
    double *square = dcl__doubles(n, n, ROOM, error), *values = square ? dcl__doubles(1, n, ROOM, error) : NULL;
    w->back = values ? dcl__doubles(n, n, ROOM, error) : NULL;
    dcl_status status = w->back ? take_moment(o->moment, square, error) : DCL_ENOMEM;
    if (status == DCL_OK)
        status = decompose_moment(w, square, values, error);
    if (status == DCL_OK)
        status = project_moment(data, o->energy, w, error);
    free(square);
    free(values);
    return status;
}

/* ---- All of it ---- */

static dcl_status check(const dcl_factorize_options *o, dcl_error *error)
{
    if (o->inputs && o->moment)
        return dcl__fail(error, DCL_EINVAL, "give X or its moment, not both");
    if (o->moment && (o->batch > 0 || o->mask == DCL_MASK_SAMPLE))
        return dcl__fail(error, DCL_EINVAL, "a moment has no samples to draw a batch from, or masks for: that takes X");
    if (!(o->energy >= 0) || isinf(o->energy) || (o->energy > 0 && !o->moment))
        return dcl__fail(error, DCL_EINVAL, "the energy of Y must be a positive number and belongs to a moment");
    const dcl_matrix *x = o->inputs ? o->inputs : o->moment;
    if (x && (x->rows < 1 || x->columns < 1 || x->rows > INT32_MAX || x->columns > INT32_MAX))
        return dcl__fail(error, DCL_EINVAL, "the dimensions of X must be from 1 to 2^31 - 1");
    if (o->moment && masks_entries_of_v(o))
        return dcl__fail(error, DCL_EINVAL, "masks on entries of V are trained with X itself, not with its moment");
    if (x && masks_entries_of_v(o) && o->solver == DCL_SOLVER_CLOSED_FORM)
        return dcl__fail(error, DCL_EINVAL, "masks on entries of V have no closed form with X, only a lower bound");
    if (x && masks_entries_of_v(o) && o->solver == DCL_SOLVER_EXPLICIT && o->optimizer == DCL_OPTIMIZER_DEFAULT)
        return dcl__fail(error, DCL_EINVAL, "masks on entries of V with X have no ridge rounds: give the solver "
                         "explicit an optimizer");
    return DCL_OK;
}

dcl_status dcl__whiten(const dcl_matrix *data, const dcl_factorize_options *options, dcl__whitening *whitening,
                       dcl_error *error)
{
    dcl__whitening made = {.features = data->columns, .rank = data->columns, .columns = data->columns, .y = *data,
                           .share = 1, .condition = 1};
    dcl_status status = check(options, error);
    if (status == DCL_OK && (options->inputs || options->moment)) {
        made = (dcl__whitening){.share = 1};
        status = options->inputs ? whiten_inputs(data, options, &made, error)
                                 : whiten_moment(data, options, &made, error);
    }
    if (status)
        dcl__whitening_free(&made);
    else
        *whitening = made;
    return status;
}

void dcl__whiten_back(const dcl__whitening *whitening, const double *trained, int64_t width, double *v)
{
    const int features = (int)whitening->features, columns = (int)whitening->columns;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, features, (int)width, columns, 1, whitening->back, columns,
                trained, (int)width, 0, v, (int)width);
}

void dcl__whitening_free(dcl__whitening *whitening)
{
    free(whitening->back);
    free(whitening->rooms[0]);
    free(whitening->rooms[1]);
    *whitening = (dcl__whitening){0};
}
