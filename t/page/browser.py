"""Debian's Chromium without a window, driven over a pipe by the Chrome DevTools Protocol: no port, no driver, no package."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage",
         "--disable-features=Translate,OptimizationHints,MediaRouter", "--hide-scrollbars", "--force-device-scale-factor=1", "--mute-audio")
STARTING = 60
ANSWERING = 120


class Failed(AssertionError):
    pass


class Browser:
    """One process for all tests. Each page is a context of its own, as a private window."""

    def __init__(self):
        self._directory = tempfile.mkdtemp(prefix="image-gateway-chromium-")
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()

        def as_three_and_four():
            # the numbers may be in use by the other end of a pipe
            reading, writing = os.dup(to_browser), os.dup(from_browser)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self._process = subprocess.Popen(["chromium", *FLAGS, f"--user-data-dir={self._directory}", "about:blank"],
                                         env={"PATH": os.environ["PATH"], "HOME": self._directory, "XDG_RUNTIME_DIR": self._directory},
                                         preexec_fn=as_three_and_four, pass_fds=(3, 4), start_new_session=True, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=open(Path(self._directory) / "log", "wb"))
        os.close(to_browser)
        os.close(from_browser)
        self._last, self._answers, self._listeners = 0, {}, {}
        self._arrived = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.call("Browser.getVersion", timeout=STARTING)

    def call(self, method, session=None, timeout=ANSWERING, **parameters):
        with self._arrived:
            self._last += 1
            number = self._last
        message = {"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data):]
        with self._arrived:
            if not self._arrived.wait_for(lambda: number in self._answers, timeout):
                raise Failed(f"Chromium did not answer {method} in {timeout} s")
            answer = self._answers.pop(number)
        if "error" in answer:
            raise Failed(f"{method}: {answer['error']}")
        return answer["result"]

    def listen(self, session, listener):
        self._listeners[session] = listener

    def _read(self):
        pending = b""
        while piece := os.read(self._in, 1 << 20):
            *messages, pending = (pending + piece).split(b"\0")
            for text in messages:
                message = json.loads(text)
                if "id" in message:
                    with self._arrived:
                        self._answers[message["id"]] = message
                        self._arrived.notify_all()
                elif listener := self._listeners.get(message.get("sessionId")):
                    listener(message["method"], message["params"])

    def open(self, url, dark=False, width=1280, height=900):
        return Page(self, url, dark, width, height)

    def close(self):
        try:
            self.call("Browser.close", timeout=5)
            self._process.wait(10)
        except (Failed, OSError, subprocess.TimeoutExpired):
            os.killpg(self._process.pid, 9)
            self._process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)


class Page:
    def __init__(self, browser, url, dark, width, height):
        self.browser = browser
        self.problems = []  # whatever the browser reports: errors, refusals of the policy
        self.requests = []
        self.context = browser.call("Target.createBrowserContext")["browserContextId"]
        self.target = browser.call("Target.createTarget", url="about:blank", browserContextId=self.context, width=width,
                                   height=height)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        browser.listen(self.session, self._note)
        for domain in ("Page", "Runtime", "Log", "Audits", "DOM", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.prefer(dark)
        self.go(url)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def prefer(self, dark, less_motion=False):
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if less_motion else "no-preference"}])

    def go(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def _note(self, method, parameters):
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            entry = parameters["entry"]
            # what the server refuses is written there, too
            if entry["source"] != "network":
                self.problems.append(f"{entry['source']}: {entry['text']}")
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "assert"):
            self.problems.append(json.dumps(parameters["args"]))
        elif method == "Audits.issueAdded":
            issue = parameters["issue"]
            if issue["code"] in ("ContentSecurityPolicyIssue", "MixedContentIssue", "CorsIssue"):
                self.problems.append(json.dumps(issue))
        elif method == "Page.javascriptDialogOpening":
            self.problems.append(f"a dialog: {parameters['message']}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])

    def run(self, script):
        """The value of an expression, awaited if it is a promise."""
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True,
                           allowUnsafeEvalBlockedByCSP=False)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise Failed(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    def wait(self, condition, timeout=30):
        """Waits until the expression is true, and returns its value."""
        end = time.monotonic() + timeout
        while True:
            value = self.run(condition)
            if value:
                return value
            if self.problems or time.monotonic() > end:
                raise Failed(f"waited for {condition}\n{self.text('body')[-3000:]}\n{self.problems}")
            time.sleep(0.05)

    def text(self, selector):
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def count(self, selector):
        """How many there are that one can see."""
        return self.run(f"[...document.querySelectorAll({json.dumps(selector)})].filter((each) => each.checkVisibility()).length")

    def fill(self, selector, text):
        """Types a text in place of what is there."""
        self.run(f"{{const one = document.querySelector({json.dumps(selector)}); one.focus(); one.select(); 0}}")
        if text:
            self.call("Input.insertText", text=text)
        else:
            self.press("Delete")

    def choose(self, selector, value):
        self.run(f"{{const one = document.querySelector({json.dumps(selector)}); one.value = {json.dumps(value)};"
                 "if (one.selectedIndex < 0) throw new Error('no such option'); one.dispatchEvent(new Event('input', {bubbles: true})); 0}")

    def place(self, selector, x=0.5, y=0.5):
        box = self.run(f"{{const one = document.querySelector({json.dumps(selector)}); one.scrollIntoView({{block: 'center'}});"
                       "const box = one.getBoundingClientRect(); [box.left, box.top, box.width, box.height]}")
        return {"x": box[0] + x * box[2], "y": box[1] + y * box[3]}

    def click(self, selector):
        place = self.place(selector)
        for type_ in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=type_, button="left", clickCount=1, **place)

    def drag(self, selector, start, end):
        """Moves the pointer from one place of an element to another, as parts of its width and height."""
        first, last = self.place(selector, *start), self.place(selector, *end)
        self.call("Input.dispatchMouseEvent", type="mousePressed", button="left", buttons=1, clickCount=1, **first)
        for step in range(1, 6):
            between = {axis: first[axis] + (last[axis] - first[axis]) * step / 5 for axis in first}
            self.call("Input.dispatchMouseEvent", type="mouseMoved", button="left", buttons=1, **between)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", button="left", **last)

    def press(self, key, modifiers=0):
        codes = {"Enter": 13, "Tab": 9, " ": 32, "Delete": 46, "ArrowRight": 39, "ArrowDown": 40}
        text = {"text": "\r"} if key == "Enter" else {"text": " "} if key == " " else {}
        for type_ in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=type_, key=key, code=key, windowsVirtualKeyCode=codes.get(key, 0), modifiers=modifiers,
                      **(text if type_ == "keyDown" else {}))

    def files(self, selector, *paths):
        """Chooses files in a file dialog."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def hand_over(self, event, selector, content: bytes, name="input.png", type_="image/png"):
        """A drop on an element, or a paste into it."""
        text = base64.b64encode(content).decode()
        made = ("new ClipboardEvent('paste', {bubbles: true, cancelable: true, clipboardData: data})" if event == "paste" else
                "new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: data})")
        self.run(f"{{const bytes = Uint8Array.from(atob('{text}'), (each) => each.charCodeAt(0)); const data = new DataTransfer();"
                 f"data.items.add(new File([bytes], '{name}', {{type: '{type_}'}}));"
                 f"document.querySelector({json.dumps(selector)}).dispatchEvent({made}); 0}}")

    def picture(self, path=None, full=False):
        """A screenshot, as PNG."""
        parameters = {}
        if full:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            parameters = {"captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png", **parameters)["data"])
        if path:
            Path(path).write_bytes(data)
        return data

    def close(self):
        try:
            self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)
        except Failed:
            pass  # it takes long on a busy machine; the browser's end takes it along
