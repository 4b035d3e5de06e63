/* What can go wrong in a library on Windows, under the names of faults.h where it is the same. */
#include <direct.h>
#include <fcntl.h>
#include <io.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define IS(name) (!strcmp(what, name))

static void forever(void) { for (;;) Sleep(1000); }
static DWORD WINAPI spin(void *ignored) { for (;;) __asm__ volatile(""); return 0; }
static int deeper(volatile int depth) { volatile char room[4096]; room[0] = (char)depth; return deeper(depth + 1) + room[0]; }

/* Starts a program that stays for a while, with all that is open. */
static void started(DWORD flags) {
    char line[] = "C:\\windows\\system32\\ping.exe -n 100 127.0.0.1";
    STARTUPINFOA how = {.cb = sizeof how};
    PROCESS_INFORMATION process;
    if (!CreateProcessA(NULL, line, NULL, NULL, TRUE, flags, NULL, NULL, &how, &process)) exit(99);
    note(process.dwProcessId);
}

static void write_to_handle(void) {
    DWORD written;
    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), "{\"answer\": 5}\n", 14, &written, NULL);
}

static void misbehave(const char *what) {
    /* It does not come back. */
    if IS("hang") forever();
    if IS("spin") spin(NULL);
    if IS("spin-in-threads") { for (int i = 0; i < 4; i++) CreateThread(NULL, 0, spin, NULL, 0, NULL); forever(); }
    if IS("start-and-hang") { started(0); forever(); }
    /* It ends the process. */
    if IS("abort") abort();
    if IS("null") *(volatile int *)0 = 1;
    if IS("illegal") __builtin_trap();
    if IS("float") RaiseException(EXCEPTION_INT_DIVIDE_BY_ZERO, EXCEPTION_NONCONTINUABLE, 0, NULL);
    if IS("throw") RaiseException(0xE06D7363, EXCEPTION_NONCONTINUABLE, 0, NULL); /* as C++ does */
    if IS("stack") exit(deeper(0));
    if IS("terminate") TerminateProcess(GetCurrentProcess(), 7);
    if IS("fail-fast") TerminateProcess(GetCurrentProcess(), 0xC0000409);
    if IS("exit") exit(0);
    if IS("exit-3") exit(3);
    if IS("quick-exit") _exit(0);
    if IS("close-all") { for (int i = 0; i < 64; i++) if (_get_osfhandle(i) != -1) _close(i); }
    /* It goes on, and leaves something behind. */
    if IS("start-a-program") started(0);
    if IS("daemon") started(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
    if IS("thread") CreateThread(NULL, 0, spin, NULL, 0, NULL);
    if IS("at-exit") atexit(forever);
    if IS("print") { printf("{\"answer\": {}}\n"); fflush(stdout); }
    if IS("print-error") for (int i = 0; i < 2000; i++) fprintf(stderr, "a driver that complains without end, line %d\n", i);
    if IS("read") while (getchar() != EOF) ;
    if IS("write-to-handle") write_to_handle();
    if IS("close-standard") { _close(0); _close(1); _close(2); }
    if IS("console") AllocConsole();
    if IS("chdir") { if (_chdir("C:\\windows")) exit(9); }
    if IS("signals") { signal(SIGINT, SIG_IGN); signal(SIGTERM, SIG_IGN); signal(SIGABRT, SIG_IGN); }
    if IS("error-mode") SetErrorMode(0);
    if IS("slow") Sleep(1000);
}
