/* common.h: what the op tests share: opening a device, or skipping in words where it is not installed. */
#ifndef DCL__OPS_COMMON_H
#define DCL__OPS_COMMON_H

#include "dropcl/dropcl.h"

enum { TEST_PASSED = 0, TEST_FAILED = 1, TEST_SKIPPED = 77 };

/* Opens a device, and the ops (with those of `plugins`, NULL: none). Where no device matches, *result is
 * TEST_SKIPPED; after any other failure TEST_FAILED; either way the reason is printed and DCL_OK is not
 * returned. */
dcl_status open_or_skip(const char *selector, const char *plugins, dcl_registry **ops, dcl_device **device,
                        int *result);

#endif
