/* Stand-ins for the libraries of CUDA's toolkit and of ROCm.
 *
 * Compiled with -DNVRTC, -DRUNTIME or -DHIP, and -DVERSION=12040 for what the library says of
 * itself. The variables STANDIN_NVRTC_FAULT, STANDIN_RUNTIME_FAULT, STANDIN_HIP_FAULT and
 * STANDIN_LOG are as in driver.c.
 */
#if defined(NVRTC)
#define LIBRARY "nvrtc"
#define FAULT "STANDIN_NVRTC_FAULT"
#elif defined(RUNTIME)
#define LIBRARY "runtime"
#define FAULT "STANDIN_RUNTIME_FAULT"
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
#elif !defined(WITHOUT_FUNCTION)
int hipRuntimeGetVersion(int *version) {
    BEGIN(hipRuntimeGetVersion);
    *version = VERSION;
    return 0;
}
#endif
