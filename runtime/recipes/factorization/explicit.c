/* explicit.c: alternating ridge regressions on the explicit objective, extrapolated where that helps.
 *
 * For fixed V the best U is the ridge regression U = Y V (V'V + lambda diag ||v_i||^2)^-1, an r x r system,
 * and alike for V; where the noise couples units, U = Y V (V'V o (1 + C))^-1. A round does both halves. The next
 * round starts from V + beta (V - V of the round before); when that made the objective rise, the round is taken
 * back, and one plain round, which cannot rise, follows. beta grows by 1.1 with every success, up to 3, and falls
 * to 0.2 after a failure. All of it is graph: the decision is a number that is 0 or 1, so a saved graph runs the
 * same rounds.
 */
#include "recipes/factorization/noise.h"

/* What one round starts from; all are parameters. */
typedef struct state {
    dcl_value u, v;              /* the best factors so far                                          */
    dcl_value trial;             /* where the round starts: V, extrapolated                          */
    dcl_value best, beta, plain, rounds;
} state;

/* The values of one round. */
typedef struct round_values {
    dcl_value u, v, objective, accepted;
} round_values;

static state add_state(dcl_graph *graph, const dcl__task *task)
{
    return (state){
        .u = dcl__matrix_parameter(graph, "U", task->rows, task->width, 0, 0),
        .v = dcl__matrix_parameter(graph, "V", task->columns, task->width, 0, 0),
        .trial = dcl__matrix_parameter(graph, "V.trial", task->columns, task->width, task->unit_v, DCL__STREAM_V),
        .best = dcl__scalar_parameter(graph, "best", 0),
        .beta = dcl__scalar_parameter(graph, "beta", 0.5),
        .plain = dcl__scalar_parameter(graph, "plain", 1),
        .rounds = dcl__scalar_parameter(graph, "rounds", 0),
    };
}

/* right (V'V + lambda diag ||v_i||^2)^-1, or right (V'V o (1 + C))^-1, for right = Y V or Y'U. `weights`: 1 + C, or
 * 0. */
static dcl_value ridge(dcl_graph *graph, double lambda, dcl_value weights, dcl_value factor, dcl_value right)
{
    dcl_value gram = dcl__matmul(graph, DCL_TRANSPOSE_A, factor, factor);
    if (weights)
        return dcl__binary(graph, "solve", dcl__binary(graph, "multiply", gram, weights), right);
    dcl_value diagonal = dcl__scaled(graph, dcl__over_rows(graph, "sum_squares", factor, 0), lambda);
    return dcl_graph_apply(graph, NULL, "solve", (dcl_value[]){gram, right, diagonal}, 3, NULL);
}

/* x where `choice` is 1, y where it is 0, whatever the other is. */
static dcl_value choose(dcl_graph *graph, dcl_value choice, dcl_value x, dcl_value y)
{
    return dcl_graph_apply(graph, NULL, "choose", (dcl_value[]){choice, x, y}, 3, NULL);
}

/* Scales every pair so that ||u_i|| = ||v_i||; pairs with a zero stay zero. */
static void even_out(dcl_graph *graph, dcl_value *u, dcl_value *v)
{
    const dcl_setting zero_safe[] = {{.name = "zero_safe", .integer = 1}, {0}};
    dcl_value norm_u = dcl__over_rows(graph, "norm", *u, 1), norm_v = dcl__over_rows(graph, "norm", *v, 1);
    dcl_value up = dcl__unary(graph, "sqrt", dcl_graph_apply(graph, NULL, "divide", (dcl_value[]){norm_v, norm_u}, 2,
                                                            zero_safe));
    *u = dcl__binary(graph, "multiply", *u, up);
    *v = dcl_graph_apply(graph, NULL, "divide", (dcl_value[]){*v, up}, 2, zero_safe);
}

/* At the ridge minimum over V the objective is ||Y||^2 - <Y'U, V>: no residual is needed. */
static round_values run_round(dcl_graph *graph, const dcl__task *task, const state *s, dcl_value y)
{
    round_values r;
    dcl_value weights = dcl__noise_couples(&task->noise)
                        ? dcl__binary(graph, "add", dcl__noise_weights(graph, task), dcl__scalar(graph, NULL, 1)) : 0;
    r.u = ridge(graph, task->lambda, weights, s->trial, dcl__matmul(graph, 0, y, s->trial));
    dcl_value right = dcl__matmul(graph, DCL_TRANSPOSE_A, y, r.u);
    r.v = ridge(graph, task->lambda, weights, r.u, right);
    dcl_value energy = dcl__scalar(graph, "energy", task->norm * task->norm);
    dcl_value fitted = dcl__unary(graph, "sum", dcl__binary(graph, "multiply", right, r.v));
    r.objective = dcl__binary(graph, "subtract", energy, fitted);
    /* Rounding may look like a rise; so much of it is let pass. */
    double slack = (task->dtype == DCL_F64 ? 1e-13 : 1e-7) * task->norm * task->norm;
    dcl_value most = dcl__binary(graph, "add", s->best, dcl__scalar(graph, "slack", slack));
    dcl_value falls = dcl__unary(graph, "positive", dcl__binary(graph, "subtract", most, r.objective));
    r.accepted = dcl__unary(graph, "positive", dcl__binary(graph, "add", s->plain, falls));
    even_out(graph, &r.u, &r.v);
    return r;
}

/* Where the next round starts. lambda 0 has flat directions along which extrapolation runs away. */
static void extrapolate(dcl_graph *graph, const dcl__task *task, const state *s, const round_values *r,
                        dcl_value next_v)
{
    dcl_value third = dcl__unary(graph, "positive",
                                 dcl__binary(graph, "subtract", s->rounds, dcl__scalar(graph, "warm", 1.5)));
    dcl_value goes_on = dcl__scaled(graph, dcl__binary(graph, "multiply", third, r->accepted), task->lambda > 0);
    dcl_value reach = dcl__binary(graph, "multiply", goes_on, s->beta);
    dcl_value change = dcl__binary(graph, "multiply", dcl__binary(graph, "subtract", next_v, s->v), reach);
    dcl_graph_assign(graph, s->trial, dcl__binary(graph, "add", change, next_v));
    dcl_graph_assign(graph, s->plain, dcl__binary(graph, "subtract", dcl__scalar(graph, "one", 1), goes_on));
}

/* beta: 1.1 beta but at most 3 after a success, 0.2 after a failure. */
static dcl_value next_beta(dcl_graph *graph, const state *s, const round_values *r)
{
    dcl_value grown = dcl__scaled(graph, s->beta, 1.1);
    dcl_value excess = dcl__unary(graph, "relu", dcl__binary(graph, "subtract", grown, dcl__scalar(graph, "most", 3)));
    return choose(graph, r->accepted, dcl__binary(graph, "subtract", grown, excess), dcl__scalar(graph, "least", 0.2));
}

void dcl__build_explicit(dcl_graph *graph, const dcl__task *task, dcl_value y)
{
    const state s = add_state(graph, task);
    const round_values r = run_round(graph, task, &s, y);
    dcl_value next_v = choose(graph, r.accepted, r.v, s.v);
    dcl_graph_assign(graph, s.u, choose(graph, r.accepted, r.u, s.u));
    dcl_graph_assign(graph, s.v, next_v);
    dcl_graph_assign(graph, s.best, choose(graph, r.accepted, r.objective, s.best));
    dcl_graph_assign(graph, s.beta, next_beta(graph, &s, &r));
    dcl_graph_assign(graph, s.rounds, dcl__binary(graph, "add", s.rounds, r.accepted));
    extrapolate(graph, task, &s, &r, next_v);
}
