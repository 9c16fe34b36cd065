/* data_spectrum.h: the singular values of a matrix, in double precision, or the leading ones and how far they may
 * be from those that there are.
 */
#ifndef DCL__DATA_SPECTRUM_H
#define DCL__DATA_SPECTRUM_H

#include "dropcl/dropcl.h"

typedef struct dcl__data_spectrum {
    double *values;              /* largest first                                                    */
    int64_t count, all;          /* how many are known, and how many there are                       */
    double energy;               /* ||Y||_F^2                                                        */
    double residual;             /* ||Y' U - V S||_F of the vectors of the known values, where Y V = U S */
    double rounding;             /* by rounding a value may be off by so much, relative to the largest */
} dcl__data_spectrum;

/* What the closed form for `width` units needs. All values of a small matrix, or where the width is no small
 * part of them; else those above the threshold: their vectors come from the device, and one pass over Y in
 * double precision on the host turns them into values whose error is of the order of the square of the
 * vectors'. The cost grows linearly with rows, columns and width. Without a device (NULL, and no registry), all
 * values, by LAPACK. Free values with free(). */
dcl_status dcl__data_spectrum_find(const dcl_registry *registry, dcl_device *device, const dcl_matrix *data,
                                   double lambda, int64_t width, dcl__data_spectrum *spectrum, dcl_error *error);

/* The least objective of `width` units under a noise, or a lower bound of it, and what it comes from. `more` above 0,
 * for a rate that varies with the width: the spectrum shows whether values beyond the width are above the threshold.
 * `shrunk` as in dcl_noise_optimum; free it and the spectrum's values with free(), after failures as well. */
dcl_status dcl__data_optimum(const dcl_registry *registry, dcl_device *device, const dcl_matrix *data,
                             const dcl_noise *noise, int64_t width, int64_t more, dcl__data_spectrum *spectrum,
                             double **shrunk, dcl_optimum *optimum, dcl_error *error);

#endif
