/* A glibc that says of itself what a distributor may have it say: a library to preload, with which
 * a process is told STANDIN_GLIBC in place of "glibc 2.36". */
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

size_t confstr(int name, char *buffer, size_t length) {
    const char *text = name == _CS_GNU_LIBC_VERSION ? getenv("STANDIN_GLIBC") : NULL;
    if (!text) return 0;
    if (length) {
        strncpy(buffer, text, length - 1);
        buffer[length - 1] = 0;
    }
    return strlen(text) + 1;
}
