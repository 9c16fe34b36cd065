/* op.h: the whole contract between the dropcl runtime (the host) and an op plugin.
 *
 * A plugin is a shared object that exports one symbol, the constant table `dcl_plugin_v1`.
 * It includes this header and links nothing: every service comes from the host's table.
 *
 *     op      a mathematical function: typed inputs, outputs and attributes
 *     call    one node of a graph while it is inferred, run, differentiated or checked
 *     tensor  up to 8 dimensions, row-major, no gaps; a vector has rank 1, a scalar rank 0
 *
 * Ownership: plugin tables are static and live as long as the process; tensors and strings that the
 * host hands out are borrowed for the duration of the call; neither side frees what the other made. Hand a
 * host's tensor back by its own pointer: a copy lacks the fields that a newer host has behind it.
 * Versions: reserved fields are 0. A host refuses a plugin whose flags hold bits it does not know; a plugin
 * that uses what came "since 1.N" raises DCL_NEED_MINOR.
 * Threads: every function carries a tag. [any-thread] may be called at any time from any thread,
 * at once for different calls; [queue-thread] only from the thread that runs the session, never twice
 * at once for one node. Errors: 0 is success, negative is failure, everywhere.
 * Compiles as C11, C17 and C++17. docs/plugins.md is the guide.
 */
#ifndef DROPCL_OP_H
#define DROPCL_OP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The newest minor version that this header describes. */
#define DCL_HEADER_MINOR 1u

/* The oldest minor version that THIS plugin can live with. Raise it by hand, before including this
 * header, when the plugin uses a member marked "since 1.N"; never set it to DCL_HEADER_MINOR. */
#ifndef DCL_NEED_MINOR
#define DCL_NEED_MINOR 0u
#endif

/* ---- Status codes ------------------------------------------------------------------------------ */

typedef int32_t dcl_status;

/* X(name, number, what it means) */
#define DCL_STATUS_MAP(X)                                                              \
    X(DCL_EINVAL, -1, "invalid argument")                                              \
    X(DCL_ENOMEM, -2, "out of host memory")                                            \
    X(DCL_EUNSUPPORTED, -3, "not supported")                                           \
    X(DCL_EBUILD, -4, "kernel build failed")                                           \
    X(DCL_EDEVICE, -5, "device failed")                                                \
    X(DCL_ENODEVICE, -6, "no usable device")                                           \
    X(DCL_EIO, -7, "file cannot be read or written")                                   \
    X(DCL_EFORMAT, -8, "file content is invalid")                                      \
    X(DCL_EPLUGIN, -9, "plugin refused")                                               \
    X(DCL_EGRAPH, -10, "graph is invalid")                                             \
    X(DCL_ENUMERIC, -11, "numerical breakdown")                                        \
    X(DCL_EINTERNAL, -12, "internal error")

enum {
    DCL_OK = 0,
#define DCL_STATUS_ENUM(name, number, text) name = number,
    DCL_STATUS_MAP(DCL_STATUS_ENUM)
#undef DCL_STATUS_ENUM
};

/* ---- Constants --------------------------------------------------------------------------------- */

enum { DCL_MAX_RANK = 8, DCL_MAX_PORTS = 8, DCL_MAX_SCRATCH = 4 };

/* Element types; bits, so that a port can accept several. */
enum { DCL_F32 = 1, DCL_F64 = 2, DCL_I64 = 4, DCL_REAL = DCL_F32 | DCL_F64 };

/* Port flags. */
enum {
    DCL_PORT_OPTIONAL = 1,       /* input: may be left out; only trailing inputs can be              */
    DCL_PORT_CONSTANT = 2,       /* input: no gradient ever flows into it (indices)                  */
    DCL_PORT_INPLACE = 4         /* output k may overwrite input k when both have the same size      */
};

/* Kinds of attributes. A flag is an integer that is 0 or 1. */
enum { DCL_INTEGER = 1, DCL_NUMBER = 2, DCL_FLAG = 3, DCL_STRING = 4, DCL_LIST = 5 };

/* Attribute flags. */
enum { DCL_ATTRIBUTE_REQUIRED = 1 };

/* Op flags. */
enum {
    DCL_OP_RANDOM = 1,           /* its outputs depend on the seed and the step                      */
    DCL_OP_WAITS = 2,            /* run() waits for the device (host->read, host->write)             */
    DCL_OP_ACCUMULATES = 4       /* output = input 0 + input 1; the host sums gradients with it      */
};

/* What the device must offer beyond the element type, which the host checks itself. */
enum { DCL_NEEDS_FP64 = 1 };

/* Case flags (see dcl_case). */
enum {
    DCL_CASE_REFUSED = 1,        /* infer must refuse this case                                      */
    DCL_CASE_NO_GRADIENT = 2     /* finite differences make no sense here (a kink, a rank change)    */
};

/* Transposition flags of host->gemm. */
enum { DCL_TRANSPOSE_A = 1, DCL_TRANSPOSE_B = 2 };

/* Properties for host->device. */
enum {
    DCL_DEVICE_IS_CPU = 1,       /* 1 for a CPU device, else 0                                       */
    DCL_DEVICE_COMPUTE_UNITS = 2,
    DCL_DEVICE_WORK_GROUP = 3,   /* largest number of work-items in a group                          */
    DCL_DEVICE_LOCAL_BYTES = 4,  /* local memory of a group, in bytes                                */
    /* Since 1.1. The register tile of kernels with explicit vectors (cl/tile.cl), for the graph's real type:
     * elements of a vector, rows and columns. 0 on devices whose matrix products do not go by such kernels: where
     * those failed their self-test, or others are the fast ones. */
    DCL_DEVICE_TILE_LANES = 5, DCL_DEVICE_TILE_ROWS = 6, DCL_DEVICE_TILE_COLUMNS = 7
};

/* Severity for host->log. */
enum { DCL_LOG_DEBUG = 1, DCL_LOG_INFO = 2, DCL_LOG_WARNING = 3 };

/* ---- Records ----------------------------------------------------------------------------------- */

typedef struct dcl_call dcl_call;   /* opaque, the host's */
typedef struct dcl_host dcl_host;

/* A value of a graph, while a gradient is built; 0 means "none". */
typedef int64_t dcl_value;

/* Growing record, made by the host. `data` holds the elements in reference() and is NULL elsewhere;
 * `buffer` is the device's handle in run() (see opencl.h) and NULL elsewhere. */
typedef struct dcl_tensor {
    size_t size;
    uint32_t dtype, rank;
    int64_t dim[8];
    int64_t count;               /* number of elements: the product of dim[0..rank)                  */
    void *data;
    void *buffer;
} dcl_tensor;

/* Frozen record (never changes within v1). A table of ports ends with name == NULL. */
typedef struct dcl_port {
    const char *name, *doc;
    uint32_t dtypes, flags;
} dcl_port;

/* Frozen record. A table of attributes ends with name == NULL.
 * `fallback` is the default of integers, numbers and flags; least <= value <= most is enforced (INFINITY for
 * no bound on one side), and least == most == 0 means "no bounds". For strings `words` lists what is allowed,
 * "first|second|...": the first is the default; NULL allows any string, default "". A list defaults to the empty
 * list, and the bounds apply to each of its entries. */
typedef struct dcl_attribute {
    const char *name, *doc;
    uint32_t kind, flags;
    double fallback, least, most;
    const char *words;
} dcl_attribute;

/* Frozen record, since 1.1: a row-major matrix inside a tensor: element (i, j) is the tensor's element
 * offset + i * stride + j. */
typedef struct dcl_view {
    const dcl_tensor *tensor;
    int64_t offset, rows, columns, stride;
} dcl_view;

/* Frozen record: one attribute of a node to be made, for host->emit. The member that belongs to the
 * attribute's kind is read: .integer (also flags), .number, .string, or .list with .count entries.
 * A table of settings ends with name == NULL. */
typedef struct dcl_setting {
    const char *name;
    int64_t integer;
    double number;
    const char *string;
    const int64_t *list;
    int64_t count;
    const void *reserved;
} dcl_setting;

/* Frozen record: one kernel argument. Build it with the dcl_arg_ functions below. */
enum { DCL_ARG_TENSOR = 1, DCL_ARG_REAL = 2, DCL_ARG_LONG = 3, DCL_ARG_UINT4 = 4, DCL_ARG_LONG8 = 5,
       DCL_ARG_LOCAL = 6 };
typedef struct dcl_argument {
    uint32_t kind, reserved;
    union {
        const dcl_tensor *tensor;
        double number;
        int64_t integer;
        uint32_t word[4];
        int64_t list[8];
    } as;
} dcl_argument;

/* Frozen record: a test case that travels with the op; `dropcl check-op` and the op table test run it.
 * A table of cases ends with inputs == NULL.
 *
 * inputs      one word for each input, separated by spaces: its shape, "3x4", "7", "scalar", or "-" for
 *             an optional input that is left out. "3x4@0.5..2" draws uniformly from [0.5, 2], default
 *             [-1, 1]; for i64 ports whole numbers, both ends included. "5x5@spd" draws a symmetric positive
 *             definite matrix. "6@entries 20 5 20x2", on four i64 ports, draws where 20 entries of a
 *             5 x 4 matrix lie: row by row where each row starts, and the columns; column by column
 *             where each column starts, and pairs of row and position. "" for an op without inputs.
 * attributes  "name=value name=value"; a list is "name=3,4". NULL: all defaults.
 * tolerance   largest allowed |device - reference| / (1 + |reference|) over all outputs, for f32 and
 *             f64; 0 demands equal bits.
 * step        the training step at which the op runs, for ops that depend on it. */
typedef struct dcl_case {
    const char *inputs, *attributes;
    double tolerance_f32, tolerance_f64;
    uint32_t flags, step;
} dcl_case;

/* Growing record, made by the plugin: fields are only ever added at the tail, and a missing tail reads
 * as zero, which means "default". */
typedef struct dcl_op {
    size_t size;
    const char *name;            /* "softplus"; third parties write "org.example.softplus"           */
    const char *doc;             /* one line with the formula; `dropcl ops` prints it                */
    uint32_t semantics;          /* raise it when the mathematics change                             */
    uint32_t flags, needs, reserved;
    void *user;                  /* handed back by host->user(call)                                  */
    const dcl_port *inputs;      /* NULL: none                                                       */
    const dcl_port *outputs;
    const dcl_attribute *attributes; /* NULL: none                                                   */
    const char *source;          /* OpenCL C 1.2 text of its kernels, NUL-terminated; NULL: none.
                                    The host puts a prelude before it (`real`, R(x), REAL_IS_DOUBLE,
                                    dcl_philox) and builds it for each dtype on first launch.        */
    const dcl_case *cases;       /* NULL: none                                                       */

    /* Sets shape and dtype of every output, and scratch sizes. Pure: no device, no allocation.
     * The host has checked count, dtypes and attributes. [any-thread] Required. */
    dcl_status (*infer)(const dcl_host *, dcl_call *);
    /* Enqueues the op on the device and returns without waiting. [queue-thread] Required. */
    dcl_status (*run)(const dcl_host *, dcl_call *);
    /* Emits nodes that compute the gradient of each wanted input. It builds graph, it computes nothing.
     * [any-thread] NULL: not differentiable, and the host says so when a graph needs it. */
    dcl_status (*gradient)(const dcl_host *, dcl_call *);
    /* Computes the outputs on the host, in plain C, from tensor->data. The oracle. [any-thread]
     * NULL: none; check-op then cannot compare values. */
    dcl_status (*reference)(const dcl_host *, dcl_call *);
} dcl_op;

/* Growing record: the host's services. It outlives every plugin. Members are only ever appended. */
struct dcl_host {
    size_t size;
    uint32_t minor, reserved;

    /* ---- in every call [any-thread] ---- */

    /* Another interface by its id, "dropcl.opencl/1", or NULL where the host has none of that id. */
    const void *(*extension)(const dcl_host *, const char *id);
    /* Notes why the call fails; copies the text; returns `code`, so that a plugin writes
     * `return host->fail(call, DCL_EINVAL, "k must be at least 1")`. The host adds node, op and file. */
    dcl_status (*fail)(dcl_call *, dcl_status code, const char *text);
    /* Sends a line to the log of the device; dropped outside run(), where there is none. */
    void (*log)(dcl_call *, uint32_t level, const char *text);
    void *(*user)(dcl_call *);
    /* The i-th input; NULL when an optional one was left out. */
    const dcl_tensor *(*input)(dcl_call *, uint32_t i);
    /* The i-th output: NULL during infer. */
    const dcl_tensor *(*output)(dcl_call *, uint32_t i);
    /* Attributes by name, defaults filled in. An unknown name reads as 0, "" or an empty list. */
    int64_t (*integer)(dcl_call *, const char *name);
    double (*number)(dcl_call *, const char *name);
    const char *(*string)(dcl_call *, const char *name);
    const int64_t *(*list)(dcl_call *, const char *name, int64_t *count);
    /* The graph's real element type, DCL_F32 or DCL_F64: for ops that have no input to take it from. */
    uint32_t (*real)(dcl_call *);

    /* ---- infer only ---- */

    dcl_status (*set_output)(dcl_call *, uint32_t i, uint32_t dtype, uint32_t rank, const int64_t *dim);
    /* Asks for device memory that lasts for one run(): scratch i, 0 to 3, a tensor like an output. */
    dcl_status (*set_scratch)(dcl_call *, uint32_t i, uint32_t dtype, uint32_t rank, const int64_t *dim);

    /* ---- run and reference ---- */

    int64_t (*step)(dcl_call *);         /* training step, from 0; keys hold its low 32 bits         */
    /* The counter-based generator: the same (stream, index) gives the same 4 words in reference() and
     * in kernels. key() fills the argument of the kernel function
     * `uint4 dcl_philox(uint4 key, ulong index)` with (seed low, seed high, step, stream). */
    void (*key)(dcl_call *, uint32_t stream, uint32_t key[4]);
    void (*random)(const uint32_t key[4], uint64_t index, uint32_t words[4]);

    /* ---- run only [queue-thread] ---- */

    /* Scratch i as infer asked for it, contents undefined; NULL where it did not. */
    const dcl_tensor *(*scratch)(dcl_call *, uint32_t i);
    /* Enqueues kernel `name` of the op's source. `defines` is NULL or "NAME=number NAME=number" (capitals,
     * digits and '_'; digits, '-' and '.'): each combination is built once and cached. `global` work-items in `dims`
     * dimensions, rounded up to whole groups (kernels check their bounds); `local` NULL lets the host choose. */
    dcl_status (*launch)(dcl_call *, const char *name, const char *defines, const dcl_argument *,
                         uint32_t argument_count, uint32_t dims, const uint64_t *global, const uint64_t *local);
    /* c = alpha op(a) op(b) + beta c on matrices of one dtype; c must not overlap a or b. With beta 0,
     * c is not read. */
    dcl_status (*gemm)(dcl_call *, uint32_t transpose, double alpha, const dcl_tensor *a,
                       const dcl_tensor *b, double beta, const dcl_tensor *c);
    /* Copies a whole tensor between device and host and waits. For ops with DCL_OP_WAITS. */
    dcl_status (*read)(dcl_call *, const dcl_tensor *, void *to);
    dcl_status (*write)(dcl_call *, const dcl_tensor *, const void *from);
    int64_t (*device)(dcl_call *, uint32_t property);        /* DCL_DEVICE_..., 0 for an unknown one */

    /* ---- gradient only [any-thread] ---- */

    int32_t (*wants)(dcl_call *, uint32_t i);                /* 1: the gradient of input i is needed */
    dcl_value (*input_value)(dcl_call *, uint32_t i);
    dcl_value (*output_value)(dcl_call *, uint32_t i);
    /* d(objective)/d(output i), same shape as output i; 0 when nothing flows back from it, which can only
     * happen to ops with several outputs. */
    dcl_value (*output_gradient)(dcl_call *, uint32_t i);
    /* Adds a node of another op and returns its first output; further outputs have the next ids. On
     * failure it returns 0 and remembers why, and what is given that 0 returns 0 too: compositions need no
     * checks. */
    dcl_value (*emit)(dcl_call *, const char *op, const dcl_value *inputs, uint32_t input_count,
                      const dcl_setting *settings);
    /* A value with every element `fill`, of the graph's real type. */
    dcl_value (*constant)(dcl_call *, uint32_t rank, const int64_t *dim, double fill);
    /* Shape of a value of the graph, also of one just emitted; NULL for 0. Valid until the next emit. */
    const dcl_tensor *(*value)(dcl_call *, dcl_value);
    /* Declares the gradient of input i; its shape must be the input's. A value of 0 is the error that
     * emit remembered. An input without a declared gradient has the gradient zero. */
    dcl_status (*set_gradient)(dcl_call *, uint32_t i, dcl_value);

    /* ---- since 1.1: run only [queue-thread] ---- */

    /* gemm on parts of tensors: c = alpha op(a) op(b) + beta c; c must not overlap a or b. With beta 0, c is not
     * read. */
    dcl_status (*gemm_view)(dcl_call *, uint32_t transpose, double alpha, const dcl_view *a, const dcl_view *b,
                            double beta, const dcl_view *c);
};

/* Growing record: what the one exported symbol holds. */
typedef struct dcl_plugin {
    size_t size;
    uint32_t need_minor, flags;          /* DCL_NEED_MINOR, 0                                        */
    const char *id, *version, *license;  /* "org.example.softplus", "1.0", an SPDX name              */
    const dcl_op *const *ops;            /* ends with NULL                                           */
    /* Optional; called before any op is used, may be called more than once. On failure write a sentence
     * into why. [any-thread] */
    dcl_status (*init)(const dcl_host *, char *why, size_t why_size);
} dcl_plugin;

/* 1 when the host has `member` (for members marked "since 1.N"). */
#define DCL_HAS(host, member) \
    ((host)->size >= offsetof(dcl_host, member) + sizeof((host)->member) && (host)->member)

#if defined(_WIN32)
#define DCL_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define DCL_EXPORT __attribute__((visibility("default")))
#else
#define DCL_EXPORT
#endif

/* The one symbol. Its name holds the major version of the contract. */
extern DCL_EXPORT const dcl_plugin dcl_plugin_v1;

/* ---- Conveniences (inline, not part of the ABI) ------------------------------------------------ */

static inline dcl_argument dcl_arg_tensor(const dcl_tensor *tensor)
{
    dcl_argument argument = {DCL_ARG_TENSOR, 0, {0}};
    argument.as.tensor = tensor;
    return argument;
}

/* A whole tensor of rank 2 as a view. */
static inline dcl_view dcl_view_of(const dcl_tensor *tensor)
{
    const dcl_view view = {tensor, 0, tensor->dim[0], tensor->dim[1], tensor->dim[1]};
    return view;
}

/* Passed as `real`. */
static inline dcl_argument dcl_arg_real(double number)
{
    dcl_argument argument = {DCL_ARG_REAL, 0, {0}};
    argument.as.number = number;
    return argument;
}

/* Passed as `long`. */
static inline dcl_argument dcl_arg_long(int64_t integer)
{
    dcl_argument argument = {DCL_ARG_LONG, 0, {0}};
    argument.as.integer = integer;
    return argument;
}

/* Passed as `uint4`: the random key. */
static inline dcl_argument dcl_arg_key(const uint32_t key[4])
{
    dcl_argument argument = {DCL_ARG_UINT4, 0, {0}};
    for (int i = 0; i < 4; i++)
        argument.as.word[i] = key[i];
    return argument;
}

/* Passed as `long8`: shapes and strides. */
static inline dcl_argument dcl_arg_long8(const int64_t list[8])
{
    dcl_argument argument = {DCL_ARG_LONG8, 0, {0}};
    for (int i = 0; i < 8; i++)
        argument.as.list[i] = list[i];
    return argument;
}

/* `bytes` of local memory. */
static inline dcl_argument dcl_arg_local(int64_t bytes)
{
    dcl_argument argument = {DCL_ARG_LOCAL, 0, {0}};
    argument.as.integer = bytes;
    return argument;
}

#ifdef __cplusplus
}
#endif
#endif
