/* growth.h: the parts of certified growth: factors, the loss on the device, descents, and what follows a descent.
 *
 * Factors are kept on the host in double precision, whatever the device computes in, so that the certificate sees no
 * other factors than the descent leaves.
 */
#ifndef DCL__GROWTH_H
#define DCL__GROWTH_H

#include "recipes/certificate/certificate.h"

/* Factors that own their numbers; u is rows x width, v columns x width, row-major. Width 0: both may be NULL. */
typedef struct dcl__factors {
    int64_t rows, columns, width;
    double *u, *v;
} dcl__factors;

/* Replaces the factors by zeros of another width, by a copy, or by a choice of their units; on failure they stay. */
dcl_status dcl__factors_make(dcl__factors *factors, int64_t width, dcl_error *error);
dcl_status dcl__factors_copy(dcl__factors *factors, const double *u, const double *v, int64_t width, dcl_error *error);
dcl_status dcl__factors_keep(dcl__factors *factors, const int *keeps, dcl_error *error);
void dcl__factors_free(dcl__factors *factors);

/* ||u_i||_u ||v_i||_v by the penalty's norms, into `weights` (room for width). */
void dcl__unit_weights(const dcl_problem *problem, const dcl__factors *factors, double *weights);
/* Gives both factors of each unit the same norm. */
void dcl__balance_units(const dcl_problem *problem, dcl__factors *factors);

/* ---- The loss on the device ---- */

/* A graph of the fused step with room for at least the units that there are; zero units cost time but no digits. */
typedef struct dcl__device_loss {
    const dcl_registry *registry;
    dcl_device *device;
    const dcl_problem *problem;
    const dcl__loss *loss;
    uint32_t dtype;
    double curvature;            /* bounds the second derivative of the loss by an entry of U V'     */
    double density;              /* share of the entries that are known                              */
    dcl_graph *graph;
    dcl_session *session;
    int64_t room;                /* units of the session                                             */
    double *padded;              /* U or V, or its gradient, with room units                         */
    int64_t evaluations, most;   /* so far, and at most                                              */
    int (*stops)(void *user);    /* asked between evaluations; not 0 ends descents                   */
    void *user;
    int stopped;
} dcl__device_loss;

/* Fills in what the problem decides; nothing is built before the first evaluation. */
dcl_status dcl__device_loss_start(dcl__device_loss *d, dcl_error *error);
/* loss(Y, U V') and its gradients, which have the shapes of u and v (NULL: not wanted). DCL_ENUMERIC where the loss is
 * not finite. */
dcl_status dcl__device_loss_at(dcl__device_loss *d, int64_t width, const double *u, const double *v, double *loss,
                               double *gradient_u, double *gradient_v, dcl_error *error);
/* Whether descents are to end: out of evaluations, or asked to stop. */
int dcl__device_loss_ends(dcl__device_loss *d);
void dcl__device_loss_free(dcl__device_loss *d);

/* ---- Descents: until the objective falls by less than `precision` of itself in some steps ---- */

/* Of loss + lambda / 2 (||U||^2 + ||V||^2), by L-BFGS. */
dcl_status dcl__descend_smooth(dcl__device_loss *d, dcl__factors *factors, double precision, dcl_error *error);
/* Of loss + lambda sum ||u_i||_u ||v_i||_v, by alternating proximal gradient steps. */
dcl_status dcl__descend_proximal(dcl__device_loss *d, dcl__factors *factors, double precision, dcl_error *error);

/* ---- Between descents ---- */

/* For the nuclear norm: the proximal gradient step within the spaces that U and V span. The objective does not rise,
 * units come out orthogonal and balanced, and those that vanish are gone. With all entries and the squared loss it is
 * the minimum within these spaces. */
dcl_status dcl__refit(const dcl_problem *problem, dcl__factors *factors, double curvature, dcl_error *error);

/* For other penalties: units without weight are gone, and those with an l1 norm are one for each row (of l2-l1: column)
 * where that makes at most `most`; it never costs more. */
dcl_status dcl__tidy_units(const dcl_problem *problem, dcl__factors *factors, int64_t most, dcl_error *error);

/* Appends atoms, each in proportion to how far its level is above lambda, all by the best common factor for the
 * quadratic that bounds the loss; the objective falls by what that promises at least, but for rounding. */
dcl_status dcl__add_atoms(const dcl_problem *problem, dcl__factors *factors, const dcl__atoms *atoms, double curvature,
                          dcl_error *error);

#endif
