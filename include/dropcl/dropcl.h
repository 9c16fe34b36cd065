/* dropcl.h: what a program includes: devices, ops, graphs, sessions and the data that goes through them.
 *
 * A graph of plugin ops goes in, any OpenCL device trains it:
 *
 *     dcl_registry *ops;  dcl_device *device;  dcl_graph *graph;  dcl_session *session;  dcl_error error;
 *     dcl_registry_open(NULL, &ops, &error);
 *     dcl_device_open("gpu", &device, &error);
 *     dcl_graph_create(ops, DCL_F32, 1, &graph, &error);
 *     ... dcl_graph_input, dcl_graph_apply, dcl_graph_gradient, dcl_graph_assign, dcl_graph_result ...
 *     dcl_session_create(device, graph, &session, &error);
 *     dcl_session_feed(session, "Y", DCL_F64, data, &error);
 *     dcl_session_step(session, 1000, &error);
 *     dcl_session_fetch(session, "U", DCL_F64, factors, &error);
 *
 * Conventions. Matrices are row-major without gaps. Sizes are 64-bit. Every function that can fail
 * returns a dcl_status (0 or negative) and, when `error` is not NULL, writes a sentence there that says
 * what was wrong and what to do; on failure the output arguments are left untouched unless said otherwise.
 * The library never prints, exits or aborts. Threads: objects are not locked; use one object from one
 * thread at a time. Different devices may be used from different threads at once; matrix products are
 * serialised inside. Ownership: who creates frees, with the function named beside; a graph outlives its
 * sessions, a device its sessions, a registry its graphs.
 */
#ifndef DROPCL_DROPCL_H
#define DROPCL_DROPCL_H

#include <stddef.h>
#include <stdint.h>

#include "op.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef DCL_API
#if defined(__GNUC__)
#define DCL_API __attribute__((visibility("default")))
#else
#define DCL_API
#endif
#endif

/* ---- Errors ------------------------------------------------------------------------------------ */

/* Caller-owned, usually on the stack. `text` is a whole sentence, cut at the end when too long (build
 * logs); it is written only when a function fails. */
typedef struct dcl_error {
    dcl_status code;
    char text[4096];
} dcl_error;

/* The meaning of a status code in a few words: "out of host memory". [any-thread] */
DCL_API const char *dcl_status_text(dcl_status code);

/* The version of the library: "0.1.0". */
DCL_API const char *dcl_version(void);

/* ---- Devices ----------------------------------------------------------------------------------- */

typedef struct dcl_device dcl_device;

enum { DCL_TYPE_CPU = 1, DCL_TYPE_GPU = 2, DCL_TYPE_OTHER = 3 };

typedef struct dcl_device_info {
    int platform_index, device_index;     /* as `clinfo -l` numbers them                             */
    int type;                             /* DCL_TYPE_...                                            */
    int fp64;                             /* 1: has double precision                                 */
    int unified_memory;                   /* 1: shares memory with the host (integrated GPU, CPU)    */
    int64_t compute_units;
    int64_t memory_bytes, allocation_bytes, local_bytes;  /* global, largest buffer, local of a group */
    int64_t work_group;                   /* largest number of work-items in a group                 */
    int64_t lanes_f32, lanes_f64;         /* elements of a vector register (0: f64 not supported)    */
    char platform[128], name[256], vendor[128], version[128], driver[128], platform_version[128];
} dcl_device_info;

/* Lists the devices of all platforms, in the order of `clinfo -l`. Writes at most `capacity` records and
 * the number of all devices to *count. Without any device: DCL_ENODEVICE, and the text says what to
 * install. */
DCL_API dcl_status dcl_device_list(dcl_device_info *infos, size_t capacity, size_t *count, dcl_error *error);

/* Which device a selector means: "2" (index in dcl_device_list), "gpu", "cpu", or a part of the device,
 * platform or vendor name, any case. NULL or "" means the environment variable DROPCL_DEVICE, or else the
 * default: discrete GPU before integrated GPU before others before CPU, software renderers last, and
 * more compute units first. `reason` (may be NULL) receives why, in a few words. */
DCL_API dcl_status dcl_device_choose(const dcl_device_info *infos, size_t count, const char *selector,
                                     size_t *chosen, char reason[128], dcl_error *error);

/* Opens a device: its context, one in-order queue, its kernel cache. Close with dcl_device_close. */
DCL_API dcl_status dcl_device_open(const char *selector, dcl_device **device, dcl_error *error);

/* Waits for the queue, saves new kernels to the cache, then frees everything in order. Close its sessions first.
 * NULL is allowed. */
DCL_API void dcl_device_close(dcl_device *device);

DCL_API const dcl_device_info *dcl_device_describe(const dcl_device *device);

/* What happened on a device so far. */
typedef struct dcl_device_counts {
    int64_t kernels_launched;
    int64_t programs_compiled, programs_cached;     /* built from source, read from the disk cache   */
    int64_t bytes_allocated, bytes_peak;            /* device memory held now, and at most           */
} dcl_device_counts;

DCL_API dcl_device_counts dcl_device_statistics(const dcl_device *device);

/* Why this device was chosen, in a few words. */
DCL_API const char *dcl_device_reason(const dcl_device *device);

/* Where messages of ops and of the runtime go: DCL_LOG_... level and one line. Without a function they are
 * dropped. Called from the thread that uses the device. */
typedef void (*dcl_log_function)(void *user, uint32_t level, const char *text);
DCL_API void dcl_device_set_log(dcl_device *device, dcl_log_function log, void *user);

/* Lets matrix products go by what `dropcl tune` measured: variants and parameters of kernels (docs/tuning.md).
 * `file` NULL means the user's own for this device, in $XDG_DATA_HOME/dropcl/tuning or the same in
 * ~/.local/share; there it is no failure when there is none. Results of another device or driver are refused.
 * Call it before products run; on failure nothing changes. CLBlast keeps parameters for the process. */
DCL_API dcl_status dcl_device_load_tuning(dcl_device *device, const char *file, dcl_error *error);

/* Name of the variant that large square products go by on the device for a dtype: "clblast", "packed" or
 * "plain"; the first call runs the self-test. *note (may be NULL) receives why ("tuned; ..."), or what the
 * self-test found. */
DCL_API dcl_status dcl_device_gemm(dcl_device *device, uint32_t dtype, const char **variant, const char **note,
                                   dcl_error *error);

/* The kernel cache: its folder, and how much it holds. dcl_cache_clear removes dropcl's files there. */
DCL_API dcl_status dcl_cache_describe(char *folder, size_t folder_size, int64_t *files, int64_t *bytes,
                                      dcl_error *error);
DCL_API dcl_status dcl_cache_clear(int64_t *files, dcl_error *error);

/* ---- Ops --------------------------------------------------------------------------------------- */

typedef struct dcl_registry dcl_registry;

/* Loads op plugins. First the files or folders of `path` (separated by ':', NULL for none), then those
 * of DROPCL_PLUGIN_PATH, then the install folder; never the current folder. In folders, files named
 * *.dclop.so count. A file that is named itself must load; one found in a folder that does not load is
 * passed over and listed by dcl_registry_warning. An op of a file that `path` names goes before ops of its
 * name that are found elsewhere; otherwise two plugins with one op name are an error that names both files.
 * Close with dcl_registry_close; the libraries stay mapped. */
DCL_API dcl_status dcl_registry_open(const char *path, dcl_registry **registry, dcl_error *error);
DCL_API void dcl_registry_close(dcl_registry *registry);

/* Number of ops, and the i-th in the order of names. */
DCL_API size_t dcl_registry_count(const dcl_registry *registry);
DCL_API const dcl_op *dcl_registry_op(const dcl_registry *registry, size_t i);
/* The op of a name, or NULL. */
DCL_API const dcl_op *dcl_registry_find(const dcl_registry *registry, const char *name);
/* File and plugin that brought the i-th op. */
DCL_API const char *dcl_registry_file(const dcl_registry *registry, size_t i);
DCL_API const dcl_plugin *dcl_registry_plugin(const dcl_registry *registry, size_t i);
/* The i-th plugin file that was passed over and why, as a sentence; NULL past the end. */
DCL_API const char *dcl_registry_warning(const dcl_registry *registry, size_t i);

/* ---- Graphs ------------------------------------------------------------------------------------ */

/* Nodes (one op applied to values) over values. Values are numbered from 1; 0 is "none" and stands for
 * a failure: a builder that is given 0 returns 0, so a whole graph can be written without checks and the
 * first failure read once, from dcl_graph_status. Values and nodes have names; an empty or NULL name lets
 * the graph choose one ("matmul.3"). Shapes are checked when a node is added. */
typedef struct dcl_graph dcl_graph;

/* How a parameter starts. */
typedef struct dcl_initial {
    double fill;                 /* every element, plus                                              */
    double deviation;            /* deviation times standard normal numbers, drawn                   */
    uint32_t stream;             /* from this stream of the graph's seed (step 0)                    */
} dcl_initial;

/* dtype: DCL_F32 or DCL_F64, the type of all real values. The seed keys every random number. */
DCL_API dcl_status dcl_graph_create(const dcl_registry *registry, uint32_t dtype, uint64_t seed,
                                    dcl_graph **graph, dcl_error *error);
DCL_API void dcl_graph_free(dcl_graph *graph);

/* The first failure of a builder below, DCL_OK when there was none. */
DCL_API dcl_status dcl_graph_status(const dcl_graph *graph, dcl_error *error);

/* A value that the session is fed with; real, or DCL_I64. */
DCL_API dcl_value dcl_graph_input(dcl_graph *graph, const char *name, uint32_t dtype, uint32_t rank,
                                  const int64_t *dim);
/* A value that the session keeps from step to step; real. */
DCL_API dcl_value dcl_graph_parameter(dcl_graph *graph, const char *name, uint32_t rank, const int64_t *dim,
                                      dcl_initial initial);
/* A real value with every element `fill`. */
DCL_API dcl_value dcl_graph_constant(dcl_graph *graph, const char *name, uint32_t rank, const int64_t *dim,
                                     double fill);
/* Adds a node; returns its first output, the others have the next ids. `settings` ends with name NULL
 * (NULL: all defaults). Outputs are named `name`, then "name:1", ... */
DCL_API dcl_value dcl_graph_apply(dcl_graph *graph, const char *name, const char *op, const dcl_value *inputs,
                                  uint32_t input_count, const dcl_setting *settings);
/* Extends the graph by nodes that compute d(scalar)/d(wrt[i]) and writes their values to gradients[i]
 * (a zero constant where nothing flows). The result is ordinary graph: it can be differentiated again.
 * DCL_EGRAPH names the op without gradient and the path that needs it. */
DCL_API dcl_status dcl_graph_gradient(dcl_graph *graph, dcl_value scalar, const dcl_value *wrt, uint32_t count,
                                      dcl_value *gradients);
/* At the end of every step the parameter becomes `value` (same shape). All reads within the step see the
 * old one. At most one assignment for a parameter. */
DCL_API dcl_status dcl_graph_assign(dcl_graph *graph, dcl_value parameter, dcl_value value);
/* Makes a value fetchable under a name. Parameters are fetchable under their own names anyway. */
DCL_API dcl_status dcl_graph_result(dcl_graph *graph, const char *name, dcl_value value);

/* Reading a graph. */
enum { DCL_VALUE_INPUT = 1, DCL_VALUE_PARAMETER = 2, DCL_VALUE_CONSTANT = 3, DCL_VALUE_OUTPUT = 4 };
DCL_API uint32_t dcl_graph_dtype(const dcl_graph *graph);
DCL_API uint64_t dcl_graph_seed(const dcl_graph *graph);
DCL_API int64_t dcl_graph_value_count(const dcl_graph *graph);      /* values are 1..count             */
DCL_API int dcl_value_kind(const dcl_graph *graph, dcl_value value);
DCL_API const char *dcl_value_name(const dcl_graph *graph, dcl_value value);
DCL_API const dcl_tensor *dcl_value_tensor(const dcl_graph *graph, dcl_value value);   /* its shape    */
DCL_API dcl_value dcl_value_find(const dcl_graph *graph, const char *name);           /* 0: no such   */
DCL_API dcl_initial dcl_value_initial(const dcl_graph *graph, dcl_value value);  /* constants: only fill */
DCL_API dcl_value dcl_value_assigned(const dcl_graph *graph, dcl_value parameter);    /* 0: never      */
DCL_API size_t dcl_graph_result_count(const dcl_graph *graph);
DCL_API const char *dcl_graph_result_name(const dcl_graph *graph, size_t i);
DCL_API dcl_value dcl_graph_result_value(const dcl_graph *graph, size_t i);
DCL_API size_t dcl_graph_node_count(const dcl_graph *graph);

typedef struct dcl_node_info {
    const char *name;
    const dcl_op *op;
    const dcl_value *inputs;     /* 0 for an optional one left out                                   */
    uint32_t input_count, output_count;
    dcl_value output;            /* the first; the others follow                                     */
    const dcl_setting *settings; /* all attributes, defaults filled in, in the order of the schema   */
} dcl_node_info;
DCL_API dcl_node_info dcl_graph_node(const dcl_graph *graph, size_t i);

/* ---- Sessions ---------------------------------------------------------------------------------- */

/* A graph planned for one device, with its data. What is added to the graph afterwards is not part of it. */
typedef struct dcl_session dcl_session;

/* Plans order and memory, refuses what cannot run or fit (with sizes) before anything is allocated, then
 * allocates and sets the parameters to their initial values. Free with dcl_session_free. */
DCL_API dcl_status dcl_session_create(dcl_device *device, const dcl_graph *graph, dcl_session **session,
                                      dcl_error *error);
DCL_API void dcl_session_free(dcl_session *session);

/* Sets an input or a parameter from host memory; `dtype` says what `data` holds (DCL_F32 or DCL_F64 for
 * real values, converted where needed; DCL_I64 for indices). */
DCL_API dcl_status dcl_session_feed(dcl_session *session, const char *name, uint32_t dtype, const void *data,
                                    dcl_error *error);
/* The shape and type of what feed and fetch copy under a name: a result, parameter or input; NULL when there
 * is none of that name. `data` holds tensor->count elements. */
DCL_API const dcl_tensor *dcl_session_tensor(const dcl_session *session, const char *name);
/* Enqueues `steps` training steps: everything that assignments need, then the assignments. The inputs that
 * are read must have been fed. Waits now and then, so that the queue stays short. After a failure the
 * parameters may be half updated. */
DCL_API dcl_status dcl_session_step(dcl_session *session, int64_t steps, dcl_error *error);
/* Waits, computes the named result from the present parameters, inputs and step number (a random op draws
 * what the next step would draw) and copies it to `data` as `dtype`. */
DCL_API dcl_status dcl_session_fetch(dcl_session *session, const char *name, uint32_t dtype, void *data,
                                     dcl_error *error);
/* Waits until all enqueued steps are done. */
DCL_API dcl_status dcl_session_wait(dcl_session *session, dcl_error *error);
/* Steps enqueued so far; the setter serves resumed runs. */
DCL_API int64_t dcl_session_steps(const dcl_session *session);
DCL_API void dcl_session_set_steps(dcl_session *session, int64_t steps);
/* Kernels that the last step launched; 0 before the first, which may hold self-tests as well. */
DCL_API int64_t dcl_session_kernels(const dcl_session *session);

/* What the plan decided. */
typedef struct dcl_plan_info {
    int64_t step_nodes, evaluation_nodes;  /* nodes run in a step; to compute all results             */
    int64_t buffers;                       /* buffers shared by all intermediate values               */
    int64_t buffer_bytes;                  /* their size, and                                         */
    int64_t unshared_bytes;                /* what one buffer for each value would have taken          */
    int64_t state_bytes;                   /* inputs, parameters and constants                        */
} dcl_plan_info;
DCL_API dcl_plan_info dcl_session_plan(const dcl_session *session);

/* ---- Recipes: dropout factorization ------------------------------------------------------------ */

/* min over U (m x r), V (n x r) of  ||Y - U V'||_F^2 + lambda sum_i ||u_i||^2 ||v_i||^2,
 * lambda = (1 - retain) / retain: what dropout on the r units minimises in expectation (Cavazza, Morerio,
 * Haeffele, Lane, Murino, Vidal: Dropout as a low-rank regularizer for matrix factorization, AISTATS 2018).
 * Its closed form is due to Mianjy, Arora, Vidal: On the implicit bias of dropout, ICML 2018. */
typedef struct dcl_optimum {
    double lambda;
    double tau;                  /* singular values of Y shrink by this much                         */
    int64_t rank;                /* how many survive                                                 */
    double minimum;              /* the least objective                                              */
    double product;              /* ||u_i|| ||v_i|| of every unit at the optimum: tau / lambda       */
    double error;                /* the least objective is at least minimum - error                  */
    int inexact;                 /* 1: `minimum` is only a lower bound of the least objective        */
    int attained;                /* DropBlock: DCL_ATTAINED ...; others 0                            */
    double convex_gap;           /* minimum less the value of the convex problem; above 0 for two
                                    blocks at most                                                   */
    double constant;             /* the part of `minimum` that no factors change (data beside X)     */
} dcl_optimum;

/* Do factors with this number of blocks reach the convex value? OPEN: nothing known decides it. */
enum { DCL_ATTAINED = 0, DCL_NOT_ATTAINED = 1, DCL_ATTAINMENT_OPEN = 2 };

/* The closed form from the singular values of Y (largest first, `count` of them, all). [any-thread] */
DCL_API dcl_optimum dcl_dropout_optimum(const double *values, int64_t count, double lambda, int64_t width);

/* The closed form from the leading singular values alone: all that are above tau, or `width` of them. `energy` is
 * ||Y||_F^2. The values belong to orthonormal vectors U and V with Y V = U S, and `residual` is at least
 * ||Y' U - V S||_F: 0 when they are exact. Such values are never above the true ones, so the minimum is never
 * below the true one, and by `error` above it at most, but for rounding (some 1e-15 energy); that no value above
 * tau is left out is the caller's word. [any-thread] */
DCL_API dcl_optimum dcl_dropout_optimum_leading(const double *values, int64_t count, double energy, double residual,
                                                double lambda, int64_t width);

/* A dense matrix of the caller's: row-major, without gaps; dtype DCL_F32 or DCL_F64. */
typedef struct dcl_matrix {
    int64_t rows, columns;
    uint32_t dtype;
    const void *data;
} dcl_matrix;

/* What a pair of factors is worth; everything in double precision on the host. */
typedef struct dcl_assessment {
    double data_term, regularizer, objective;    /* ||Y - U V'||^2, lambda sum ..., their sum         */
    double balance_error;        /* largest / mean - 1 of ||u_i|| ||v_i||; 0 when all are 0          */
    int64_t rank;                /* singular values of U V' above 1e-3 of the largest                */
} dcl_assessment;

/* Assesses factors u (m x r) and v (n x r), f64, row-major. `values` (room for r, NULL allowed) receives the
 * singular values of U V', zeros behind the last; `products` (room for r) the ||u_i|| ||v_i||. */
DCL_API dcl_status dcl_dropout_assess(const dcl_matrix *data, const double *u, const double *v, int64_t width,
                                      double lambda, dcl_assessment *assessment, double *values, double *products,
                                      dcl_error *error);

enum { DCL_SOLVER_STOCHASTIC = 1, DCL_SOLVER_EXPLICIT = 2, DCL_SOLVER_CLOSED_FORM = 3 };
enum {
    DCL_NOISE_NONE = 1,
    DCL_NOISE_DROPOUT = 2,       /* a unit, a column of U and of V, is kept or dropped               */
    DCL_NOISE_DROPBLOCK = 3,     /* `block` neighbouring units are                                   */
    DCL_NOISE_DROPCONNECT = 4,   /* single entries of U, of V, or of both are                        */
    DCL_NOISE_CORRELATED = 5     /* units get the mask 1 + A (z - 1) with z as of dropout            */
};
/* DropConnect on U, on V, on both; 0 reads as LEFT. */
enum { DCL_SIDE_LEFT = 1, DCL_SIDE_RIGHT = 2, DCL_SIDE_BOTH = 3 };
/* One mask of the units a step, or one for every column of Y. */
enum { DCL_MASK_STEP = 0, DCL_MASK_SAMPLE = 1 };

/* A noise with all its numbers: nothing is left to defaults. */
typedef struct dcl_noise {
    int kind, side, mask;        /* DCL_NOISE_..., DCL_SIDE_..., DCL_MASK_...                        */
    int64_t block;               /* units that share a draw; 1 except for DropBlock                  */
    double retain, retain_right; /* as drawn, after variable_rate; side BOTH: of U and of V; side
                                    RIGHT: retain is V's                                             */
    double lambda;               /* weight of the penalty without data X                             */
    double lambda_unit;          /* part that multiplies |u_i|^2 |X'v_i|^2                           */
    double lambda_entry;         /* part that multiplies |u_i|^2 v_i' diag(XX') v_i                  */
    const double *factor;        /* correlated: A, width x factor_columns, row-major; borrowed       */
    int64_t factor_columns;
} dcl_noise;

/* The least objective under a noise, from the singular values of Y (largest first); with data X, of Y X' (XX')^-1/2,
 * and the caller adds the constant. `energy` below 0: the values are all of them, `residual` is not read; else as in
 * dcl_dropout_optimum_leading, where DropBlock needs the leading `width` values (dropout's threshold is the higher).
 * `width` is a multiple of the block. `shrunk` (room for count, NULL allowed) receives the singular values of the
 * optimal product, of the convex problem where the minimum is not known.
 *
 * DropBlock (Pal, Lane, Vidal, Haeffele, CVPR 2020), k = width / block: the convex value
 * min_s ||s - sigma||^2 + (lambda / k) ||s||^2 in the block-support norm is a lower bound; `attained` says whether k
 * blocks reach it. `tau` is the threshold of the convex problem, `product` the common ||U_i V_i'||_F. Two blocks: the
 * minimum is exact also where it is not attained, and convex_gap says by how much it is above. More blocks: `inexact`
 * unless attained. Correlated noise: the closed form with the least eigenvalue of C instead of C, a lower bound;
 * tau, product and shrunk are those of the bound. DropConnect: with noise->lambda, right where XX' is diagonal.
 * [any-thread] */
DCL_API dcl_optimum dcl_noise_optimum(const dcl_noise *noise, const double *values, int64_t count, double energy,
                                      double residual, int64_t width, double *shrunk);

/* The squared k-support norm, k = block, of falling numbers of at least 0: min sum s_i^2 / w_i over 0 <= w <= 1,
 * sum w <= block. `weights` (room for count, NULL allowed) receives w. [any-thread] */
DCL_API double dcl_support_norm(const double *s, int64_t count, int64_t block, double *weights);

/* min over s of ||sigma - s||^2 + mu ||s||^2 in the squared k-support norm, for falling sigma of at least 0; returns
 * the minimum, which is mu sum sigma_i^2 / (w_i + mu). Each may be NULL: `shrunk` and `weights` (room for count)
 * receive s and its w, `threshold` what the values in between shrink by: s_i is sigma_i / (1 + mu) for the largest,
 * sigma_i - threshold, or 0. The threshold is 0 when at most block - 1 values are not 0. [any-thread] */
DCL_API double dcl_support_prox(const double *sigma, int64_t count, int64_t block, double mu, double *shrunk,
                                double *weights, double *threshold);

enum { DCL_OPTIMIZER_DEFAULT = 0, DCL_OPTIMIZER_SGD = 1, DCL_OPTIMIZER_MOMENTUM = 2, DCL_OPTIMIZER_ADAM = 3 };

/* How a run stands. */
typedef struct dcl_progress {
    int64_t step, steps;         /* done, and at most to do                                          */
    double seconds;              /* since the start                                                  */
    double objective, gap;       /* (objective - optimum) / objective, by the device                 */
} dcl_progress;

/* Called between steps; a result other than 0 ends the run with what was reached. */
typedef int (*dcl_progress_function)(void *user, const dcl_progress *progress);

typedef struct dcl_factorize_options {
    int solver;                  /* DCL_SOLVER_...                                                   */
    int noise;                   /* DCL_NOISE_...; none means lambda 0                               */
    int optimizer;               /* of stochastic, or plain descent instead of explicit's ridge steps */
    double retain;               /* probability in (0, 1] that a unit is kept                        */
    double lambda;               /* the same as a penalty, (1 - retain) / retain; below 0: from retain */
    int64_t width;               /* units, at least 1; may exceed the matrix                         */
    int64_t steps;               /* at most, to 2^30; 0: as many as the solver's default says        */
    int64_t batch;               /* columns a step (stochastic); 0: all                              */
    double rate;                 /* step size relative to the scale of the data; 0: the default      */
    double tolerance;            /* stop at this relative gap; 0: at stagnation, or after all steps  */
    uint64_t seed;
    double started;              /* CLOCK_MONOTONIC seconds that count as the start; 0: now          */
    dcl_progress_function progress;  /* NULL: none                                                   */
    void *user;
    int side, mask;              /* DCL_SIDE_..., DCL_MASK_...                                       */
    int variable_rate;           /* 1: retain (lambda) is of one unit, and the penalty grows with the
                                    width: lambda_r = r lambda_1                                     */
    int64_t block;               /* of DropBlock; divides the width; 0 reads as 1                    */
    double retain_right;         /* V's retain for side BOTH; 0: retain                              */
    const double *mask_factor;   /* of correlated noise: width x mask_factor_columns, row-major      */
    int64_t mask_factor_columns;
    const dcl_matrix *inputs;    /* X, features x columns of Y, for Y ~ U V' X; NULL: the identity   */
    const dcl_matrix *moment;    /* X X' instead of X; then `data` is Y X'; NULL: none               */
    double energy;               /* ||Y||_F^2, with moment; 0: unknown, and objectives lack what X leaves of Y */
    int as_trained;              /* stochastic: 1 leaves U and V as training does; 0 lets its last step share
                                    U V' out evenly among the units, which can only lower the objective */
} dcl_factorize_options;

/* Defaults: stochastic, dropout, retain 0.5, width min(m, n, 64), seed 1. */
DCL_API dcl_factorize_options dcl_factorize_defaults(const dcl_matrix *data);

/* The noise of these options with all its numbers. DCL_EINVAL says which options contradict each other. */
DCL_API dcl_status dcl_noise_resolve(const dcl_factorize_options *options, dcl_noise *noise, dcl_error *error);

/* Assesses factors under any noise: u (rows of data x width) and v (features x width), f64, row-major. The features
 * are rows of `inputs`, or columns of `data` where there are no inputs (NULL). `values` (room for width, NULL allowed)
 * receives the singular values of U V'X, `products` (room for width / block) the ||U_i V_i'X||_F of the blocks, which
 * are the ||u_i|| ||X'v_i|| of the units where block is 1. */
DCL_API dcl_status dcl_noise_assess(const dcl_matrix *data, const dcl_matrix *inputs, const double *u, const double *v,
                                    int64_t width, const dcl_noise *noise, dcl_assessment *assessment, double *values,
                                    double *products, dcl_error *error);

typedef struct dcl_factorization dcl_factorization;

/* Computes the closed-form optimum, builds the training graph and makes it ready on the device. Registry, data and
 * what the options point to must stay until the factorization is freed. Free with dcl_factorization_free. */
DCL_API dcl_status dcl_factorization_create(const dcl_registry *registry, dcl_device *device, const dcl_matrix *data,
                                            const dcl_factorize_options *options,
                                            dcl_factorization **factorization, dcl_error *error);
DCL_API void dcl_factorization_free(dcl_factorization *factorization);

/* The graph that is trained (fed with input "Y"; its parameters "U" and "V" are the answer) and its session. */
DCL_API const dcl_graph *dcl_factorization_graph(const dcl_factorization *factorization);
DCL_API dcl_session *dcl_factorization_session(dcl_factorization *factorization);
/* The least objective, known before the first step. [any-thread] */
DCL_API dcl_optimum dcl_factorization_optimum(const dcl_factorization *factorization);

/* Trains. An end asked for by the progress function is no failure. */
DCL_API dcl_status dcl_factorization_run(dcl_factorization *factorization, dcl_error *error);

enum { DCL_CERTIFIED = 1, DCL_CONVERGED = 2, DCL_STOPPED = 3 };

/* Everything is owned by the factorization. */
typedef struct dcl_factorize_result {
    int64_t rows, columns, width, spectrum;      /* spectrum: of all singular values of the data     */
    const double *u, *v;         /* rows x width, features x width                                   */
    dcl_optimum optimum;
    dcl_assessment assessment;
    double relative_gap;         /* (objective - lower bound) / objective, where the bound is
                                    optimum.minimum - optimum.error; 0 for an objective that rounding of
                                    U V' alone could leave: 1e-15 ||Y||^2, in f32 1e-13              */
    const double *data_values;   /* the largest singular values of Y, with X of Y X' (XX')^-1/2: all above
                                    tau, and with a variable rate one more                           */
    int64_t data_count;          /* how many they are: `spectrum`, or fewer                          */
    const double *product_values;/* singular values of U V', with X of U V' X; `width` of them       */
    const double *products;      /* ||U_i V_i'||_F of the blocks, with X ||U_i V_i' X||_F; `blocks` of
                                    them; ||u_i|| ||v_i|| of units                                   */
    const dcl_progress *history; /* what the progress function saw, oldest first                     */
    int64_t history_count, steps;
    double seconds, seconds_to_first_step;
    int status;                  /* DCL_CERTIFIED: the gap is within the tolerance (1e-4 when none
                                    was given); DCL_CONVERGED: the objective came to rest elsewhere;
                                    DCL_STOPPED: ended by the progress function or out of steps      */
    dcl_noise noise;             /* of `width` units                                                 */
    int64_t features;            /* rows of v: columns of Y, or rows of X                            */
    int64_t blocks;              /* entries of `products`: width / block                             */
    const double *shrunk;        /* singular values of the optimal product, data_count of them; NULL:
                                    not known                                                        */
    int64_t width_found;         /* variable rate: units that the optimum needs, or the factors where it is
                                    not known or the rate is of blocks; else width                   */
    int64_t data_rank;           /* of X; 0 without                                                  */
    double data_condition;       /* its largest singular value over the least that is not 0; 1 without X */
    int64_t width_trained;       /* with so many units; `width` is that of u and v, fewer where a
                                    variable rate needs fewer                                        */
    int cut_off;                 /* 1: variable rate, and more units would lower the objective       */
    int balanced_last;           /* 1: the last step balanced the units, balance_error is 1e-3 at most; not after an
                                    early end, where it would change the penalty (correlated noise, masks on V
                                    beside X), nor for blocks of which it finds none that weigh the same */
} dcl_factorize_result;

/* Fetches the factors and assesses them; to be called after run. */
DCL_API dcl_status dcl_factorization_finish(dcl_factorization *factorization, dcl_factorize_result *result,
                                            dcl_error *error);

/* What training sees on average at its present iterates: the mean and the standard deviation of `draws` losses (at
 * least 2) under masks that no step draws, and the explicit objective of the same iterates in double precision. For
 * the solver stochastic without a batch. The run goes on afterwards as if nothing had been; factors of an earlier
 * result are overwritten. */
DCL_API dcl_status dcl_factorization_expectation(dcl_factorization *factorization, int64_t draws, double *mean,
                                                 double *deviation, double *objective, dcl_error *error);

/* ---- Recipes: certificates --------------------------------------------------------------------- */

/* Factorizations of any width with a convex counterpart:
 *
 *     f(U, V) = loss(Y, U V') + lambda sum_i ||u_i||_u ||v_i||_v,    F(X) = loss(Y, X) + lambda Omega(X),
 *
 * where Omega(X) is the least sum over all factorizations of X. F is convex, and its least value is that of f
 * (Haeffele, Young, Vidal, ICML 2014; Haeffele, Vidal, CVPR 2017). With Z = -gradient of the loss at U V' and the
 * polar sup u'Zv over ||u||_u <= 1, ||v||_v <= 1, any factors give a lower bound of that value, which is reached at
 * the optimum; where the polar is above lambda, a pair that reaches it is the unit to add. docs/certificates.md
 * explains the figures. */
enum { DCL_LOSS_LOGISTIC = 3 };  /* sum of log(1 + exp(-y x)), y = -1 or 1; DCL_LOSS_SQUARED is the other */
enum {
    DCL_PENALTY_NUCLEAR = 1,     /* ||u||_2 ||v||_2: Omega is the nuclear norm                       */
    DCL_PENALTY_L1_L2 = 2,       /* ||u||_1 ||v||_2: few rows                                        */
    DCL_PENALTY_L2_L1 = 3,       /* ||u||_2 ||v||_1: few columns                                     */
    DCL_PENALTY_L1_L1 = 4,       /* ||u||_1 ||v||_1: few entries                                     */
    DCL_PENALTY_L1_NONNEGATIVE = 5,  /* ||u||_1 ||v||_2, v not negative                              */
    DCL_PENALTY_NONNEGATIVE = 6, /* ||u||_2 ||v||_2, u and v not negative; the polar is only bounded */
    DCL_PENALTY_ELASTIC = 7,     /* (mixture ||u||_1 + (1 - mixture) ||u||_2) ||v||_2; only bounded  */
    DCL_PENALTY_DROPOUT = 8,     /* sum of ||u_i||^2 ||v_i||^2 over `width` units                    */
    DCL_PENALTY_DROPBLOCK = 9    /* sum of ||U_b V_b'||_F^2 over blocks of `block` units             */
};

/* Entries of a matrix that are known, row by row. */
typedef struct dcl_entries {
    int64_t rows, columns, count;
    const int64_t *start;        /* rows + 1: row a has the entries start[a] <= e < start[a + 1]     */
    const int64_t *column;       /* of each entry; rising within a row                               */
    const double *value;
    const double *weight;        /* of each entry in the loss, above 0; NULL: all 1                  */
} dcl_entries;

/* Everything is borrowed. */
typedef struct dcl_problem {
    const dcl_matrix *data;      /* all entries, squared loss; or NULL and                           */
    const dcl_entries *entries;  /* those that are known                                             */
    int loss, penalty;           /* DCL_LOSS_..., DCL_PENALTY_...                                    */
    double lambda;               /* at least 0                                                       */
    double mixture;              /* of the elastic penalty, from 0 to 1                              */
    int64_t block;               /* of DropBlock                                                     */
} dcl_problem;

/* How far a lower bound can be trusted. */
enum {
    DCL_PROOF_RIGOROUS = 1,      /* true, rounding included                                          */
    DCL_PROOF_PROBABLE = 2,      /* true but for a small probability over random starts              */
    DCL_PROOF_NONE = 3,          /* there is none; no penalty of today                               */
    DCL_PROOF_CLOSED_FORM = 4    /* from the singular values of the data, LAPACK's rounding estimated;
                                    not of dcl_certify                                               */
};

typedef struct dcl_certificate {
    double data_term, regularizer, objective;
    double lower_bound;          /* no factors of any width have a smaller objective; of sums of squares, no
                                    factors of this width                                            */
    double relative_gap;         /* (objective - lower_bound) / objective, at least 0; 0 where that is 0 / 0 */
    double polar;                /* an upper bound of the polar of Z; NAN for sums of squares        */
    double polar_reached;        /* the largest u'Zv that was found                                  */
    int proof;                   /* DCL_PROOF_...                                                    */
    int exact;                   /* 1: the polar is known exactly, so that the gap closes at the optimum;
                                    sums of squares: for dropout of a rank below the width, small
                                    singular values counted                                          */
    double failure;              /* DCL_PROOF_PROBABLE: that probability, of a growth that of all its
                                    rounds together; else 0                                          */
    double stationarity;         /* |<Z, U V'> - regularizer| / objective, with twice the regularizer for
                                    sums of squares: 0 at every stationary point                     */
    double balance_error;        /* largest | ||u_i|| - ||v_i|| | / sqrt(||u_i|| ||v_i||) of units that are
                                    not 0                                                            */
    int64_t rank;                /* singular values of U V' above 1e-6 of the largest (1e-3 of penalties of squares) */
} dcl_certificate;

typedef struct dcl_certify_options {
    double tolerance;            /* the relative gap that is asked for, which what is bounded by Lanczos' method leaves
                                    room for; 0: 1e-4                                                */
    uint64_t seed;               /* of random starts, over which a bound is probable                 */
} dcl_certify_options;

/* Certifies factors u (rows x width) and v (columns x width), f64, row-major, whoever made them. Everything is in
 * double precision on the host; no dense array of the size of the matrix is made. Options NULL: all 0. */
DCL_API dcl_status dcl_certify(const dcl_problem *problem, const double *u, const double *v, int64_t width,
                               const dcl_certify_options *options, dcl_certificate *certificate, dcl_error *error);

/* ---- Recipes: certified growth ------------------------------------------------------------------ */

/* One round: a descent with the units that there are, then the certificate. Width, objective and polar are those of the
 * best factors of the run so far; the lower bound is the best of all rounds. */
typedef struct dcl_growth_round {
    int64_t round, width;        /* from 1; units                                                    */
    int64_t steps;               /* of descent so far: evaluations of loss and gradients             */
    double seconds;              /* since the start                                                  */
    double lambda, objective, lower_bound, gap, polar;
} dcl_growth_round;

typedef struct dcl_growth_options {
    uint32_t dtype;              /* of the device: DCL_F32 (0 reads so) or DCL_F64                   */
    double tolerance;            /* relative gap to stop at; 0: 1e-4                                 */
    int64_t width;               /* at most so many units; 0: as many as an optimum can need, rows + columns
                                    where no such number is known (nonnegative, elastic)             */
    int64_t add;                 /* units to add a round, at most; 0: as many as help                */
    int64_t rounds, steps;       /* at most; 0: enough                                               */
    uint64_t seed;
    double started;              /* CLOCK_MONOTONIC seconds that count as the start; 0: now          */
    int (*progress)(void *user, const dcl_growth_round *round); /* asked often, with the last round, a round 0 before
                                    the first; not 0 ends the run                                    */
    void *user;
} dcl_growth_options;

typedef struct dcl_growth dcl_growth;

/* Makes the descent ready on the device, from the zero factorization. The problem and what it points to must stay
 * until the growth is freed. Free with dcl_growth_free. DCL_EUNSUPPORTED for sums of squares, whose width is fixed. */
DCL_API dcl_status dcl_growth_create(const dcl_registry *registry, dcl_device *device, const dcl_problem *problem,
                                     const dcl_growth_options *options, dcl_growth **growth, dcl_error *error);
DCL_API void dcl_growth_free(dcl_growth *growth);

/* Begins with these factors (f64, row-major) instead of what there was. */
DCL_API dcl_status dcl_growth_start(dcl_growth *growth, const double *u, const double *v, int64_t width,
                                    dcl_error *error);

/* Descends, certifies and grows until the gap is within the tolerance, from where the last run ended: a path of falling
 * lambda is a run for each. Where descents are needed and lambda is below a hundredth of the last one (at first: of the
 * largest that has units), stages of a fifth lead to it, whose rounds are in the history too. */
DCL_API dcl_status dcl_growth_run(dcl_growth *growth, double lambda, dcl_error *error);

typedef struct dcl_growth_result {
    int64_t rows, columns, width;
    const double *u, *v;         /* rows x width, columns x width; the growth's, until it runs again */
    dcl_certificate certificate;
    const double *values;        /* singular values of U V', `width` of them                         */
    const dcl_growth_round *history;         /* of all runs                                          */
    int64_t history_count, steps;
    double seconds, seconds_to_first_step;
    int status;                  /* DCL_CERTIFIED: the gap is within the tolerance; DCL_CONVERGED: nothing
                                    that was tried lowers the objective any more; DCL_STOPPED: out of
                                    rounds or steps, or ended by the progress function               */
    const char *reason;          /* why it ended where it is not certified; static                   */
} dcl_growth_result;
/* DCL_EINVAL before the first run, and after one that failed. */
DCL_API dcl_status dcl_growth_finish(dcl_growth *growth, dcl_growth_result *result, dcl_error *error);

/* The least lambda whose optimum is U V' = 0: the polar of -gradient at 0 (an upper bound of it). DCL_EUNSUPPORTED for
 * sums of squares, which have none. */
DCL_API dcl_status dcl_growth_largest_lambda(const dcl_problem *problem, double *lambda, dcl_error *error);

/* ---- Recipes: completion ------------------------------------------------------------------------ */

/* Missing entries of a matrix by y_ab ~ mean + b_a + c_b + u_a'v_b. Mean and biases are fitted first, then the factors
 * to what they leave, with the nuclear norm as penalty and a certificate: global for the factors, given the biases.
 *
 * Or by training under dropout, which costs lambda sum_i sum over known entries of w u_ai^2 v_bi^2 in expectation
 * (Arora, Bartlett, Mianjy, Srebro 2020), lambda = (1 - retain) / retain. No certificate is known for that: the lower
 * bound, true for factors of this width, looks at each entry alone, and the gap need not close. */

/* Sets entries aside: each with the probability `share`, by its number (Philox, stream 6 of the seed, step `draw`: a
 * seed has independent draws 0, 1, ...). Both parts get at least one entry. DCL_EINVAL when that cannot be. Free both
 * parts with dcl_entries_release. */
DCL_API dcl_status dcl_entries_split(const dcl_entries *all, double share, uint64_t seed, uint32_t draw,
                                     dcl_entries *rest, dcl_entries *aside, dcl_error *error);
DCL_API void dcl_entries_release(dcl_entries *entries);

enum { DCL_BIAS_NONE = 1, DCL_BIAS_MEAN = 2, DCL_BIAS_BOTH = 3 };

/* mean, b (rows) and c (columns); zeros where there are none. Rows and columns without entries have the bias 0. */
typedef struct dcl_baseline {
    double mean;
    double *row, *column;
    double damping_row, damping_column;      /* kappa of each; INFINITY: these biases are all 0      */
} dcl_baseline;

/* Weighted least squares with kappa_row ||b||^2 + kappa_column ||c||^2, where kappa is the variance of the noise over
 * that of the biases, both estimated from the entries (empirical Bayes: Dempster, Laird, Rubin 1977), so that nothing
 * has to be chosen and few entries move a bias little. DCL_EINVAL where there are no entries for a mean. Free with
 * dcl_baseline_free, also after a failure. */
DCL_API dcl_status dcl_baseline_fit(const dcl_entries *entries, int bias, dcl_baseline *baseline, dcl_error *error);
DCL_API void dcl_baseline_free(dcl_baseline *baseline);

/* Errors of predictions, weighted as the entries are. */
typedef struct dcl_prediction_error {
    double rmse, mae;            /* root of the mean square; mean absolute value                     */
} dcl_prediction_error;

/* What predicts: u (rows x width) and v (columns x width) may be NULL where width is 0. */
typedef struct dcl_predictor {
    const dcl_baseline *baseline;
    const double *u, *v;
    int64_t width;
    int loss;                    /* DCL_LOSS_LOGISTIC: the expected sign, tanh(x / 2), is predicted  */
} dcl_predictor;

/* The prediction of one entry, and the errors of the predictions of some. [any-thread] */
DCL_API double dcl_predict(const dcl_predictor *predictor, int64_t row, int64_t column);
DCL_API dcl_prediction_error dcl_predictor_assess(const dcl_predictor *predictor, const dcl_entries *entries);

/* One lambda of the path. */
typedef struct dcl_completion_point {
    double lambda, seconds;      /* seconds since the start                                          */
    int64_t width, rank;
    dcl_certificate certificate;
    int status;                  /* DCL_CERTIFIED ...                                                */
    const char *reason;          /* why it ended where it is not certified; static                   */
    dcl_prediction_error training, holdout;  /* NAN without a holdout                                */
} dcl_completion_point;

typedef struct dcl_completion_options {
    int loss;                    /* DCL_LOSS_SQUARED (0 reads so), or DCL_LOSS_LOGISTIC, of entries -1 and 1 */
    int bias;                    /* DCL_BIAS_...; 0: BOTH, NONE with the logistic loss               */
    uint32_t dtype;              /* of the device                                                    */
    double lambda;               /* below 0: the best of a path by the holdout                       */
    int64_t path;                /* lambdas of the path at most; 0: 16; 1: the smallest alone        */
    double share;                /* smallest lambda of the path over the one from which on factors are 0;
                                    0: 0.02                                                          */
    double tolerance;            /* relative gap of each lambda; 0: 1e-4                             */
    int64_t width;               /* units at most; 0: min(rows, columns)                             */
    int unshrink;                /* 1: predict with the weights that least squares gives the certified
                                    units on the training entries (Mazumder, Hastie, Tibshirani 2010) */
    uint64_t seed;
    double started;
    int (*progress)(void *user, const dcl_growth_round *round);
    void *user;
    int noise;                   /* DCL_NOISE_DROPOUT: trains `width` units under dropout instead, with the squared loss
                                    and no path; DCL_NOISE_NONE (0 reads so): certified growth       */
    double retain;               /* with noise: probability in (0, 1] that a unit is kept, where lambda is below 0 */
    int64_t steps;               /* with noise: of training; 0: 2000                                 */
} dcl_completion_options;

typedef struct dcl_completion dcl_completion;

/* Fits the biases. Training and holdout entries (NULL: none; lambda must be given then) are of matrices of the same
 * sizes, at least one each, and must stay until the completion is freed. */
DCL_API dcl_status dcl_completion_create(const dcl_registry *registry, dcl_device *device, const dcl_entries *training,
                                         const dcl_entries *holdout, const dcl_completion_options *options,
                                         dcl_completion **completion, dcl_error *error);
DCL_API void dcl_completion_free(dcl_completion *completion);

/* Solves for one lambda, or for falling ones until the error on the holdout has risen twice in a row, or once by more
 * than four standard errors of the difference. With noise: trains. */
DCL_API dcl_status dcl_completion_run(dcl_completion *completion, dcl_error *error);

/* Everything is owned by the completion. */
typedef struct dcl_completion_result {
    dcl_predictor predictor;     /* of the chosen lambda                                             */
    dcl_prediction_error baseline_training, baseline_holdout;    /* by mean and biases alone         */
    const dcl_completion_point *path;
    int64_t path_count, chosen;  /* which of them                                                    */
    const dcl_growth_round *history;
    int64_t history_count;
    double largest_lambda;       /* from which on the factors are 0; NAN where it was not needed     */
    int stopped;                 /* 1: ended by the progress function                                */
} dcl_completion_result;
DCL_API void dcl_completion_finish(dcl_completion *completion, dcl_completion_result *result);

/* ---- Random numbers ---------------------------------------------------------------------------- */

/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): words for counter (index low, index high, step, stream)
 * and key (seed low, seed high). The same bits on every device. [any-thread] */
DCL_API void dcl_random_words(uint64_t seed, uint32_t step, uint32_t stream, uint64_t index, uint32_t words[4]);

/* ---- Recipes: networks ------------------------------------------------------------------------- */

/* Fully connected networks with noise on the input of any layer. A layer maps its input h (a row a sample) to
 * activation((noise of h) W' + b), W of shape width x inputs, which is the order of torch.nn.Linear. Noise is on in
 * training only and scaled to the mean 1, so that nothing is rescaled afterwards. Losses are means over samples of
 * ||output - target||^2, or of the cross-entropy of softmax(output) with target. */
enum { DCL_ACTIVATION_LINEAR = 1, DCL_ACTIVATION_RELU = 2, DCL_ACTIVATION_TANH = 3 };
enum { DCL_LOSS_SQUARED = 1, DCL_LOSS_CROSS_ENTROPY = 2 };

typedef struct dcl_layer {
    int64_t width;               /* outputs                                                          */
    int activation;              /* DCL_ACTIVATION_...                                               */
    int noise;                   /* DCL_NOISE_...; dropout and DropBlock are of the layer's input,
                                    DropConnect of its weights, a mask a step; 0 reads as NONE       */
    double retain;               /* probability in (0, 1] to be kept                                 */
    int64_t block;               /* of DropBlock: neighbouring inputs that share a draw; 0 reads as 1 */
    int mask;                    /* DCL_MASK_...; DropConnect has one mask a step always             */
    int bias;                    /* 1: has one                                                       */
} dcl_layer;

/* How a network did in one epoch. Losses and rates of errors are means over samples; those of training are over
 * the epoch's batches as they were trained, with noise and before their steps. NAN: no validation data, or an error of
 * a network with a single output. */
typedef struct dcl_epoch {
    int64_t epoch, step;         /* done so far, from 1                                              */
    double seconds;              /* since the start                                                  */
    double training_loss, training_error, validation_loss, validation_error;
} dcl_epoch;

typedef struct dcl_network_options {
    const dcl_layer *layers;     /* copied                                                           */
    int layer_count;
    int loss;                    /* DCL_LOSS_...                                                     */
    int optimizer;               /* DCL_OPTIMIZER_...; default: Adam                                 */
    double rate;                 /* step size for the mean loss; 0: 1e-3 with Adam, else 0.1         */
    const char *schedule;        /* of the step size over all steps, as of the op adam; NULL: cosine  */
    int64_t batch, epochs;       /* samples a step, at most all; passes over the samples             */
    int64_t patience;            /* stop after so many epochs without a lower validation loss and keep
                                    the best weights; 0: never stop, keep the last                   */
    uint64_t seed;
    double started;              /* CLOCK_MONOTONIC seconds that count as the start; 0: now          */
    int (*progress)(void *user, const dcl_epoch *epoch); /* after each epoch; not 0 ends the run     */
    void *user;
    int (*stop)(void *user);     /* asked several times a second; not 0 ends the run within the epoch, whose row of the
                                    history is of the steps that were done, without validation; NULL: never */
} dcl_network_options;

typedef struct dcl_network dcl_network;

/* Builds the graph and makes it ready on the device; weights are normal with the deviation sqrt(2 / inputs) before
 * relu (He et al. 2015), else sqrt(2 / (inputs + width)) (Glorot and Bengio 2010), biases 0. Inputs are samples x
 * features, targets samples x width of the last layer. Validation data NULL: none; they must stay until the
 * network is freed, as `registry` and `device` must. All matrices have one dtype, in which the device computes. */
DCL_API dcl_status dcl_network_create(const dcl_registry *registry, dcl_device *device, const dcl_matrix *inputs,
                                      const dcl_matrix *targets, const dcl_matrix *validation_inputs,
                                      const dcl_matrix *validation_targets, const dcl_network_options *options,
                                      dcl_network **network, dcl_error *error);
DCL_API void dcl_network_free(dcl_network *network);

/* Trains. An end asked for by the progress function is no failure. */
DCL_API dcl_status dcl_network_run(dcl_network *network, dcl_error *error);

/* The epochs so far, owned by the network; and the one with the lowest validation loss, 0 when there is none. */
DCL_API const dcl_epoch *dcl_network_history(const dcl_network *network, int64_t *count);
DCL_API int64_t dcl_network_best(const dcl_network *network);

/* The graph that is trained and its session. */
DCL_API const dcl_graph *dcl_network_graph(const dcl_network *network);
DCL_API dcl_session *dcl_network_session(dcl_network *network);

/* Mean loss of other data, without noise, and the share of samples whose largest output is not where the largest
 * target is; NAN with a single output. */
DCL_API dcl_status dcl_network_evaluate(dcl_network *network, const dcl_matrix *inputs, const dcl_matrix *targets,
                                        double *loss, double *error_rate, dcl_error *error);

/* Copies a layer's weights (width x inputs) and bias (width; NULL allowed) out or in; layers count from 0. */
DCL_API dcl_status dcl_network_weights(dcl_network *network, int layer, double *weight, double *bias,
                                       dcl_error *error);
DCL_API dcl_status dcl_network_set_weights(dcl_network *network, int layer, const double *weight, const double *bias,
                                           dcl_error *error);

/* What noise on the input h of the last layer costs in expectation: with H the hidden outputs of all training
 * samples (without noise in the layers before), ||T - H W'||^2 + lambda sum_i ||w_i||^2 ||h_i||^2. Whatever the
 * layers before compute, it is at least `bound`, the closed form for T: the whole network cannot do better. */
typedef struct dcl_last_layer {
    double objective, data_term, regularizer;
    dcl_optimum bound;
} dcl_last_layer;

/* For the squared loss, a linear last layer without bias, with dropout, DropConnect or no noise; others are
 * DCL_EUNSUPPORTED. The training data must still be there. */
DCL_API dcl_status dcl_network_last_layer(dcl_network *network, dcl_last_layer *last, dcl_error *error);

#ifdef __cplusplus
}
#endif
#endif
