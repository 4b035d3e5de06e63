"""A page in headless Chromium, driven by its DevTools protocol over a pair of pipes."""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from typing import Any

import pytest

# What the browser says of itself where something is amiss.
COMPLAINTS = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")


class Browser:
    """One tab. ``requests`` are the addresses it asked for, ``messages`` what its console shows."""

    def __init__(self, commands: RawIOBase, events: RawIOBase) -> None:
        self._commands, self._events = commands, events
        self._buffer, self._last, self._session = b"", 0, ""
        self.requests: list[str] = []
        self.messages: list[Any] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol, and return its result."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._last:
                assert "result" in answer, answer
                return answer["result"]

    def _read(self) -> Any:
        while b"\0" not in self._buffer:
            more = self._events.read(65536)
            assert more, "the browser is gone"
            self._buffer += more
        text, _, self._buffer = self._buffer.partition(b"\0")
        event = json.loads(text)
        if event.get("method") == "Network.requestWillBeSent":
            self.requests.append(event["params"]["request"]["url"])
        elif event.get("method") in COMPLAINTS:
            self.messages.append(event["params"])
        return event

    def open(self, file: Path, *, width: int, dark: bool = False, scripts: bool = True) -> None:
        """Open a file in a window of ``width`` pixels, and wait until it is there."""
        self.requests, self.messages = [], []
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Page.navigate", url=file.as_uri())
        while self._read().get("method") != "Page.loadEventFired":
            pass

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str, text: str = "") -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text)

    def picture(self, file: Path) -> None:
        """Write what is to be seen as a PNG."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=False)["data"]
        file.write_bytes(base64.b64decode(data))


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start Chromium, with its profile in ``folder``; without one, the test is skipped."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs Chromium: on Debian `apt-get install chromium`")
    commands, to_browser = os.pipe()
    from_browser, events = os.pipe()
    # Chromium reads from descriptor 3, and writes to 4.
    options = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"),
        f"--user-data-dir={folder / 'profile'}",
    )
    command = f"exec {shlex.join([program, *options])} 3<&{commands} 4>&{events}"
    process = subprocess.Popen(
        ["bash", "-c", command],
        pass_fds=(commands, events),
        env={**os.environ, "HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(commands)
    os.close(events)
    try:
        with os.fdopen(to_browser, "wb", 0) as into, os.fdopen(from_browser, "rb", 0) as out:
            yield Browser(into, out)
    finally:
        process.terminate()
        process.wait(30)
