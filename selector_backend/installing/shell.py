"""Commands and variables as the shell at hand takes them."""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

POSIX, CMD, POWERSHELL = "posix", "cmd", "powershell"

# What needs no quotes. PowerShell splits `a,b`, and `-a.b`.
_PLAIN = {CMD: r"[\w@%+=:,./\\-]+", POWERSHELL: r"(?!-.*[.:])[\w%+=:./\\-]+"}
# The folder of a user's own modules, which PowerShell adds to a variable that every program has.
_OF_POWERSHELL = r"(?i)\\Documents\\(Windows)?PowerShell\\Modules"


def shell_at_hand(environ: Mapping[str, str] = os.environ, system: str = os.name) -> str:
    """Return the shell that takes what is shown: `POSIX`, `CMD` or `POWERSHELL`.

    Windows tells by variables alone. `MSYSTEM` is that of Git's Bash. Of the other two, only cmd
    hands `PROMPT` on. Below PowerShell, cmd is taken for it: most often, it runs a batch file.
    """
    if system != "nt" or "MSYSTEM" in environ:
        return POSIX
    below_powershell = re.search(_OF_POWERSHELL, environ.get("PSModulePath", ""))
    return CMD if "PROMPT" in environ and not below_powershell else POWERSHELL


def quote(word: str, shell: str = "") -> str:
    """Return a word of a command as ``shell`` takes it, the one at hand by default."""
    shell = shell or shell_at_hand()
    if shell == POSIX:
        import shlex

        return shlex.quote(word)
    if re.fullmatch(_PLAIN[shell], word):
        return word
    if shell == POWERSHELL:
        return "'{}'".format(re.sub("(['\u2018-\u201b])", r"\1\1", word))  # it takes all for quotes
    # Backslashes count only before a quote, and there each counts twice.
    return '"{}"'.format(re.sub(r'(\\*)("|\Z)', lambda m: m[1] * 2 + (m[2] and '\\"'), word))


def show_command(words: Sequence[str], shell: str = "") -> str:
    """Return a command as ``shell`` takes it, the one at hand by default."""
    shell = shell or shell_at_hand()
    quoted = [quote(word, shell) for word in words]
    if shell == POWERSHELL and quoted[0].startswith("'"):
        quoted.insert(0, "&")
    return " ".join(quoted)


def show_variables(variables: Mapping[str, str], command: str = "", shell: str = "") -> str:
    """Return how ``shell``, the one at hand by default, sets variables, and runs a command then."""
    shell = shell or shell_at_hand()
    form, separator = {
        POSIX: ("{}={}", " "),
        CMD: ('set "{}={}"', " && "),
        POWERSHELL: ("$env:{} = '{}'", "; "),
    }[shell]
    settings = [form.format(name, value) for name, value in variables.items()]
    return separator.join([*settings, *filter(None, [command])])
