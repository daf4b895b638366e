/* See counter.h. */
#define _GNU_SOURCE
#include "counter.h"

uint64_t counter_ticks(void) {
    uint64_t ticks;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
    return ticks;
}

uint64_t counter_frequency(void) {
    uint64_t frequency;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    return frequency;
}

#ifdef __linux__
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* File of the counter; -1 where the kernel, a container or an emulator does not allow it. */
static int open_cycles(void) {
    struct perf_event_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.size = sizeof attributes;
    attributes.type = PERF_TYPE_HARDWARE;
    attributes.config = PERF_COUNT_HW_CPU_CYCLES;
    attributes.exclude_kernel = 1;
    attributes.exclude_hv = 1;
    return (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
}

int64_t counter_cycles(void) {
    static int file = -2;
    uint64_t cycles;
    if (file == -2)
        file = open_cycles();
    return file >= 0 && read(file, &cycles, sizeof cycles) == (ssize_t)sizeof cycles ? (int64_t)cycles : -1;
}
#else
int64_t counter_cycles(void) {
    return -1;
}
#endif
