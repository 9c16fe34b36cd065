/* graph.c: loss and gradients of a factorization on the device, as a graph with the parameters U and V. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "recipes/common/build.h"
#include "recipes/common/entries_graph.h"
#include "recipes/growth/growth.h"

static int64_t rows_of(const dcl_problem *p)
{
    return p->data ? p->data->rows : p->entries->rows;
}

static int64_t columns_of(const dcl_problem *p)
{
    return p->data ? p->data->columns : p->entries->columns;
}

dcl_status dcl__device_loss_start(dcl__device_loss *d, dcl_error *error)
{
    const dcl_entries *entries = d->problem->entries;
    double weight = 1;
    d->loss = dcl__loss_find(d->problem->loss);
    if (!d->loss)
        return dcl__fail(error, DCL_EINVAL, "the loss is none that factorizations know");
    d->density = 1;
    if (!d->problem->data) {
        d->density = (double)entries->count / ((double)entries->rows * (double)entries->columns);
        for (int64_t e = 0; entries->weight && e < entries->count; e++)
            weight = e == 0 ? entries->weight[0] : fmax(weight, entries->weight[e]);
    }
    d->curvature = d->loss->curvature * weight;
    return DCL_OK;
}

/* ---- The graph ---- */

static dcl_value build_dense(dcl_graph *graph, const dcl_problem *p, dcl_value u, dcl_value v)
{
    dcl_value y = dcl_graph_input(graph, "Y", DCL_REAL, 2, (int64_t[]){p->data->rows, p->data->columns});
    return dcl_graph_apply(graph, "residual", "low_rank_residual", (dcl_value[]){y, u, v}, 3, NULL);
}

/* A step moves nothing: it leaves loss and gradients in parameters, which are fetched without computing again. */
static dcl_status build(dcl__device_loss *d, dcl_error *error)
{
    const int64_t rows = rows_of(d->problem), columns = columns_of(d->problem);
    dcl_status status = dcl_graph_create(d->registry, d->dtype, 0, &d->graph, error);
    if (status)
        return status;
    dcl_graph *graph = d->graph;
    dcl_value u = dcl__matrix_parameter(graph, "U", rows, d->room, 0, 0);
    dcl_value v = dcl__matrix_parameter(graph, "V", columns, d->room, 0, 0);
    dcl_value loss = d->problem->data ? build_dense(graph, d->problem, u, v)
                                      : dcl__entries_loss(graph, d->problem->entries, d->loss->name, u, v);
    dcl_graph_assign(graph, dcl__scalar_parameter(graph, "loss", 0), loss);
    dcl_graph_assign(graph, dcl__matrix_parameter(graph, "gradient U", rows, d->room, 0, 0), loss ? loss + 1 : 0);
    dcl_graph_assign(graph, dcl__matrix_parameter(graph, "gradient V", columns, d->room, 0, 0), loss ? loss + 2 : 0);
    return dcl_graph_status(graph, error);
}

static void release(dcl__device_loss *d)
{
    dcl_session_free(d->session);
    dcl_graph_free(d->graph);
    free(d->padded);
    d->session = NULL;
    d->graph = NULL;
    d->padded = NULL;
    d->room = 0;
}

void dcl__device_loss_free(dcl__device_loss *d)
{
    release(d);
}

/* Rooms grow by a quarter or less, so that few sessions are made and little is computed for nothing. */
static int64_t room_for(int64_t width)
{
    int64_t part = 4;
    while (part * 4 < width)
        part *= 2;
    return (width + part - 1) / part * part;
}

static dcl_status make_room(dcl__device_loss *d, int64_t width, dcl_error *error)
{
    if (d->session && width <= d->room && d->room <= 2 * room_for(width))
        return DCL_OK;
    const int64_t rows = rows_of(d->problem), columns = columns_of(d->problem);
    release(d);
    d->room = room_for(width);
    d->padded = calloc((size_t)((rows > columns ? rows : columns) * d->room), sizeof *d->padded);
    if (!d->padded)
        return dcl__no_memory(error, "factors", (rows > columns ? rows : columns) * d->room * (int64_t)sizeof(double));
    dcl_status status = build(d, error);
    if (status == DCL_OK)
        status = dcl_session_create(d->device, d->graph, &d->session, error);
    if (status)
        return status;
    const dcl_matrix *data = d->problem->data;
    return data ? dcl_session_feed(d->session, "Y", data->dtype, data->data, error)
                : dcl__entries_feed(d->session, d->problem->entries, error);
}

/* ---- Evaluation ---- */

static dcl_status feed_padded(dcl__device_loss *d, const char *name, int64_t rows, int64_t width, const double *x,
                              dcl_error *error)
{
    for (int64_t a = 0; a < rows; a++) {
        memcpy(d->padded + a * d->room, x + a * width, (size_t)width * sizeof *x);
        memset(d->padded + a * d->room + width, 0, (size_t)(d->room - width) * sizeof *x);
    }
    return dcl_session_feed(d->session, name, DCL_F64, d->padded, error);
}

static dcl_status fetch_padded(dcl__device_loss *d, const char *name, int64_t rows, int64_t width, double *x,
                               dcl_error *error)
{
    dcl_status status = dcl_session_fetch(d->session, name, DCL_F64, d->padded, error);
    for (int64_t a = 0; a < rows && status == DCL_OK; a++)
        memcpy(x + a * width, d->padded + a * d->room, (size_t)width * sizeof *x);
    return status;
}

dcl_status dcl__device_loss_at(dcl__device_loss *d, int64_t width, const double *u, const double *v, double *loss,
                               double *gradient_u, double *gradient_v, dcl_error *error)
{
    const int64_t rows = rows_of(d->problem), columns = columns_of(d->problem);
    dcl_status status = make_room(d, width, error);
    if (status == DCL_OK)
        status = feed_padded(d, "U", rows, width, u, error);
    if (status == DCL_OK)
        status = feed_padded(d, "V", columns, width, v, error);
    if (status == DCL_OK)
        status = dcl_session_step(d->session, 1, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(d->session, "loss", DCL_F64, loss, error);
    if (status == DCL_OK && gradient_u)
        status = fetch_padded(d, "gradient U", rows, width, gradient_u, error);
    if (status == DCL_OK && gradient_v)
        status = fetch_padded(d, "gradient V", columns, width, gradient_v, error);
    d->evaluations++;
    if (status == DCL_OK && !isfinite(*loss))
        status = dcl__fail(error, DCL_ENUMERIC, "the loss is no longer finite after %" PRId64 " evaluations (choose "
                           "f64, or scale the data)", d->evaluations);
    return status;
}

int dcl__device_loss_ends(dcl__device_loss *d)
{
    d->stopped |= d->stops && d->stops(d->user);
    return d->stopped || d->evaluations >= d->most;
}
