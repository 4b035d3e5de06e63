"""What runs on the user's machine: decides, and writes the wheel.

Nothing below imports anything but the standard library, ``pynvml`` and ``archspec`` aside, where a
condition asks what they tell. A self-contained sdist carries this folder.
"""
