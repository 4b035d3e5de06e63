"""Wheel-variant providers written for a test, in the signatures that are in use."""

from __future__ import annotations

from pathlib import Path

HEAD = """\
class Config:
    def __init__(self, name, values):
        self.name, self.values, self.multi_value = name, values, False

CONFIGS = [Config("level", ["v3", "v2"]), Config("avx2", ["on"])]
"""
#: PEP 817's: a class with class methods, of which there need not be an instance.
CURRENT = """
class Plugin:
    namespace = "demo"
    is_aot_plugin = False

    def __init__(self, needed):
        pass

    @classmethod
    def get_all_configs(cls):
        return CONFIGS

    @classmethod
    def get_supported_configs(cls):
        return CONFIGS
"""
#: PEP 850's: nobody but the metadata that name it says of which namespace it is.
NAMELESS = """
class Plugin:
    @classmethod
    def get_supported_configs(cls):
        return CONFIGS
"""
#: The one of before PEP 817: an instance, which is told the properties of interest.
OLDER = """
class Plugin:
    namespace = "demo"
    dynamic = False

    def get_supported_configs(self, known_properties):
        return CONFIGS
"""
#: A module is an API endpoint, too.
MODULE = """
def get_supported_configs():
    return CONFIGS
"""


def plugin_source(code: str = CURRENT) -> str:
    """Return a module that is, or has in ``Plugin``, a provider's plugin."""
    log = 'import os\nif "STANDIN_LOG" in os.environ:\n    open(os.environ["STANDIN_LOG"], "a")'
    return f'{log}.write("plugin\\n")\n{HEAD}{code}'


def write_plugin(folder: Path, code: str = CURRENT) -> Path:
    """Write such a module, ``demo_provider``, into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "demo_provider.py").write_text(plugin_source(code), encoding="utf-8")
    return folder
