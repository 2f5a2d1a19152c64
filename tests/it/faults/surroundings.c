/* The machine that a program believes to be on: its time and its disk. A test loads this before the
 * C library and writes into a file what the program is to believe.
 *
 * The time of day runs fast and may be wrong; waiting runs fast, too, though less; the disk may be
 * full, as far as files go. Only what a program waits for with epoll is waited for less: whatever
 * else it waits for with a time limit, it waits for longer than it thinks, and nothing hangs on that. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define SIGNALS_BYTES 8

/* What the test writes, as it is in the file; times in nanoseconds. */
struct told {
    int64_t begun;    /* when the test's time began, by the machine's */
    int64_t speed;    /* how many times faster the time of day runs */
    int64_t haste;    /* how many times faster waiting is over */
    int64_t wrong;    /* by how much this program's time of day is wrong */
    int64_t is_full;  /* whether the disk is full */
};

static const volatile struct told *told;
static int64_t started;

static int64_t machine(clockid_t clock)
{
    struct timespec at;
    syscall(SYS_clock_gettime, clock, &at);
    return at.tv_sec * SECOND + at.tv_nsec;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULTS_SURROUNDINGS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    started = machine(CLOCK_MONOTONIC);
    void *mapped = mmap(NULL, sizeof *told, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED)
        told = mapped;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int answer = (int)syscall(SYS_clock_gettime, clock, at);
    if (answer != 0 || !told)
        return answer;
    int64_t now = at->tv_sec * SECOND + at->tv_nsec;
    if (clock == CLOCK_REALTIME)
        now = told->begun + (now - told->begun) * told->speed + told->wrong;
    else if (clock == CLOCK_MONOTONIC)
        now = started + (now - started) * told->haste;
    at->tv_sec = now / SECOND;
    at->tv_nsec = now % SECOND;
    return 0;
}

int epoll_wait(int epoll, struct epoll_event *events, int events_max, int ms)
{
    if (told && ms > 0)
        ms = (int)((ms + told->haste - 1) / told->haste);
    return (int)syscall(SYS_epoll_pwait, epoll, events, events_max, ms, NULL, SIGNALS_BYTES);
}

/* Whether a write to it fails because the disk is full. */
static int is_in_vain(int file)
{
    struct stat about;
    if (!told || !told->is_full || fstat(file, &about) != 0 || !S_ISREG(about.st_mode))
        return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t write(int file, const void *bytes, size_t count)
{
    return is_in_vain(file) ? -1 : syscall(SYS_write, file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at)
{
    return is_in_vain(file) ? -1 : syscall(SYS_pwrite64, file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at)
{
    return is_in_vain(file) ? -1 : syscall(SYS_pwrite64, file, bytes, count, at);
}
