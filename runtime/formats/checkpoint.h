/* checkpoint.h: the state of a session in a folder, to go on from there later.
 *
 * The folder holds checkpoint.json and a folder step-N (or step-N-2) with one NAME.npy for each parameter;
 * characters of a name other than letters, digits, '.', '_' and '-' are written as %XX. A new checkpoint is
 * written beside the old one; checkpoint.json is replaced last, in one step, and then the old one is removed.
 * So whatever interrupts the writing, one whole checkpoint is there.
 */
#ifndef DCL__CHECKPOINT_H
#define DCL__CHECKPOINT_H

#include "dropcl/dropcl.h"

/* Writes every parameter and the step number; creates the folder where it is missing. All inputs of the
 * session must have been fed. DCL_EIO when something cannot be written. [queue-thread] */
dcl_status dcl__checkpoint_write(const char *folder, dcl_session *session, const dcl_graph *graph,
                                 dcl_error *error);

/* Feeds the parameters of the checkpoint and sets the step number. Refuses with DCL_EINVAL a checkpoint of
 * another graph (dtype, seed, parameters or their shapes differ); with DCL_EIO or DCL_EFORMAT one that cannot
 * be read. Everything is read before the session is touched. [queue-thread] */
dcl_status dcl__checkpoint_read(const char *folder, dcl_session *session, const dcl_graph *graph,
                                dcl_error *error);

/* Whether the folder holds a checkpoint. [any-thread] */
int dcl__checkpoint_exists(const char *folder);

/* Removes a checkpoint, if there is one, and its folder unless something else lies in it. [any-thread] */
void dcl__checkpoint_remove(const char *folder);

#endif
