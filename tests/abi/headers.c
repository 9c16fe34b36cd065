/* headers.c: includes the public headers and uses their inline functions; compiled, never run. */
#include <dropcl/dropcl.h>
#include <dropcl/op.h>
#include <dropcl/opencl.h>

dcl_argument any_argument(const dcl_tensor *tensor, const uint32_t key[4], const int64_t list[8], int which);

/* One of each kind. */
dcl_argument any_argument(const dcl_tensor *tensor, const uint32_t key[4], const int64_t list[8], int which)
{
    const dcl_argument all[] = {
        dcl_arg_tensor(tensor), dcl_arg_real(0.5), dcl_arg_long(1), dcl_arg_key(key), dcl_arg_long8(list),
        dcl_arg_local(64),
    };
    return all[which];
}

int has_a_member(const dcl_host *host);

int has_a_member(const dcl_host *host)
{
    return DCL_HAS(host, set_gradient);
}
