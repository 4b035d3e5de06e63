/* The python.exe of a virtual environment, as CPython's own: it starts the interpreter of the
 * folder that pyvenv.cfg calls home, with its own arguments, and tells it who started it. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

int wmain(void) {
    WCHAR self[4096], file[4096], line[4096], program[4096] = L"";
    GetModuleFileNameW(NULL, self, 4096);
    wcscpy(file, self);
    *wcsrchr(file, L'\\') = 0;
    wcscpy(wcsrchr(file, L'\\'), L"\\pyvenv.cfg");
    FILE *config = _wfopen(file, L"r, ccs=UTF-8");
    while (config && fgetws(line, 4096, config))
        if (swscanf(line, L"home = %4000l[^\r\n]", program) == 1) break;
    if (!*program) return 101;
    wcscat(program, L"\\python.exe");
    SetEnvironmentVariableW(L"__PYVENV_LAUNCHER__", self);
    STARTUPINFOW how = {.cb = sizeof how};
    PROCESS_INFORMATION process;
    GetStartupInfoW(&how);
    if (!CreateProcessW(program, GetCommandLineW(), NULL, NULL, TRUE, 0, NULL, NULL, &how, &process))
        return 102;
    DWORD status = 103;
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &status);
    return (int)status;
}
