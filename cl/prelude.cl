/* prelude.cl: what every kernel of an op can rely on; the host puts it before the op's own source.
 *
 *     real            float, or double when the graph is f64 (DCL_REAL_BITS is 32 or 64)
 *     REAL_IS_DOUBLE  0 or 1
 *     R(0.5)          a literal of type real; never write 0.5 alone, it is a double
 */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wpsabi"     /* PoCL prints these to stderr; no vector leaves a program */
#endif
#if DCL_REAL_BITS == 64
#ifdef cl_khr_fp64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
typedef double real;
#define REAL_IS_DOUBLE 1
#define R(literal) literal
#else
typedef float real;
#define REAL_IS_DOUBLE 0
#define R(literal) literal##f
#endif
