/* Stand-ins for the libraries of CUDA's toolkit and of ROCm, and for the Level Zero loader.
 *
 * Compiled with -DNVRTC, -DRUNTIME, -DHIP or -DZE, and -DVERSION=12040 for what the library says of
 * itself. The variables STANDIN_NVRTC_FAULT, STANDIN_RUNTIME_FAULT, STANDIN_HIP_FAULT,
 * STANDIN_ZE_FAULT and STANDIN_LOG are as in driver.c.
 */
#if defined(NVRTC)
#define LIBRARY "nvrtc"
#define FAULT "STANDIN_NVRTC_FAULT"
#elif defined(RUNTIME)
#define LIBRARY "runtime"
#define FAULT "STANDIN_RUNTIME_FAULT"
#elif defined(ZE)
#define LIBRARY "ze"
#define FAULT "STANDIN_ZE_FAULT"
#else
#define LIBRARY "hip"
#define FAULT "STANDIN_HIP_FAULT"
#endif

#include "standin.h"

#if defined(NVRTC)
int nvrtcVersion(int *major, int *minor) {
    BEGIN(nvrtcVersion);
    *major = VERSION / 1000;
    *minor = VERSION % 1000 / 10;
    return 0;
}
#elif defined(RUNTIME)
int cudaRuntimeGetVersion(int *version) {
    BEGIN(cudaRuntimeGetVersion);
    *version = VERSION;
    return 0;
}
#elif defined(ZE)
/* Like the real one, it tells versions only after it was initialized: of a layer, and its own. */
static size_t known;

int zeInit(unsigned flags) {
    BEGIN(zeInit);
    known = flags == 1 ? 2 : 0;
    return 0;
}

#ifndef WITHOUT_FUNCTION
struct component { char name[64]; unsigned api; int major, minor, patch; };

int zelLoaderGetVersions(size_t *count, struct component *components) {
    BEGIN(zelLoaderGetVersions);
    if (!components) { *count = known; return 0; }
    for (size_t i = 0; i < *count && i < known; i++) {
        int version = i ? VERSION : 10203;
        struct component one = {"", 0x1000c, version / 10000, version / 100 % 100, version % 100};
        strcpy(one.name, i ? "loader" : "tracing layer");
        components[i] = one;
    }
    return 0;
}
#endif
#elif !defined(WITHOUT_FUNCTION)
int hipRuntimeGetVersion(int *version) {
    BEGIN(hipRuntimeGetVersion);
    *version = VERSION;
    return 0;
}
#endif
