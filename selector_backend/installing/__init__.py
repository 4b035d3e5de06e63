"""What runs on the user's machine: reads what is asked for, decides, and writes the wheel.

Nothing here, in `model` and in `probes` imports anything but the standard library. The exceptions
are ``pynvml`` and ``archspec``, where a condition asks what they tell, and ``packaging``, where one
compares the version of something that is installed. A self-contained sdist carries all three.
"""
