/* Another CPU: a library to preload, with which a process reads STANDIN_CPUINFO in place of
 * /proc/cpuinfo. It stands in for the C library's own functions, by which files are opened. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *replaced(const char *path) {
    const char *file = getenv("STANDIN_CPUINFO");
    return file && strcmp(path, "/proc/cpuinfo") == 0 ? file : path;
}

#define OPEN(name)                                                                          \
    int name(const char *path, int flags, ...) {                                            \
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);                      \
        mode_t mode = 0;                                                                    \
        if (flags & (O_CREAT | O_TMPFILE)) {                                                \
            va_list arguments;                                                              \
            va_start(arguments, flags);                                                     \
            mode = va_arg(arguments, mode_t);                                               \
            va_end(arguments);                                                              \
        }                                                                                   \
        return real(replaced(path), flags, mode);                                           \
    }
OPEN(open)
OPEN(open64)
