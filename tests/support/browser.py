"""A real browser for tests, and what no page may do in it.

    def test_shows_the_run(ui: Ui) -> None:
        ui.open(f"#/runs/{run_id}")
        expect(ui.page.get_by_role("heading", name="first try")).to_be_visible()

A test fails at its end when a page of it logged an error, threw one, broke the content security
policy, opened a dialog, or asked another origin for anything; what a test provokes, it tolerates.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)
from tests.support.server import ServerProcess

from runstream import Client

__all__ = ["OpenUi", "Theme", "Ui", "browser", "client", "find_browser", "open_ui", "page", "ui"]

Theme = Literal["light", "dark"]

VARIABLE = "RUNSTREAM_TEST_BROWSER"
# A folder with a build of the UI to show instead of the server's, while others build that.
OTHER_UI = os.environ.get("RUNSTREAM_TEST_UI")
COMMANDS = ("chromium", "chromium-browser", "google-chrome")
# Two noisy cores are shared by everything that runs beside.
TIMEOUT_MS = 60_000
SIZE = (1280, 800)
BLOCKED = {"csp", "net::err_blocked_by_csp"}
# Beside data that pages hold, what the browser asks of itself, e.g. for its viewer of PDF files.
QUIET_SCHEMES = {"data", "blob", "about", "chrome", "chrome-extension", "chrome-untrusted"}
ROOT = Path(__file__).resolve().parents[2]
BUILT_UI = ROOT / "server" / "runstream_server" / "web" / "index.html"


class Ui:
    """One page of the web UI, and what it did that no page may do.

    Args:
        context: The browser's context, which is this page's alone.
        server: The server whose UI it is.

    Attributes:
        page: Playwright's page.
        server: The server.
        defects: What the page did, in words.
    """

    def __init__(self, context: BrowserContext, server: ServerProcess) -> None:
        self.server = server
        self.context = context
        self.defects: list[str] = []
        self._tolerated: list[re.Pattern[str]] = []
        context.set_default_timeout(TIMEOUT_MS)
        context.on("request", self._requested)
        context.on("requestfailed", self._kept_from)
        context.on("console", self._logged)
        context.on("dialog", self._asked)
        context.on("weberror", lambda error: self.defects.append(f"uncaught: {error.error}"))
        if OTHER_UI:
            own = re.compile(rf"{re.escape(self.origin)}/((index.html|assets/[^?]*)?)([?#].*)?$")
            policy = server.get("/").headers.get("content-security-policy", "")
            context.route(own, lambda route: _answer_from(Path(OTHER_UI), own, policy, route))
        self.page: Page = context.new_page()

    @property
    def origin(self) -> str:
        return f"http://{self.server.http_address}"

    def open(self, address: str = "") -> Page:
        """Opens a place of the UI as a new page load, e.g. `#/runs/<id>`."""
        self.page.goto("about:blank")  # a mere change of the hash loads nothing
        self.page.goto(f"{self.origin}/{address}")
        return self.page

    def go(self, address: str) -> Page:
        """Goes to a place of the UI as a link does."""
        self.page.evaluate("hash => { location.hash = hash; }", address)
        return self.page

    def tolerate(self, pattern: str) -> None:
        """Lets the test provoke defects whose words a regular expression is found in."""
        self._tolerated.append(re.compile(pattern))

    def untolerated(self) -> list[str]:
        """Returns the defects so far that the test does not tolerate."""
        return [
            defect
            for defect in self.defects
            if not any(pattern.search(defect) for pattern in self._tolerated)
        ]

    def _requested(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in QUIET_SCHEMES or f"{parts.scheme}://{parts.netloc}" == self.origin:
            return
        self.defects.append(_foreign(request))

    def _kept_from(self, request: Request) -> None:
        # What the policy forbids is told as a request, but nothing was sent.
        if (request.failure or "").lower() in BLOCKED and _foreign(request) in self.defects:
            self.defects.remove(_foreign(request))

    def _logged(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            place = message.location.get("url", "")
            self.defects.append(f"console {message.type}: {message.text} ({place})")

    def _asked(self, dialog: Dialog) -> None:
        self.defects.append(f"dialog {dialog.type}: {dialog.message}")
        dialog.dismiss()


def _foreign(request: Request) -> str:
    return f"request to another origin: {request.method} {request.url}"


def _answer_from(folder: Path, addresses: re.Pattern[str], policy: str, route: Route) -> None:
    found = addresses.match(route.request.url)
    assert found
    headers = {"Content-Security-Policy": policy} if policy else {}
    route.fulfill(path=folder / (found[1] or "index.html"), headers=headers)


class OpenUi(Protocol):
    """Opens a browser window of its own (storage, theme, size) on the test's server."""

    def __call__(
        self,
        *,
        theme: Theme = "light",
        size: tuple[int, int] = SIZE,
        server: ServerProcess | None = None,
    ) -> Ui: ...


def find_browser() -> str:
    """Returns the command of the browser to test with.

    Raises:
        AssertionError: There is none.
    """
    named = os.environ.get(VARIABLE)
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, COMMANDS)), None)
    wanted = f"{VARIABLE}={named} is no command" if named else f"none of {', '.join(COMMANDS)}"
    assert found, (
        f"there is no browser to test with ({wanted}): install Chromium with `make browser`, or "
        f"set {VARIABLE} to the command of a Chromium or Chrome"
    )
    return found


# For a module, no longer: Playwright's event loop is in the way of tests that run one themselves.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a module."""
    assert OTHER_UI or BUILT_UI.exists(), (
        f"the web UI is not built ({BUILT_UI} is missing): run `make web`"
    )
    command = find_browser()
    # Chromium's own sandbox refuses to work for root, as in containers.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=command, args=arguments, timeout=TIMEOUT_MS
        )
        yield running
        running.close()


@pytest.fixture
def open_ui(browser: Browser, server: ServerProcess) -> Iterator[OpenUi]:
    """Opens windows that end with the test, which fails if one of them has a defect."""
    opened: list[Ui] = []

    def open_window(
        *,
        theme: Theme = "light",
        size: tuple[int, int] = SIZE,
        server: ServerProcess | None = None,
    ) -> Ui:
        context = browser.new_context(
            color_scheme=theme,
            viewport={"width": size[0], "height": size[1]},
            accept_downloads=True,
            locale="en-GB",
            timezone_id="UTC",
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        opened.append(Ui(context, server or own))
        return opened[-1]

    own = server
    try:
        yield open_window
    finally:
        for ui in opened:
            ui.context.close()
    defects = [defect for ui in opened for defect in ui.untolerated()]
    assert not defects, "the page has defects:\n" + "\n".join(defects)


@pytest.fixture
def ui(open_ui: OpenUi) -> Ui:
    """A window on a server of the test's own."""
    return open_ui()


@pytest.fixture
def page(ui: Ui) -> Page:
    """The page of `ui`, which shows the start of the UI."""
    return ui.open()


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Client]:
    """A client of the test's server."""
    with Client(f"grpc://{server.grpc_address}") as client:
        yield client
