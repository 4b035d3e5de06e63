/* Stand-ins for the libraries of CUDA's toolkit and of ROCm, and for the Level Zero loader.
 *
 * Compiled with -DNVRTC, -DRUNTIME, -DHIP or -DZE, and -DVERSION=12040 for what the library says of
 * itself. The variables STANDIN_NVRTC_FAULT, STANDIN_RUNTIME_FAULT, STANDIN_HIP_FAULT,
 * STANDIN_ZE_FAULT and STANDIN_LOG are as in driver.c. STANDIN_GFX=gfx1100,gfx90a has the GPUs of
 * the HIP runtime, which with -DBEFORE_HIP_6 tells them by its function of before.
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
    /* Like the real one, it does not show what this hides. */
    if (getenv("ZE_AFFINITY_MASK")) return 0x78000001;
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

/* Like the real one, it does not show what these hide, and lets one GPU pass for another. */
static const char *gpus(void) {
    const char *hidden[] = {"HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES",
                            "GPU_DEVICE_ORDINAL"};
    for (int i = 0; i < 4; i++)
        if (getenv(hidden[i])) return "";
    return getenv("HSA_OVERRIDE_GFX_VERSION") ? "gfx1030" : setting("STANDIN_GFX", "");
}

int hipGetDeviceCount(int *count) {
    BEGIN(hipGetDeviceCount);
    const char *text = gpus();
    *count = *text ? 1 : 0;
    for (; *text; text++) *count += *text == ',';
    return *count ? 0 : 100;
}

/* What begins here with the target is a part of a structure that has much else before it. */
static int properties(char *answer, int index, size_t target) {
    const char *text = gpus();
    while (index--) text = strchr(text, ',') + 1;
    memset(answer, 'x', target);
    size_t length = strcspn(text, ",");
    memcpy(answer + target, text, length);
    answer[target + length] = 0;
    return 0;
}

#ifdef BEFORE_HIP_6
int hipGetDeviceProperties(char *answer, int index) {
    BEGIN(hipGetDeviceProperties);
    return properties(answer, index, 396);
}
#else
int hipGetDevicePropertiesR0600(char *answer, int index) {
    BEGIN(hipGetDevicePropertiesR0600);
    return properties(answer, index, 1160);
}
#endif
#endif
