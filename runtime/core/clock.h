/* clock.h: time that only goes forward. */
#ifndef DCL__CLOCK_H
#define DCL__CLOCK_H

/* CLOCK_MONOTONIC in seconds. [any-thread] */
double dcl__now(void);

#endif
