/* What can go wrong in a library, by name. `misbehave` does it, and returns if the function is to
 * go on; it is called in the process that asks, as the library's own code. See driver.c. */
#include <errno.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IS(name) (!strcmp(what, name))

static void forever(void) { for (;;) pause(); }
static void *spin(void *ignored) { for (;;) __asm__ volatile(""); return ignored; }
static void ignore_signal(int number) { (void)number; }
static int deeper(volatile int depth) { volatile char room[4096]; room[0] = (char)depth; return deeper(depth + 1) + room[0]; }

/* Starts a process that stays, with all that is open, unless `own` says that it is a daemon. */
static pid_t started(int own) {
    pid_t process = fork();
    if (process != 0) { note(process); return process; }
    if (own) setsid();
    forever();
    return 0;
}

static void write_everywhere(void) {
    static const char garbage[] = "\xff\x00{\"answer\": 5}\n[garbage\n";
    for (int number = 0; number < 64; number++)
        if (write(number, garbage, sizeof garbage - 1) < 0) errno = 0;
}

static void limit(int resource, rlim_t most) {
    struct rlimit both = {most, most};
    setrlimit(resource, &both);
}

static void misbehave(const char *what) {
    pthread_t thread;
    if (!strncmp(what, "fork-", 5)) { started(0); what += 5; }
    /* It does not come back. */
    if IS("hang") forever();
    if IS("spin") spin(NULL);
    if IS("spin-in-threads") { for (int i = 0; i < 4; i++) pthread_create(&thread, NULL, spin, NULL); forever(); }
    if IS("hang-blocking-signals") { sigset_t all; sigfillset(&all); sigprocmask(SIG_SETMASK, &all, NULL); forever(); }
    if IS("hang-ignoring-signals") { for (int i = 1; i < 32; i++) signal(i, ignore_signal); forever(); }
    if IS("stop") raise(SIGSTOP);
    if IS("exec-sleep") execlp("sleep", "sleep", "1000", (char *)NULL);
    /* It ends the process. */
    if IS("abort") abort();
    if IS("crash") raise(SIGSEGV);
    if IS("null") *(volatile int *)0 = 1;
    if IS("illegal") __builtin_trap();
    if IS("float") raise(SIGFPE);
    if IS("bus") raise(SIGBUS);
    if IS("stack") exit(deeper(0));
    if IS("alarm") { alarm(1); forever(); }
    if IS("terminate") raise(SIGTERM);
    if IS("interrupt") { raise(SIGINT); forever(); }
    if IS("kill") raise(SIGKILL);
    if IS("kill-group") kill(0, SIGKILL);
    if IS("cpu-limit") { limit(RLIMIT_CPU, 1); spin(NULL); }
    if IS("exit") exit(0);
    if IS("exit-3") exit(3);
    if IS("quick-exit") _exit(0);
    if IS("exec") execlp("true", "true", (char *)NULL);
    if IS("exec-json") execlp("echo", "echo", "{\"answer\": {}}", (char *)NULL);
    /* It goes on, and leaves something behind. */
    if IS("daemon") started(1);
    if IS("many-forks") for (int i = 0; i < 50; i++) started(0);
    if IS("start-a-program") { pid_t process = fork(); if (process == 0) execlp("sleep", "sleep", "1000", (char *)NULL); note(process); }
    if IS("orphan") { pid_t process = fork(); if (process == 0) { started(0); _exit(0); } waitpid(process, NULL, 0); }
    if IS("wait-for-all") while (waitpid(-1, NULL, WNOHANG) > 0) ;
    if IS("thread") pthread_create(&thread, NULL, spin, NULL);
    if IS("at-exit") atexit(forever);
    if IS("print") { printf("{\"answer\": {}}\n"); fflush(stdout); }
    if IS("print-error") for (int i = 0; i < 100000; i++) fprintf(stderr, "a driver that complains without end, line %d\n", i);
    if IS("read") while (getchar() != EOF) ;
    if IS("write-everywhere") write_everywhere();
    if IS("close-standard") { close(0); close(1); close(2); }
    if IS("close-all") for (int i = 0; i < 1024; i++) close(i);
    if IS("no-descriptors") { limit(RLIMIT_NOFILE, 0); }
    if IS("no-files") { limit(RLIMIT_FSIZE, 0); }
    if IS("no-memory") { limit(RLIMIT_AS, 1); while (malloc(1 << 16)) ; while (malloc(16)) ; }
    if IS("no-processes") limit(RLIMIT_NPROC, 0);
    if IS("chdir") { if (chdir("/")) exit(9); }
    if IS("umask") umask(0777);
    if IS("signals") for (int i = 1; i < 32; i++) signal(i, SIG_IGN);
    if IS("handlers") for (int i = 1; i < 32; i++) signal(i, ignore_signal);
    if IS("environment") clearenv();
    if IS("locale") { setenv("LC_ALL", "C", 1); setlocale(LC_ALL, ""); }
    if IS("rounding") fesetround(FE_TOWARDZERO);
    if IS("session") setsid();
    if IS("group") setpgid(0, 0);
    if IS("slow") { struct timespec second = {1, 0}; nanosleep(&second, NULL); }
}
