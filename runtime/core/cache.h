/* cache.h: small files that are remembered between runs: kernel binaries and self-test results.
 *
 * Folder: $XDG_CACHE_HOME/dropcl, or $HOME/.cache/dropcl, mode 0700, never /tmp. One file an entry,
 * KEY.bin: the line "dropcl-cache 1\n", the SHA-256 of the content (32 bytes), the content. Written under
 * a temporary name, then renamed, so that processes need no locks. Whatever is wrong with an entry or the
 * folder is a miss, never an error.
 */
#ifndef DCL__CACHE_H
#define DCL__CACHE_H

#include "core/error.h"

enum { DCL__KEY_TEXT = 65 };

/* The key of an entry: SHA-256 over the texts and their lengths, in hexadecimal. */
void dcl__cache_key(const char *const *texts, size_t count, char key[DCL__KEY_TEXT]);

/* The content of an entry, to be freed with free(), and its size; NULL when there is no valid one. A zero
 * byte follows the content. */
void *dcl__cache_load(const char *key, size_t *size);

void dcl__cache_store(const char *key, const void *content, size_t size);

#endif
