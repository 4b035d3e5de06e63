"""Commands and variables in the syntax of the user's shell."""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

POSIX, CMD, POWERSHELL = "posix", "cmd", "powershell"

# Arguments that need no quotes. PowerShell splits `a,b`, and `-a.b`.
_PLAIN = {CMD: r"[\w@%+=:,./\\-]+", POWERSHELL: r"(?!-.*[.:])[\w%+=:./\\-]+"}
# The folder of the user's modules, which PowerShell adds to `PSModulePath`.
_OF_POWERSHELL = r"(?i)\\Documents\\(Windows)?PowerShell\\Modules"


def shell_at_hand(environ: Mapping[str, str] = os.environ, system: str = os.name) -> str:
    """Return the shell that the user types into: `POSIX`, `CMD` or `POWERSHELL`.

    On Windows, variables show it. Git's Bash sets `MSYSTEM`. Of the others, only cmd passes
    `PROMPT` on. cmd inside PowerShell counts as PowerShell, since most often it runs a batch file.
    """
    if system != "nt" or "MSYSTEM" in environ:
        return POSIX
    below_powershell = re.search(_OF_POWERSHELL, environ.get("PSModulePath", ""))
    return CMD if "PROMPT" in environ and not below_powershell else POWERSHELL


def quote(argument: str, shell: str = "") -> str:
    """Return an argument of a command in the syntax of ``shell``, by default the user's."""
    shell = shell or shell_at_hand()
    if shell == POSIX:
        import shlex

        return shlex.quote(argument)
    if re.fullmatch(_PLAIN[shell], argument):
        return argument
    if shell == POWERSHELL:  # to which all of these are quotes
        return "'{}'".format(re.sub("(['\u2018-\u201b])", r"\1\1", argument))
    # A backslash is doubled before a quote only.
    return '"{}"'.format(re.sub(r'(\\*)("|\Z)', lambda m: m[1] * 2 + (m[2] and '\\"'), argument))


def show_command(arguments: Sequence[str], shell: str = "") -> str:
    """Return a command in the syntax of ``shell``, by default the user's."""
    shell = shell or shell_at_hand()
    quoted = [quote(argument, shell) for argument in arguments]
    if shell == POWERSHELL and quoted[0].startswith("'"):
        quoted.insert(0, "&")
    return " ".join(quoted)


def show_variables(variables: Mapping[str, str], command: str = "", shell: str = "") -> str:
    """Return what sets variables in ``shell``, by default the user's, and then runs a command."""
    shell = shell or shell_at_hand()
    form, separator = {
        POSIX: ("{}={}", " "),
        CMD: ('set "{}={}"', " && "),
        POWERSHELL: ("$env:{} = '{}'", "; "),
    }[shell]
    settings = [form.format(name, value) for name, value in variables.items()]
    return separator.join([*settings, *filter(None, [command])])
