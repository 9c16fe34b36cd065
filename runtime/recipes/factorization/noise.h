/* noise.h: what each kind of noise does to a training graph, and what it costs in expectation.
 *
 * The penalties, with W = X'V (W = V without data X), S = XX', lambda(theta) = (1 - theta) / theta:
 *
 *     dropout, by step or by sample    lambda sum_i |u_i|^2 |w_i|^2                        (Cavazza et al. 2018)
 *     DropBlock                        lambda sum over blocks of <U_b'U_b, W_b'W_b>        (after Pal et al. 2020)
 *     DropConnect on U                 lambda sum_i |u_i|^2 |w_i|^2
 *     DropConnect on V                 lambda sum_i |u_i|^2 v_i' diag(S) v_i
 *     DropConnect on both              lambda_u sum_i |u_i|^2 |w_i|^2 + (lambda_v + lambda_u lambda_v) sum_i ...
 *     correlated, mask 1 + A (z - 1)   <C, U'U o W'W> with C = lambda A A'
 *
 * DropBlock is the last with C = lambda where two units share a block.
 */
#ifndef DCL__NOISE_H
#define DCL__NOISE_H

#include "recipes/factorization/factorization.h"

/* Whether the penalty couples units: then dcl__noise_weights is what it needs, else lambda alone. */
int dcl__noise_couples(const dcl_noise *noise);

/* The width x width matrix C. A correlated noise reads the input "A", which is added where it is missing. */
dcl_value dcl__noise_weights(dcl_graph *graph, const dcl__task *task);

/* The explicit objective, and its penalty alone, for which only tests ask. `x` is the data, features x samples, or 0
 * where there are none. */
dcl_value dcl__noise_regularizer(dcl_graph *graph, const dcl__task *task, dcl_value u, dcl_value v, dcl_value x);
dcl_value dcl__noise_objective(dcl_graph *graph, const dcl__task *task, dcl_value y, dcl_value u, dcl_value v,
                               dcl_value x);

/* The loss under the step's mask, a node named "loss", and its gradients by u and v. */
dcl_value dcl__noise_loss(dcl_graph *graph, const dcl__task *task, dcl_value y, dcl_value u, dcl_value v, dcl_value x,
                          dcl_value gradients[2]);

#endif
