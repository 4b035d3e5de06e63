"""Ends a child process on Windows, with all processes that it starts, by a job object.

https://learn.microsoft.com/windows/win32/procthread/job-objects
"""

from __future__ import annotations

import struct
import sys
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from typing import Callable

#: The creation flags of a process that waits for `hold`: CREATE_NO_WINDOW and CREATE_SUSPENDED.
FLAGS = 0x08000000 | 0x4
# `JOBOBJECT_EXTENDED_LIMIT_INFORMATION`: its size, by that of a pointer, and the offset and value
# of the flag JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE.
_EXTENDED_LIMITS, _SIZES = 9, {4: 112, 8: 144}
_AT_FLAGS, _KILL_ON_CLOSE = 16, 0x2000


def hold(process: subprocess.Popen[bytes]) -> Callable[[], object]:
    """Resume a process that was started with `FLAGS`; return the function that ends it.

    All processes that it starts end with it, or when this process ends. Raises ``OSError`` on other
    systems.
    """
    if sys.platform != "win32":
        raise OSError("this is not Windows")
    import ctypes

    kernel, native = ctypes.WinDLL("kernel32"), ctypes.WinDLL("ntdll")
    kernel.CreateJobObjectW.restype = ctypes.c_void_p
    job = ctypes.c_void_p(kernel.CreateJobObjectW(None, None))
    limits = ctypes.create_string_buffer(_SIZES[struct.calcsize("P")])
    struct.pack_into("=I", limits, _AT_FLAGS, _KILL_ON_CLOSE)
    kernel.SetInformationJobObject(job, _EXTENDED_LIMITS, limits, len(limits))
    handle = ctypes.c_void_p(int(process._handle))
    kernel.AssignProcessToJobObject(job, handle)
    native.NtResumeProcess(handle)
    return partial(_end, process, partial(kernel.CloseHandle, job))


def _end(process: subprocess.Popen[bytes], close_job: Callable[[], object]) -> None:
    close_job()
    process.kill()  # if it could not be put into the job
