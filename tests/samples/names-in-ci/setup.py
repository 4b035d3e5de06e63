import os

from setuptools import Extension, setup

cuda = os.environ.get("SPAM_CUDA", "")
macros = [("BUILT_FOR", f'"cu{cuda}"')] if cuda else []
native = Extension("spam._native", ["src/native.c"], define_macros=macros)
setup(packages=["spam"], package_dir={"": "src"}, ext_modules=[native])
