/* layer.c: an OpenCL layer that fails chosen calls, lowers what a device offers, and counts objects.
 *
 * ocl-icd loads it through OPENCL_LAYERS=layer.so and sends every call through it. It is told what to do
 * by environment variables; without any it only counts.
 *
 *     DROPCL_FAULT_CALL        the call to fail, "clCreateBuffer", or "any": all calls of the table, counted as one
 *     DROPCL_FAULT_AT          which of those calls fails, counted from 1; the others work
 *     DROPCL_FAULT_LOG         a file; at exit what happened is added to it (see write_log)
 *     DROPCL_LIMIT_WORK_GROUP  the largest work-group, in work-items
 *     DROPCL_LIMIT_FP64        0: the device has no double precision (as far as OpenCL 1.2 can ask)
 *     DROPCL_LIMIT_ALLOCATION  the largest buffer, in bytes
 *
 * A call that fails here never reaches the driver, except a release: the object is released and the
 * failure reported, so that a leak in the log is always the program's.
 */
#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_icd.h>
#include <CL/cl_layer.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* Kinds of objects that are created, retained and released. */
#define OBJECT_TABLE(X) \
    X(CONTEXT, "context") \
    X(QUEUE, "queue") \
    X(BUFFER, "buffer") \
    X(PROGRAM, "program") \
    X(KERNEL, "kernel") \
    X(EVENT, "event")

#define OBJECT_INDEX(name, text) name,
enum { OBJECT_TABLE(OBJECT_INDEX) OBJECT_COUNT };
#undef OBJECT_INDEX

/* Shorthands of the table below. QUERY is the tail that all clGet...Info calls share, WAIT that of all
 * enqueued commands. */
#define QUERY_PARAMETERS size_t size, void *value, size_t *size_return
#define QUERY_ARGUMENTS size, value, size_return
#define WAIT_PARAMETERS cl_uint wait_count, const cl_event *waits, cl_event *event
#define WAIT_ARGUMENTS wait_count, waits, event

/* Every call that is counted and can fail; a call that is not here goes straight to the driver.
 *
 * STATUS(name, code, parameters, arguments, limit, done)          returns a cl_int
 * HANDLE(type, name, code, parameters, arguments, limit, done)    returns an object and has status_return
 * RETAIN(name, code, type, object) and RELEASE(...)               change the count of an object
 *
 * `code` is what an injected failure returns, `limit` is evaluated before the driver is asked (CL_SUCCESS
 * lets the call pass), `done` after it has succeeded. */
#define CALL_TABLE(STATUS, HANDLE, RETAIN, RELEASE) \
    STATUS(clGetPlatformIDs, CL_OUT_OF_HOST_MEMORY, \
           (cl_uint room, cl_platform_id *platforms, cl_uint *count), (room, platforms, count), \
           CL_SUCCESS, (void)0) \
    STATUS(clGetPlatformInfo, CL_OUT_OF_HOST_MEMORY, \
           (cl_platform_id platform, cl_platform_info what, QUERY_PARAMETERS), (platform, what, QUERY_ARGUMENTS), \
           CL_SUCCESS, (void)0) \
    STATUS(clGetDeviceIDs, CL_OUT_OF_RESOURCES, \
           (cl_platform_id platform, cl_device_type type, cl_uint room, cl_device_id *devices, cl_uint *count), \
           (platform, type, room, devices, count), CL_SUCCESS, (void)0) \
    STATUS(clGetDeviceInfo, CL_OUT_OF_RESOURCES, \
           (cl_device_id device, cl_device_info what, QUERY_PARAMETERS), (device, what, QUERY_ARGUMENTS), \
           CL_SUCCESS, lower_device_info(what, size, value)) \
    HANDLE(cl_context, clCreateContext, CL_DEVICE_NOT_AVAILABLE, \
           (const cl_context_properties *properties, cl_uint count, const cl_device_id *devices, \
            void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user, \
            cl_int *status_return), \
           (properties, count, devices, notify, user, &status), CL_SUCCESS, created(CONTEXT)) \
    HANDLE(cl_context, clCreateContextFromType, CL_DEVICE_NOT_AVAILABLE, \
           (const cl_context_properties *properties, cl_device_type type, \
            void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user, \
            cl_int *status_return), \
           (properties, type, notify, user, &status), CL_SUCCESS, created(CONTEXT)) \
    STATUS(clGetContextInfo, CL_OUT_OF_HOST_MEMORY, \
           (cl_context context, cl_context_info what, QUERY_PARAMETERS), (context, what, QUERY_ARGUMENTS), \
           CL_SUCCESS, (void)0) \
    RETAIN(clRetainContext, CL_OUT_OF_HOST_MEMORY, cl_context, CONTEXT) \
    RELEASE(clReleaseContext, CL_OUT_OF_HOST_MEMORY, cl_context, CONTEXT) \
    HANDLE(cl_command_queue, clCreateCommandQueue, CL_OUT_OF_RESOURCES, \
           (cl_context context, cl_device_id device, cl_command_queue_properties properties, \
            cl_int *status_return), \
           (context, device, properties, &status), CL_SUCCESS, created(QUEUE)) \
    HANDLE(cl_command_queue, clCreateCommandQueueWithProperties, CL_OUT_OF_RESOURCES, \
           (cl_context context, cl_device_id device, const cl_queue_properties *properties, \
            cl_int *status_return), \
           (context, device, properties, &status), CL_SUCCESS, created(QUEUE)) \
    STATUS(clGetCommandQueueInfo, CL_OUT_OF_HOST_MEMORY, \
           (cl_command_queue queue, cl_command_queue_info what, QUERY_PARAMETERS), \
           (queue, what, QUERY_ARGUMENTS), CL_SUCCESS, (void)0) \
    RETAIN(clRetainCommandQueue, CL_OUT_OF_HOST_MEMORY, cl_command_queue, QUEUE) \
    RELEASE(clReleaseCommandQueue, CL_OUT_OF_RESOURCES, cl_command_queue, QUEUE) \
    HANDLE(cl_mem, clCreateBuffer, CL_MEM_OBJECT_ALLOCATION_FAILURE, \
           (cl_context context, cl_mem_flags flags, size_t bytes, void *host, cl_int *status_return), \
           (context, flags, bytes, host, &status), limit_allocation(bytes), created(BUFFER)) \
    HANDLE(cl_mem, clCreateSubBuffer, CL_MEM_OBJECT_ALLOCATION_FAILURE, \
           (cl_mem buffer, cl_mem_flags flags, cl_buffer_create_type type, const void *region, \
            cl_int *status_return), \
           (buffer, flags, type, region, &status), CL_SUCCESS, created(BUFFER)) \
    STATUS(clGetMemObjectInfo, CL_OUT_OF_HOST_MEMORY, \
           (cl_mem buffer, cl_mem_info what, QUERY_PARAMETERS), (buffer, what, QUERY_ARGUMENTS), \
           CL_SUCCESS, (void)0) \
    RETAIN(clRetainMemObject, CL_OUT_OF_HOST_MEMORY, cl_mem, BUFFER) \
    RELEASE(clReleaseMemObject, CL_OUT_OF_RESOURCES, cl_mem, BUFFER) \
    HANDLE(cl_program, clCreateProgramWithSource, CL_OUT_OF_HOST_MEMORY, \
           (cl_context context, cl_uint count, const char **texts, const size_t *lengths, \
            cl_int *status_return), \
           (context, count, texts, lengths, &status), CL_SUCCESS, created(PROGRAM)) \
    HANDLE(cl_program, clCreateProgramWithBinary, CL_INVALID_BINARY, \
           (cl_context context, cl_uint count, const cl_device_id *devices, const size_t *lengths, \
            const unsigned char **binaries, cl_int *binary_status, cl_int *status_return), \
           (context, count, devices, lengths, binaries, binary_status, &status), CL_SUCCESS, created(PROGRAM)) \
    STATUS(clBuildProgram, CL_BUILD_PROGRAM_FAILURE, \
           (cl_program program, cl_uint count, const cl_device_id *devices, const char *options, \
            void(CL_CALLBACK *notify)(cl_program, void *), void *user), \
           (program, count, devices, options, notify, user), CL_SUCCESS, (void)0) \
    STATUS(clGetProgramInfo, CL_OUT_OF_HOST_MEMORY, \
           (cl_program program, cl_program_info what, QUERY_PARAMETERS), (program, what, QUERY_ARGUMENTS), \
           CL_SUCCESS, (void)0) \
    STATUS(clGetProgramBuildInfo, CL_OUT_OF_HOST_MEMORY, \
           (cl_program program, cl_device_id device, cl_program_build_info what, QUERY_PARAMETERS), \
           (program, device, what, QUERY_ARGUMENTS), CL_SUCCESS, (void)0) \
    RETAIN(clRetainProgram, CL_OUT_OF_HOST_MEMORY, cl_program, PROGRAM) \
    RELEASE(clReleaseProgram, CL_OUT_OF_HOST_MEMORY, cl_program, PROGRAM) \
    HANDLE(cl_kernel, clCreateKernel, CL_OUT_OF_RESOURCES, \
           (cl_program program, const char *name, cl_int *status_return), (program, name, &status), \
           CL_SUCCESS, created(KERNEL)) \
    STATUS(clSetKernelArg, CL_OUT_OF_RESOURCES, \
           (cl_kernel kernel, cl_uint index, size_t size, const void *value), (kernel, index, size, value), \
           CL_SUCCESS, (void)0) \
    STATUS(clGetKernelInfo, CL_OUT_OF_HOST_MEMORY, \
           (cl_kernel kernel, cl_kernel_info what, QUERY_PARAMETERS), (kernel, what, QUERY_ARGUMENTS), \
           CL_SUCCESS, (void)0) \
    STATUS(clGetKernelArgInfo, CL_KERNEL_ARG_INFO_NOT_AVAILABLE, \
           (cl_kernel kernel, cl_uint index, cl_kernel_arg_info what, QUERY_PARAMETERS), \
           (kernel, index, what, QUERY_ARGUMENTS), CL_SUCCESS, (void)0) \
    STATUS(clGetKernelWorkGroupInfo, CL_OUT_OF_RESOURCES, \
           (cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info what, QUERY_PARAMETERS), \
           (kernel, device, what, QUERY_ARGUMENTS), CL_SUCCESS, lower_kernel_info(what, size, value)) \
    RETAIN(clRetainKernel, CL_OUT_OF_HOST_MEMORY, cl_kernel, KERNEL) \
    RELEASE(clReleaseKernel, CL_OUT_OF_RESOURCES, cl_kernel, KERNEL) \
    STATUS(clEnqueueReadBuffer, CL_OUT_OF_RESOURCES, \
           (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t bytes, void *to, \
            WAIT_PARAMETERS), \
           (queue, buffer, blocking, offset, bytes, to, WAIT_ARGUMENTS), CL_SUCCESS, created_event(event)) \
    STATUS(clEnqueueWriteBuffer, CL_OUT_OF_RESOURCES, \
           (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t bytes, \
            const void *from, WAIT_PARAMETERS), \
           (queue, buffer, blocking, offset, bytes, from, WAIT_ARGUMENTS), CL_SUCCESS, created_event(event)) \
    STATUS(clEnqueueCopyBuffer, CL_OUT_OF_RESOURCES, \
           (cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset, size_t to_offset, \
            size_t bytes, WAIT_PARAMETERS), \
           (queue, from, to, from_offset, to_offset, bytes, WAIT_ARGUMENTS), CL_SUCCESS, created_event(event)) \
    STATUS(clEnqueueFillBuffer, CL_OUT_OF_RESOURCES, \
           (cl_command_queue queue, cl_mem buffer, const void *pattern, size_t pattern_bytes, size_t offset, \
            size_t bytes, WAIT_PARAMETERS), \
           (queue, buffer, pattern, pattern_bytes, offset, bytes, WAIT_ARGUMENTS), CL_SUCCESS, \
           created_event(event)) \
    HANDLE(void *, clEnqueueMapBuffer, CL_MAP_FAILURE, \
           (cl_command_queue queue, cl_mem buffer, cl_bool blocking, cl_map_flags flags, size_t offset, \
            size_t bytes, WAIT_PARAMETERS, cl_int *status_return), \
           (queue, buffer, blocking, flags, offset, bytes, WAIT_ARGUMENTS, &status), CL_SUCCESS, \
           created_event(event)) \
    STATUS(clEnqueueUnmapMemObject, CL_OUT_OF_RESOURCES, \
           (cl_command_queue queue, cl_mem buffer, void *mapped, WAIT_PARAMETERS), \
           (queue, buffer, mapped, WAIT_ARGUMENTS), CL_SUCCESS, created_event(event)) \
    STATUS(clEnqueueNDRangeKernel, CL_OUT_OF_RESOURCES, \
           (cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset, \
            const size_t *global, const size_t *local, WAIT_PARAMETERS), \
           (queue, kernel, dimensions, offset, global, local, WAIT_ARGUMENTS), \
           limit_work_group(dimensions, local), created_event(event)) \
    STATUS(clEnqueueMarkerWithWaitList, CL_OUT_OF_RESOURCES, (cl_command_queue queue, WAIT_PARAMETERS), \
           (queue, WAIT_ARGUMENTS), CL_SUCCESS, created_event(event)) \
    STATUS(clEnqueueBarrierWithWaitList, CL_OUT_OF_RESOURCES, (cl_command_queue queue, WAIT_PARAMETERS), \
           (queue, WAIT_ARGUMENTS), CL_SUCCESS, created_event(event)) \
    STATUS(clFlush, CL_OUT_OF_RESOURCES, (cl_command_queue queue), (queue), CL_SUCCESS, (void)0) \
    STATUS(clFinish, CL_OUT_OF_RESOURCES, (cl_command_queue queue), (queue), CL_SUCCESS, (void)0) \
    HANDLE(cl_event, clCreateUserEvent, CL_OUT_OF_HOST_MEMORY, (cl_context context, cl_int *status_return), \
           (context, &status), CL_SUCCESS, created(EVENT)) \
    STATUS(clWaitForEvents, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, \
           (cl_uint count, const cl_event *events), (count, events), CL_SUCCESS, (void)0) \
    STATUS(clGetEventInfo, CL_OUT_OF_HOST_MEMORY, \
           (cl_event event, cl_event_info what, QUERY_PARAMETERS), (event, what, QUERY_ARGUMENTS), \
           CL_SUCCESS, (void)0) \
    STATUS(clGetEventProfilingInfo, CL_PROFILING_INFO_NOT_AVAILABLE, \
           (cl_event event, cl_profiling_info what, QUERY_PARAMETERS), (event, what, QUERY_ARGUMENTS), \
           CL_SUCCESS, (void)0) \
    RETAIN(clRetainEvent, CL_OUT_OF_HOST_MEMORY, cl_event, EVENT) \
    RELEASE(clReleaseEvent, CL_OUT_OF_RESOURCES, cl_event, EVENT)

#define STATUS_INDEX(name, ...) index_##name,
#define HANDLE_INDEX(type, name, ...) index_##name,
enum { CALL_TABLE(STATUS_INDEX, HANDLE_INDEX, STATUS_INDEX, STATUS_INDEX) CALL_COUNT };
#undef STATUS_INDEX
#undef HANDLE_INDEX

/* ---- What was asked for, and what happened ----------------------------------------------------- */

static const struct {
    const char *name, *code_name;
} calls[CALL_COUNT] = {
#define STATUS_TEXT(name, code, ...) {#name, #code},
#define HANDLE_TEXT(type, name, code, ...) {#name, #code},
    CALL_TABLE(STATUS_TEXT, HANDLE_TEXT, STATUS_TEXT, STATUS_TEXT)
#undef STATUS_TEXT
#undef HANDLE_TEXT
};

static const char *const object_names[OBJECT_COUNT] = {
#define OBJECT_TEXT(name, text) text,
    OBJECT_TABLE(OBJECT_TEXT)
#undef OBJECT_TEXT
};

static const cl_icd_dispatch *target;

/* A call index, CALL_COUNT for "any", or -1 for none. */
static int fault_call = -1;
static long fault_at;
static const char *log_file;
static size_t work_group_limit = SIZE_MAX, allocation_limit = SIZE_MAX;
static int without_fp64;

static atomic_long call_counts[CALL_COUNT], any_count;
static atomic_long objects_created[OBJECT_COUNT], objects_alive[OBJECT_COUNT];
/* The index of the call that was made to fail, and which of its kind it was. */
static atomic_int failed_call = -1;
static atomic_long failed_at;

/* Counts a call; `code` when it is the one to fail, else CL_SUCCESS. */
static cl_int begin(int call, cl_int code)
{
    long own = atomic_fetch_add(&call_counts[call], 1) + 1;
    long any = atomic_fetch_add(&any_count, 1) + 1;
    if (fault_at != (fault_call == CALL_COUNT ? any : own))
        return CL_SUCCESS;
    if (fault_call != CALL_COUNT && fault_call != call)
        return CL_SUCCESS;
    atomic_store(&failed_at, own);
    atomic_store(&failed_call, call);
    return code;
}

static void created(int object)
{
    atomic_fetch_add(&objects_created[object], 1);
    atomic_fetch_add(&objects_alive[object], 1);
}

static void created_event(const cl_event *event)
{
    if (event)
        created(EVENT);
}

/* ---- Limits ------------------------------------------------------------------------------------ */

static cl_int limit_allocation(size_t bytes)
{
    return bytes > allocation_limit ? CL_INVALID_BUFFER_SIZE : CL_SUCCESS;
}

static cl_int limit_work_group(cl_uint dimensions, const size_t *local)
{
    size_t items = 1;
    for (cl_uint i = 0; local && i < dimensions; i++) {
        if (local[i] > work_group_limit)
            return CL_INVALID_WORK_ITEM_SIZE;
        items *= local[i];
    }
    return items > work_group_limit && local ? CL_INVALID_WORK_GROUP_SIZE : CL_SUCCESS;
}

/* Lowers each size_t of a query's answer to at most `limit`. */
static void lower_sizes(size_t limit, size_t bytes, void *value)
{
    size_t *sizes = value;
    for (size_t i = 0; value && i < bytes / sizeof *sizes; i++)
        sizes[i] = sizes[i] > limit ? limit : sizes[i];
}

/* Blanks one word out of a list of words; its length stays, so that size queries stay true. */
static void blank_word(char *list, const char *word)
{
    size_t length = strlen(word);
    for (char *found = strstr(list, word); found; found = strstr(found + length, word)) {
        int starts = found == list || found[-1] == ' ';
        if (starts && (found[length] == ' ' || found[length] == '\0'))
            memset(found, ' ', length);
    }
}

static void lower_device_info(cl_device_info what, size_t size, void *value)
{
    if (!value)
        return;
    switch (what) {
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
        lower_sizes(work_group_limit, sizeof(size_t), value);
        break;
    case CL_DEVICE_MAX_WORK_ITEM_SIZES:
        lower_sizes(work_group_limit, 3 * sizeof(size_t), value);
        break;
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        if (*(cl_ulong *)value > allocation_limit)
            *(cl_ulong *)value = allocation_limit;
        break;
    case CL_DEVICE_DOUBLE_FP_CONFIG:
    case CL_DEVICE_PREFERRED_VECTOR_WIDTH_DOUBLE:
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_DOUBLE:
        if (without_fp64)
            memset(value, 0, what == CL_DEVICE_DOUBLE_FP_CONFIG ? sizeof(cl_device_fp_config) : sizeof(cl_uint));
        break;
    case CL_DEVICE_EXTENSIONS:
        if (without_fp64 && size > 0)
            blank_word(value, "cl_khr_fp64");
        break;
    default:
        break;
    }
}

static void lower_kernel_info(cl_kernel_work_group_info what, size_t size, void *value)
{
    if (what == CL_KERNEL_WORK_GROUP_SIZE || what == CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE)
        lower_sizes(work_group_limit, size < sizeof(size_t) ? 0 : sizeof(size_t), value);
}

/* clCreateProgramWithSource of a device without double precision: `double` in the program becomes a word
 * that the driver's compiler does not know, so that the build fails as it would there, with a build log. */
static cl_program CL_API_CALL source_without_fp64(cl_context context, cl_uint count, const char **texts,
                                                  const size_t *lengths, cl_int *status)
{
    const char **all_texts = calloc(count + 1, sizeof *all_texts);
    size_t *all_lengths = calloc(count + 1, sizeof *all_lengths);
    cl_program program = NULL;
    *status = CL_OUT_OF_HOST_MEMORY;
    if (all_texts && all_lengths) {
        all_texts[0] = "#undef cl_khr_fp64\n#define double this_device_has_no_double\n#line 1\n";
        memcpy(all_texts + 1, texts, count * sizeof *texts);
        if (lengths)
            memcpy(all_lengths + 1, lengths, count * sizeof *lengths);
        program = target->clCreateProgramWithSource(context, count + 1, all_texts, all_lengths, status);
    }
    free(all_texts);
    free(all_lengths);
    return program;
}

/* ---- The wrappers ------------------------------------------------------------------------------ */

static cl_icd_dispatch driver;

#define STATUS_WRAPPER(name, code, parameters, arguments, limit, done) \
    static cl_int CL_API_CALL wrap_##name parameters \
    { \
        cl_int status = begin(index_##name, code); \
        if (status == CL_SUCCESS) \
            status = limit; \
        if (status == CL_SUCCESS) \
            status = driver.name arguments; \
        if (status == CL_SUCCESS) \
            done; \
        return status; \
    }

#define HANDLE_WRAPPER(type, name, code, parameters, arguments, limit, done) \
    static type CL_API_CALL wrap_##name parameters \
    { \
        type object = NULL; \
        cl_int status = begin(index_##name, code); \
        if (status == CL_SUCCESS) \
            status = limit; \
        if (status == CL_SUCCESS) \
            object = driver.name arguments; \
        if (object) \
            done; \
        if (status_return) \
            *status_return = status; \
        return object; \
    }

#define RETAIN_WRAPPER(name, code, type, kind) \
    STATUS_WRAPPER(name, code, (type object), (object), CL_SUCCESS, atomic_fetch_add(&objects_alive[kind], 1))

#define RELEASE_WRAPPER(name, code, type, kind) \
    static cl_int CL_API_CALL wrap_##name(type object) \
    { \
        cl_int injected = begin(index_##name, code); \
        cl_int status = driver.name(object); \
        if (status == CL_SUCCESS) \
            atomic_fetch_sub(&objects_alive[kind], 1); \
        return injected == CL_SUCCESS ? status : injected; \
    }

CALL_TABLE(STATUS_WRAPPER, HANDLE_WRAPPER, RETAIN_WRAPPER, RELEASE_WRAPPER)

/* ---- The log, and the two functions of a layer ------------------------------------------------- */

/* Adds to the log file, one fact a line:
 *
 *     call NAME COUNT               for each call that was made
 *     object KIND CREATED ALIVE     for each kind; ALIVE is the number of references not given back
 *     fault NAME AT CODE            when a call was made to fail: which of its kind, with what */
__attribute__((destructor)) static void write_log(void)
{
    FILE *stream = log_file ? fopen(log_file, "a") : NULL;
    if (!stream)
        return;
    for (int i = 0; i < CALL_COUNT; i++) {
        if (call_counts[i])
            fprintf(stream, "call %s %ld\n", calls[i].name, call_counts[i]);
    }
    for (int i = 0; i < OBJECT_COUNT; i++)
        fprintf(stream, "object %s %ld %ld\n", object_names[i], objects_created[i], objects_alive[i]);
    if (failed_call >= 0)
        fprintf(stream, "fault %s %ld %s\n", calls[failed_call].name, failed_at, calls[failed_call].code_name);
    fclose(stream);
}

/* A positive number from the environment; `fallback` when the variable is not set. */
static size_t environment_number(const char *name, size_t fallback)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : fallback;
}

/* A name that is not in the table is said aloud: a test that fails nothing must not look like a pass. */
static void read_environment(void)
{
    const char *name = getenv("DROPCL_FAULT_CALL");
    log_file = getenv("DROPCL_FAULT_LOG");
    fault_at = (long)environment_number("DROPCL_FAULT_AT", 0);
    work_group_limit = environment_number("DROPCL_LIMIT_WORK_GROUP", SIZE_MAX);
    allocation_limit = environment_number("DROPCL_LIMIT_ALLOCATION", SIZE_MAX);
    without_fp64 = environment_number("DROPCL_LIMIT_FP64", 1) == 0;
    if (!name)
        return;
    for (fault_call = 0; fault_call < CALL_COUNT && strcmp(calls[fault_call].name, name) != 0;)
        fault_call++;
    if (fault_call == CALL_COUNT && strcmp(name, "any") != 0) {
        fprintf(stderr, "layer.c: DROPCL_FAULT_CALL=%s is not a call of the table\n", name);
        fault_call = -1;
    }
}

EXPORT cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, QUERY_PARAMETERS)
{
    static const char name[] = "dropcl faults";
    cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    const void *answer = what == CL_LAYER_NAME ? (const void *)name : &version;
    size_t bytes = what == CL_LAYER_NAME ? sizeof name : sizeof version;
    if ((what != CL_LAYER_NAME && what != CL_LAYER_API_VERSION) || (value && size < bytes))
        return CL_INVALID_VALUE;
    if (value)
        memcpy(value, answer, bytes);
    if (size_return)
        *size_return = bytes;
    return CL_SUCCESS;
}

EXPORT cl_int CL_API_CALL clInitLayer(cl_uint entry_count, const cl_icd_dispatch *next, cl_uint *count_return,
                                      const cl_icd_dispatch **dispatch_return)
{
    static cl_icd_dispatch wrapped;
    size_t bytes = entry_count * sizeof(void *);
    if (!next || !count_return || !dispatch_return)
        return CL_INVALID_VALUE;
    target = next;
    memcpy(&driver, next, bytes < sizeof driver ? bytes : sizeof driver);
    wrapped = driver;
    read_environment();
#define STATUS_ENTRY(name, ...) wrapped.name = wrap_##name;
#define HANDLE_ENTRY(type, name, ...) wrapped.name = wrap_##name;
    CALL_TABLE(STATUS_ENTRY, HANDLE_ENTRY, STATUS_ENTRY, STATUS_ENTRY)
#undef STATUS_ENTRY
#undef HANDLE_ENTRY
    if (without_fp64)
        driver.clCreateProgramWithSource = source_without_fp64;
    *count_return = sizeof wrapped / sizeof(void *);
    *dispatch_return = &wrapped;
    return CL_SUCCESS;
}
