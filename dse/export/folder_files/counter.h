/* Time and cycles of a stretch of code. */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

/* CNTVCT_EL0, the virtual counter of the generic timer: every program may read it. It counts at a fixed rate of some
 * tens of MHz, whatever the clock of the core. */
uint64_t counter_ticks(void);

/* CNTFRQ_EL0: ticks a second. */
uint64_t counter_frequency(void);

/* Core cycles of this thread in user mode, from perf_event_open; -1 where the system does not count them. */
int64_t counter_cycles(void);

#endif
