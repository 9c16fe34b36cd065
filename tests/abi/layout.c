/* layout.c: where every field of contract 1.0 lies, for 64-bit machines; compiled, never run.
 *
 * Growing records may have more behind; frozen ones have exactly this size. Compiles as C and as C++.
 */
#include <assert.h>

#include <dropcl/op.h>

#define AT(record, field, offset) \
    static_assert(offsetof(record, field) == (offset), "field " #field " of " #record " has moved")
#define FROZEN(record, bytes) static_assert(sizeof(record) == (bytes), #record " is frozen")
#define AT_LEAST(record, bytes) static_assert(sizeof(record) >= (bytes), #record " has shrunk")
#define IS(constant, number) static_assert((constant) == (number), #constant " has changed")

#if UINTPTR_MAX == UINT64_MAX
AT(dcl_tensor, size, 0);
AT(dcl_tensor, dtype, 8);
AT(dcl_tensor, rank, 12);
AT(dcl_tensor, dim, 16);
AT(dcl_tensor, count, 80);
AT(dcl_tensor, data, 88);
AT(dcl_tensor, buffer, 96);
AT_LEAST(dcl_tensor, 104);

AT(dcl_port, name, 0);
AT(dcl_port, doc, 8);
AT(dcl_port, dtypes, 16);
AT(dcl_port, flags, 20);
FROZEN(dcl_port, 24);

AT(dcl_attribute, name, 0);
AT(dcl_attribute, doc, 8);
AT(dcl_attribute, kind, 16);
AT(dcl_attribute, flags, 20);
AT(dcl_attribute, fallback, 24);
AT(dcl_attribute, least, 32);
AT(dcl_attribute, most, 40);
AT(dcl_attribute, words, 48);
FROZEN(dcl_attribute, 56);

AT(dcl_setting, name, 0);
AT(dcl_setting, integer, 8);
AT(dcl_setting, number, 16);
AT(dcl_setting, string, 24);
AT(dcl_setting, list, 32);
AT(dcl_setting, count, 40);
AT(dcl_setting, reserved, 48);
FROZEN(dcl_setting, 56);

AT(dcl_argument, kind, 0);
AT(dcl_argument, reserved, 4);
AT(dcl_argument, as, 8);
FROZEN(dcl_argument, 72);

AT(dcl_case, inputs, 0);
AT(dcl_case, attributes, 8);
AT(dcl_case, tolerance_f32, 16);
AT(dcl_case, tolerance_f64, 24);
AT(dcl_case, flags, 32);
AT(dcl_case, step, 36);
FROZEN(dcl_case, 40);

AT(dcl_op, size, 0);
AT(dcl_op, name, 8);
AT(dcl_op, doc, 16);
AT(dcl_op, semantics, 24);
AT(dcl_op, flags, 28);
AT(dcl_op, needs, 32);
AT(dcl_op, reserved, 36);
AT(dcl_op, user, 40);
AT(dcl_op, inputs, 48);
AT(dcl_op, outputs, 56);
AT(dcl_op, attributes, 64);
AT(dcl_op, source, 72);
AT(dcl_op, cases, 80);
AT(dcl_op, infer, 88);
AT(dcl_op, run, 96);
AT(dcl_op, gradient, 104);
AT(dcl_op, reference, 112);
AT_LEAST(dcl_op, 120);

AT(dcl_host, size, 0);
AT(dcl_host, minor, 8);
AT(dcl_host, reserved, 12);
AT(dcl_host, extension, 16);
AT(dcl_host, fail, 24);
AT(dcl_host, log, 32);
AT(dcl_host, user, 40);
AT(dcl_host, input, 48);
AT(dcl_host, output, 56);
AT(dcl_host, integer, 64);
AT(dcl_host, number, 72);
AT(dcl_host, string, 80);
AT(dcl_host, list, 88);
AT(dcl_host, real, 96);
AT(dcl_host, set_output, 104);
AT(dcl_host, set_scratch, 112);
AT(dcl_host, step, 120);
AT(dcl_host, key, 128);
AT(dcl_host, random, 136);
AT(dcl_host, scratch, 144);
AT(dcl_host, launch, 152);
AT(dcl_host, gemm, 160);
AT(dcl_host, read, 168);
AT(dcl_host, write, 176);
AT(dcl_host, device, 184);
AT(dcl_host, wants, 192);
AT(dcl_host, input_value, 200);
AT(dcl_host, output_value, 208);
AT(dcl_host, output_gradient, 216);
AT(dcl_host, emit, 224);
AT(dcl_host, constant, 232);
AT(dcl_host, value, 240);
AT(dcl_host, set_gradient, 248);
AT_LEAST(dcl_host, 256);
#if DCL_HEADER_MINOR >= 1
AT(dcl_host, gemm_view, 256);
FROZEN(dcl_view, 40);
IS(DCL_DEVICE_TILE_LANES, 5);
IS(DCL_DEVICE_TILE_ROWS, 6);
IS(DCL_DEVICE_TILE_COLUMNS, 7);
#endif

AT(dcl_plugin, size, 0);
AT(dcl_plugin, need_minor, 8);
AT(dcl_plugin, flags, 12);
AT(dcl_plugin, id, 16);
AT(dcl_plugin, version, 24);
AT(dcl_plugin, license, 32);
AT(dcl_plugin, ops, 40);
AT(dcl_plugin, init, 48);
AT_LEAST(dcl_plugin, 56);
#endif

/* The numbers of all constants. */
IS(DCL_MAX_RANK, 8);
IS(DCL_MAX_PORTS, 8);
IS(DCL_MAX_SCRATCH, 4);
IS(DCL_F32, 1);
IS(DCL_F64, 2);
IS(DCL_I64, 4);
IS(DCL_REAL, 3);
IS(DCL_PORT_OPTIONAL, 1);
IS(DCL_PORT_CONSTANT, 2);
IS(DCL_PORT_INPLACE, 4);
IS(DCL_INTEGER, 1);
IS(DCL_NUMBER, 2);
IS(DCL_FLAG, 3);
IS(DCL_STRING, 4);
IS(DCL_LIST, 5);
IS(DCL_ATTRIBUTE_REQUIRED, 1);
IS(DCL_OP_RANDOM, 1);
IS(DCL_OP_WAITS, 2);
IS(DCL_OP_ACCUMULATES, 4);
IS(DCL_NEEDS_FP64, 1);
IS(DCL_CASE_REFUSED, 1);
IS(DCL_CASE_NO_GRADIENT, 2);
IS(DCL_TRANSPOSE_A, 1);
IS(DCL_TRANSPOSE_B, 2);
IS(DCL_DEVICE_IS_CPU, 1);
IS(DCL_DEVICE_COMPUTE_UNITS, 2);
IS(DCL_DEVICE_WORK_GROUP, 3);
IS(DCL_DEVICE_LOCAL_BYTES, 4);
IS(DCL_LOG_DEBUG, 1);
IS(DCL_LOG_INFO, 2);
IS(DCL_LOG_WARNING, 3);
IS(DCL_ARG_TENSOR, 1);
IS(DCL_ARG_REAL, 2);
IS(DCL_ARG_LONG, 3);
IS(DCL_ARG_UINT4, 4);
IS(DCL_ARG_LONG8, 5);
IS(DCL_ARG_LOCAL, 6);
IS(DCL_EINVAL, -1);
IS(DCL_ENOMEM, -2);
IS(DCL_EUNSUPPORTED, -3);
IS(DCL_EBUILD, -4);
IS(DCL_EDEVICE, -5);
IS(DCL_ENODEVICE, -6);
IS(DCL_EIO, -7);
IS(DCL_EFORMAT, -8);
IS(DCL_EPLUGIN, -9);
IS(DCL_EGRAPH, -10);
IS(DCL_ENUMERIC, -11);
IS(DCL_EINTERNAL, -12);
IS(DCL_OK, 0);
