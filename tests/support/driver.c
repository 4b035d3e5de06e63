/* Stand-ins for the NVIDIA driver's libraries, for machines without a GPU.
 *
 * Compiled with -DNVML as libnvidia-ml.so.1 and with -DCUDA as libcuda.so.1; -DWITHOUT_name leaves
 * the function `name` out. Environment variables say what the driver has to tell:
 *
 *   STANDIN_CUDA=12040              the newest CUDA that the driver runs
 *   STANDIN_LIBCUDA=12000           the same, as the CUDA driver library has it; not NVML
 *   STANDIN_DRIVER=550.54.14        the driver's version
 *   STANDIN_GPUS=8.6,6.1            a compute capability for each GPU; none if empty
 *   STANDIN_FIRST_GPU_LOST=1        the first GPU is lost, while the others work
 *   STANDIN_COUNT=10000             how many GPUs it says that there are, if not so many
 *   STANDIN_NVML_FAULT=nvmlInitWithFlags:hang
 *   STANDIN_CUDA_FAULT=cuInit:803   what goes wrong in which function: a name that faults.h knows,
 *                                   or the error code to return; with fork- before it, a process is
 *                                   forked first that stays, with all that is open; in `load`, as
 *                                   soon as the library is loaded
 *   STANDIN_LOG=FILE                a line for each process that loads a library, or is forked
 */
#ifdef NVML
#define LIBRARY "nvml"
#define FAULT "STANDIN_NVML_FAULT"
#else
#define LIBRARY "cuda"
#define FAULT "STANDIN_CUDA_FAULT"
#endif

#include "standin.h"

static int capability(unsigned index, int *major, int *minor) {
    const char *text = setting("STANDIN_GPUS", "8.6");
    if (getenv("STANDIN_COUNT") && index > 0) index = 0; /* all are of one kind */
    for (unsigned i = 0; i < index && text; i++) {
        text = strchr(text, ',');
        if (text) text++;
    }
    return text && sscanf(text, "%d.%d", major, minor) == 2;
}

static unsigned count(void) {
    int major, minor;
    if (getenv("STANDIN_COUNT")) return (unsigned)atoll(getenv("STANDIN_COUNT"));
    unsigned number = 0;
    while (capability(number, &major, &minor)) number++;
    return number;
}

#ifdef NVML

struct device { int major, minor; };
static struct device devices[64];

int nvmlInitWithFlags(unsigned flags) { (void)flags; BEGIN(nvmlInitWithFlags); return 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { (void)code; return "an error of the stand-in"; }

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    BEGIN(nvmlSystemGetDriverVersion);
    snprintf(version, length, "%s", setting("STANDIN_DRIVER", "550.54.14"));
    return 0;
}

#ifndef WITHOUT_nvmlSystemGetCudaDriverVersion_v2
int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    BEGIN(nvmlSystemGetCudaDriverVersion_v2);
    *version = atoi(setting("STANDIN_CUDA", "12040"));
    return 0;
}
#endif

#ifndef WITHOUT_nvmlSystemGetCudaDriverVersion
int nvmlSystemGetCudaDriverVersion(int *version) {
    BEGIN(nvmlSystemGetCudaDriverVersion);
    *version = atoi(setting("STANDIN_CUDA", "12040"));
    return 0;
}
#endif

int nvmlDeviceGetCount_v2(unsigned *number) {
    BEGIN(nvmlDeviceGetCount_v2);
    *number = count();
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct device **device) {
    BEGIN(nvmlDeviceGetHandleByIndex_v2);
    if (index == 0 && getenv("STANDIN_FIRST_GPU_LOST")) return 15;
    struct device *found = &devices[index % 64];
    if (!capability(index, &found->major, &found->minor)) return 2;
    *device = found;
    return 0;
}

int nvmlDeviceGetCudaComputeCapability(struct device *device, int *major, int *minor) {
    BEGIN(nvmlDeviceGetCudaComputeCapability);
    *major = device->major;
    *minor = device->minor;
    return 0;
}

#else

/* Like the real one, this library does not show what CUDA_VISIBLE_DEVICES hides. */
static unsigned visible(void) { return *setting("CUDA_VISIBLE_DEVICES", "0") ? count() : 0; }

int cuInit(unsigned flags) { (void)flags; BEGIN(cuInit); return visible() ? 0 : 100; }

#ifndef WITHOUT_cuDriverGetVersion
int cuDriverGetVersion(int *version) {
    BEGIN(cuDriverGetVersion);
    *version = atoi(setting("STANDIN_LIBCUDA", setting("STANDIN_CUDA", "12040")));
    return 0;
}
#endif

int cuDeviceGetCount(int *number) {
    BEGIN(cuDeviceGetCount);
    *number = (int)visible();
    return 0;
}

int cuDeviceGet(int *device, int index) { BEGIN(cuDeviceGet); *device = index; return 0; }

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    int major, minor;
    BEGIN(cuDeviceGetAttribute);
    if (device == 0 && getenv("STANDIN_FIRST_GPU_LOST")) return 101;
    if (!capability((unsigned)device, &major, &minor)) return 101;
    if (attribute != 75 && attribute != 76) return 1;
    *value = attribute == 75 ? major : minor;
    return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
    (void)context; (void)device;
    BEGIN(cuDevicePrimaryCtxRetain);
    return 0;
}

#endif
