/* refit.c: the proximal gradient step of the nuclear norm within the spaces that factors span.
 *
 * With orthonormal bases P of U and Q of V and the largest curvature c of the loss, the step from X = U V' is the
 * singular value thresholding of P'(X + Z / c)Q by lambda / c (Cai, Candes, Shen, SIAM J. Optim. 2010), a problem of
 * the size of the width. With all entries and the squared loss X + Z / c is Y.
 */
#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "recipes/growth/growth.h"

/* Bases, triangles and the core, in one piece of memory. */
typedef struct refit {
    int64_t m, n, width, left, right, least; /* columns of P and of Q, and the smaller of them       */
    double *p, *q;               /* m x left, n x right                                              */
    double *p_triangle, *q_triangle;         /* left x width, right x width                          */
    double *image;               /* Z Q, m x right                                                   */
    double *core, *core_u, *core_v, *values; /* left x right; left x least, least x right, least     */
} refit;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static dcl_status make(refit *r, const dcl__factors *f, dcl_error *error)
{
    *r = (refit){.m = f->rows, .n = f->columns, .width = f->width, .left = least(f->rows, f->width),
                 .right = least(f->columns, f->width)};
    r->least = least(r->left, r->right);
    const int64_t sizes[] = {r->m * r->width, r->n * r->width, r->left * r->width, r->right * r->width,
                             r->m * r->right, r->left * r->right, r->left * r->least, r->least * r->right, r->least};
    double **const parts[] = {&r->p, &r->q, &r->p_triangle, &r->q_triangle, &r->image, &r->core, &r->core_u,
                              &r->core_v, &r->values};
    int64_t count = 0;
    for (int i = 0; i < 9; i++)
        count += sizes[i];
    double *room = calloc((size_t)count, sizeof *room);
    if (!room)
        return dcl__no_memory(error, "a refit", count * (int64_t)sizeof *room);
    for (int i = 0; i < 9; i++) {
        *parts[i] = room;
        room += sizes[i];
    }
    return DCL_OK;
}

/* An orthonormal basis, rows x least(rows, width), and the triangle with basis * triangle = from. `basis` has room for
 * rows x width. */
static int factorise(const double *from, int64_t rows, int64_t width, double *basis, double *triangle)
{
    const int64_t rank = least(rows, width);
    double *tau = calloc((size_t)rank, sizeof *tau);
    if (!tau)
        return -1;
    memcpy(basis, from, (size_t)(rows * width) * sizeof *basis);
    int failed = LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, (int)rows, (int)width, basis, (int)width, tau);
    for (int64_t i = 0; i < rank && !failed; i++)
        memcpy(triangle + i * width + i, basis + i * width + i, (size_t)(width - i) * sizeof *triangle);
    if (!failed)
        failed = LAPACKE_dorgqr(LAPACK_ROW_MAJOR, (int)rows, (int)rank, (int)rank, basis, (int)width, tau);
    for (int64_t a = 0; a < rows && rank < width; a++)
        memmove(basis + a * rank, basis + a * width, (size_t)rank * sizeof *basis);
    free(tau);
    return failed;
}

/* core = P'X Q + P'Z Q / c. */
static dcl_status make_core(const dcl_problem *problem, const dcl__factors *f, double curvature, refit *r,
                            dcl_error *error)
{
    dcl__slope slope = {0};
    dcl_status status = dcl__slope_make(problem, f->u, f->v, f->width, &slope, error);
    if (status == DCL_OK)
        status = dcl__slope_multiply(&slope, 0, r->q, r->right, r->image, error);
    dcl__slope_free(&slope);
    if (status)
        return status;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)r->left, (int)r->right, (int)r->width, 1, r->p_triangle,
                (int)r->width, r->q_triangle, (int)r->width, 0, r->core, (int)r->right);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)r->left, (int)r->right, (int)r->m, 1 / curvature, r->p,
                (int)r->left, r->image, (int)r->right, 1, r->core, (int)r->right);
    return DCL_OK;
}

/* Thresholds the core and makes factors of what is left. */
static dcl_status replace(refit *r, double threshold, dcl__factors *f, dcl_error *error)
{
    int64_t rank = 0;
    if (LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', (int)r->left, (int)r->right, r->core, (int)r->right, r->values, r->core_u,
                       (int)r->least, r->core_v, (int)r->right))
        return dcl__fail(error, DCL_ENUMERIC, "the singular values of the factors do not converge: are they finite?");
    while (rank < r->least && r->values[rank] > threshold)
        rank++;
    for (int64_t k = 0; k < rank; k++) {
        const double root = sqrt(r->values[k] - threshold);
        cblas_dscal((int)r->left, root, r->core_u + k, (int)r->least);
        cblas_dscal((int)r->right, root, r->core_v + k * r->right, 1);
    }
    dcl_status status = dcl__factors_make(f, rank, error);
    if (status || rank == 0)
        return status;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)r->m, (int)rank, (int)r->left, 1, r->p, (int)r->left,
                r->core_u, (int)r->least, 0, f->u, (int)rank);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)r->n, (int)rank, (int)r->right, 1, r->q, (int)r->right,
                r->core_v, (int)r->right, 0, f->v, (int)rank);
    return DCL_OK;
}

dcl_status dcl__refit(const dcl_problem *problem, dcl__factors *f, double curvature, dcl_error *error)
{
    refit r;
    if (f->width == 0)
        return DCL_OK;
    dcl_status status = make(&r, f, error);
    if (status)
        return status;
    if (factorise(f->u, r.m, r.width, r.p, r.p_triangle) || factorise(f->v, r.n, r.width, r.q, r.q_triangle))
        status = dcl__fail(error, DCL_ENUMERIC, "the factors have no orthonormal basis: are they finite?");
    if (status == DCL_OK)
        status = make_core(problem, f, curvature, &r, error);
    if (status == DCL_OK)
        status = replace(&r, problem->lambda / curvature, f, error);
    free(r.p);
    return status;
}
