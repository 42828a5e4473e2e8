/* A wall clock that jumps, for LD_PRELOAD: seconds in the file CHAOS_CLOCK are added to real time, read anew at most
 * twice a second. Monotonic time and sleeping are left alone. (libfaketime 0.9.10 fails on Python's time.sleep, an
 * absolute sleep on the monotonic clock, when told to leave that clock alone.) */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void) {
    static _Thread_local long seconds;
    static _Thread_local struct timespec looked;
    struct timespec now;
    const char *path = getenv("CHAOS_CLOCK");
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    if (path == NULL || (now.tv_sec - looked.tv_sec) * 1000 + (now.tv_nsec - looked.tv_nsec) / 1000000 < 500)
        return seconds;
    looked = now;
    char text[32] = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, text, sizeof text - 1) > 0) seconds = atol(text);
        close(file);
    }
    return seconds;
}

int clock_gettime(clockid_t id, struct timespec *at) {
    int failed = (int)syscall(SYS_clock_gettime, id, at);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += offset();
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at != NULL) *at = now.tv_sec;
    return now.tv_sec;
}
