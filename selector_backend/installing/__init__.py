"""What runs on the user's machine: reads the request, decides, and writes the wheel.

This package, `model` and `probes` import only the standard library, and for some conditions
``pynvml``, ``archspec`` or ``packaging``. A self-contained sdist carries those that it needs.
"""
