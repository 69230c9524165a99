"""A real headless Chromium, driven by the DevTools protocol over a pipe: no driver, no package.

:class:`Browser` starts one; :meth:`Browser.open` gives a :class:`Page` that has loaded a file.
https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import json
import os
import select
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE, until

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
"""The first of these that is there. Ubuntu's chromium is a snap, and sees no test's files."""
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--remote-debugging-pipe", "--autoplay-policy=no-user-gesture-required",
    "--disable-audio-output", "--no-first-run", "--disable-background-networking",
    "--disable-extensions", "--hide-scrollbars", "--force-color-profile=srgb",
)  # fmt: skip
"""No sandbox, because root may run the tests; audio goes to a sink that only keeps time."""


class Browser:
    """:param profile: a folder for what it keeps."""

    def __init__(self, profile: Path) -> None:
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if program is None:
            pytest.fail("no Chromium: apt install chromium", pytrace=False)
        down, self._down = os.pipe()
        self._up, up = os.pipe()
        # It reads commands from descriptor 3 and writes to 4, wherever ours are.
        onto = f'exec 8<&{down} 9>&{up} 3<&8 4>&9 8<&- 9>&-; exec "$@"'
        command = ["bash", "-c", onto, "bash", program, *FLAGS, f"--user-data-dir={profile}"]
        self._log = (profile.parent / "chromium.log").open("w")
        self._process = subprocess.Popen(
            [*command, "about:blank"], pass_fds=(down, up), stdin=subprocess.DEVNULL,
            stdout=self._log, stderr=self._log,
        )  # fmt: skip
        os.close(down)
        os.close(up)
        self._heard, self._count = b"", 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """One command, and its result; what happens meanwhile is kept in :attr:`events`."""
        self._count += 1
        said: dict[str, Any] = {"id": self._count, "method": method, "params": params}
        if session:
            said["sessionId"] = session
        os.write(self._down, json.dumps(said).encode() + b"\0")
        while True:
            message = self.receive()
            if message.get("id") == self._count:
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])
            self.events.append(message)

    def receive(self) -> dict[str, Any]:
        while b"\0" not in self._heard:
            ready, _, _ = select.select([self._up], [], [], PATIENCE)
            part = os.read(self._up, 1 << 20) if ready else b""
            assert part, f"Chromium says nothing:\n{Path(self._log.name).read_text()}"
            self._heard += part
        message, _, self._heard = self._heard.partition(b"\0")
        return dict(json.loads(message))

    def open(
        self, file: Path, width: int = 1200, *, dark: bool = False, before: str = ""
    ) -> "Page":
        """A page of its own; ``before`` runs in it before its own scripts."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        return Page(self, attached["sessionId"], file, width, dark, before)

    def close(self) -> None:
        self.call("Browser.close")
        self._process.wait(PATIENCE)
        os.close(self._down)
        os.close(self._up)
        self._log.close()


class Page:
    """A loaded file, ``width`` pixels wide, in dark or light colours."""

    def __init__(
        self, browser: Browser, session: str, file: Path, width: int, dark: bool, before: str
    ) -> None:
        self._browser, self._session, self.width = browser, session, width
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.addScriptToEvaluateOnNewDocument", source=before)
        self.call("Page.navigate", url=file.resolve().as_uri())
        self.until("document.readyState === 'complete' && location.protocol === 'file:'")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **params)

    def ask(self, expression: str) -> Any:
        """The value of an expression; of a promise what it comes to."""
        said = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                         awaitPromise=True, userGesture=True)  # fmt: skip
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def until(self, expression: str) -> None:
        """Waits until an expression holds."""
        until(lambda: bool(self.ask(f"Boolean({expression})")), lambda: expression)

    def point(self, selector: str, kind: str = "mouseMoved", part: float = 0.5) -> None:
        """The pointer over an element, ``part`` of its width from the left."""
        box = self.ask(
            f"(e => (e.scrollIntoView({{block: 'center'}}), e.getBoundingClientRect().toJSON()))"
            f"(document.querySelector({selector!r}))"
        )
        x, y = box["x"] + part * box["width"], box["y"] + box["height"] / 2
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def click(self, selector: str) -> None:
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.point(selector, kind)

    def key(self, key: str) -> None:
        text = {"Enter": "\r", " ": " "}.get(key, "")
        codes = {"Enter": 13, " ": 32, "Escape": 27, "Tab": 9, "End": 35, "Home": 36,
                 "ArrowLeft": 37, "ArrowRight": 39}  # fmt: skip
        for kind in ("keyDown", "keyUp"):
            said = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key.replace(" ", "Space"),
                      windowsVirtualKeyCode=codes.get(key, 0), **said)  # fmt: skip

    def complaints(self) -> list[str]:
        """Errors of scripts and of the content policy, and what it asked of other machines."""
        found = []
        for each in self._browser.events:
            if each.get("sessionId") != self._session:
                continue
            said = each["params"]
            match each["method"]:
                case "Runtime.exceptionThrown":
                    found.append(str(said["exceptionDetails"]))
                case "Runtime.consoleAPICalled" if said["type"] in ("error", "warning"):
                    found.append(str(said["args"]))
                case "Log.entryAdded" if said["entry"]["level"] in ("error", "warning"):
                    found.append(said["entry"]["text"])
                case "Network.requestWillBeSent":
                    if not said["request"]["url"].startswith(("file:", "data:", "about:")):
                        found.append(said["request"]["url"])
        return found

    def picture(self, path: Path) -> None:
        """A PNG of the whole page."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": self.width, "height": size["height"], "scale": 1}
        shot = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))
