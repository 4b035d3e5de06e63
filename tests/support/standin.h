/* What all stand-ins share. LIBRARY is the name that a library is logged by, and FAULT the variable
 * that says what goes wrong in it; both are defined by what includes this. See driver.c. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static void note(pid_t process) {
    const char *path = getenv("STANDIN_LOG");
    FILE *log = path ? fopen(path, "a") : NULL;
    if (log) {
        fprintf(log, "%s %d\n", LIBRARY, (int)process);
        fclose(log);
    }
}

#ifdef _WIN32
#include "faults_windows.h"
#else
#include "faults.h"
#endif

/* Returns the error code that `function` is to return, or does what it is to do instead. */
static int fault(const char *function) {
    const char *text = setting(FAULT, "");
    size_t length = strlen(function);
    if (strncmp(text, function, length) != 0 || text[length] != ':') return 0;
    const char *what = text + length + 1;
    misbehave(what);
    return atoi(what);
}

__attribute__((constructor)) static void loaded(void) {
    note(getpid());
    fault("load");
}

#define BEGIN(name) do { int code = fault(#name); if (code) return code; } while (0)
