/* opencl.c: the one place where OpenCL calls are checked. */
#include "core/opencl.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    int code;
    const char *name;
} names[] = {
#define NAME(code) {code, #code}
    NAME(CL_DEVICE_NOT_FOUND), NAME(CL_DEVICE_NOT_AVAILABLE), NAME(CL_COMPILER_NOT_AVAILABLE),
    NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE), NAME(CL_OUT_OF_RESOURCES), NAME(CL_OUT_OF_HOST_MEMORY),
    NAME(CL_PROFILING_INFO_NOT_AVAILABLE), NAME(CL_MEM_COPY_OVERLAP), NAME(CL_BUILD_PROGRAM_FAILURE),
    NAME(CL_MAP_FAILURE), NAME(CL_MISALIGNED_SUB_BUFFER_OFFSET),
    NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST), NAME(CL_COMPILE_PROGRAM_FAILURE),
    NAME(CL_LINKER_NOT_AVAILABLE), NAME(CL_LINK_PROGRAM_FAILURE), NAME(CL_KERNEL_ARG_INFO_NOT_AVAILABLE),
    NAME(CL_INVALID_VALUE), NAME(CL_INVALID_DEVICE_TYPE), NAME(CL_INVALID_PLATFORM),
    NAME(CL_INVALID_DEVICE), NAME(CL_INVALID_CONTEXT), NAME(CL_INVALID_QUEUE_PROPERTIES),
    NAME(CL_INVALID_COMMAND_QUEUE), NAME(CL_INVALID_HOST_PTR), NAME(CL_INVALID_MEM_OBJECT),
    NAME(CL_INVALID_BINARY), NAME(CL_INVALID_BUILD_OPTIONS), NAME(CL_INVALID_PROGRAM),
    NAME(CL_INVALID_PROGRAM_EXECUTABLE), NAME(CL_INVALID_KERNEL_NAME), NAME(CL_INVALID_KERNEL_DEFINITION),
    NAME(CL_INVALID_KERNEL), NAME(CL_INVALID_ARG_INDEX), NAME(CL_INVALID_ARG_VALUE),
    NAME(CL_INVALID_ARG_SIZE), NAME(CL_INVALID_KERNEL_ARGS), NAME(CL_INVALID_WORK_DIMENSION),
    NAME(CL_INVALID_WORK_GROUP_SIZE), NAME(CL_INVALID_WORK_ITEM_SIZE), NAME(CL_INVALID_GLOBAL_OFFSET),
    NAME(CL_INVALID_EVENT_WAIT_LIST), NAME(CL_INVALID_EVENT), NAME(CL_INVALID_OPERATION),
    NAME(CL_INVALID_BUFFER_SIZE), NAME(CL_INVALID_GLOBAL_WORK_SIZE), NAME(CL_INVALID_PROPERTY),
    NAME(CL_INVALID_COMPILER_OPTIONS), NAME(CL_INVALID_LINKER_OPTIONS),
#undef NAME
    {-1001, "CL_PLATFORM_NOT_FOUND_KHR"},
    /* CLBlast's own codes (clblast_c.h); the rest of its codes are OpenCL's. */
    {-1024, "CLBlastNotImplemented"}, {-1022, "CLBlastInvalidMatrixA"}, {-1021, "CLBlastInvalidMatrixB"},
    {-1020, "CLBlastInvalidMatrixC"}, {-1017, "CLBlastInvalidDimension"}, {-1016, "CLBlastInvalidLeadDimA"},
    {-1015, "CLBlastInvalidLeadDimB"}, {-1014, "CLBlastInvalidLeadDimC"},
    {-1011, "CLBlastInsufficientMemoryA"}, {-1010, "CLBlastInsufficientMemoryB"},
    {-1009, "CLBlastInsufficientMemoryC"}, {-2048, "CLBlastInvalidOverrideKernel"},
    {-2047, "CLBlastMissingOverrideParameter"}, {-2046, "CLBlastInvalidLocalMemUsage"},
    {-2044, "CLBlastNoDoublePrecision"}, {-2041, "CLBlastDatabaseError"},
    {-2040, "CLBlastUnknownError"}, {-2039, "CLBlastUnexpectedError"},
};

const char *dcl__cl_name(int code)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code)
            return names[i].name;
    return "unknown code";
}

dcl_status dcl__cl_check(dcl_error *error, int code, const char *call, const char *what, ...)
{
    if (code == CL_SUCCESS)
        return DCL_OK;
    char where[512];
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(where, sizeof where, what, arguments);
    va_end(arguments);
    return dcl__fail(error, DCL_EDEVICE, "%s failed with %s (%d) while %s", call, dcl__cl_name(code), code, where);
}
