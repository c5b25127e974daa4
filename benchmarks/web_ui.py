"""How fast the pages of the web UI are, in a real browser."""

import contextlib
import gzip
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks.report import Figure, median_of
from benchmarks.serving import BenchServer, serving_folder
from benchmarks.web_data import LIVE_KEYS, copy_runs, fill_sweep, fill_thousand, make_seed_runs
from runstream import Client, MetricPoint

__all__ = ["web_ui"]

REPEATS = 5
RUNS = 100_000
SEED_RUNS = 2_000
UPDATES = 40
FIRST_ROWS = 400
BUILT = Path(__file__).resolve().parents[1] / "server" / "runstream_server" / "web"

CANVASES = "[...document.querySelectorAll('canvas[data-key]')]"
FIRST_CHART = f"{CANVASES}.some(c => +c.dataset.points > 0)"
SHELL = "document.querySelector('main h1') !== null"
ROWS = "document.querySelectorAll('.runs-line').length >= 10"

OBSERVE = """
window.longTasks = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) window.longTasks.push(entry.duration);
}).observe({ entryTypes: ['longtask'] });
window.reached = new Promise(done => {
  const look = () => {
    let there = false;
    try { there = CONDITION; } catch { /* the page is not there yet */ }
    if (there) done(performance.now()); else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
"""
SCROLL = """([selector, pixels]) => new Promise(done => {
  const box = document.querySelector(selector);
  const frames = [];
  let last = performance.now();
  const next = () => {
    const now = performance.now();
    frames.push(now - last);
    last = now;
    box.scrollTop += pixels;
    if (frames.length < 200) requestAnimationFrame(next); else done(frames);
  };
  requestAnimationFrame(next);
})"""


def web_ui() -> list[Figure]:
    """Measures the pages against one server, each opened anew several times."""
    data_dir = Path(tempfile.mkdtemp(prefix="runstream-bench-", dir=Path.cwd()))
    try:
        with serving_folder(data_dir) as server:
            grid = make_seed_runs(server, SEED_RUNS)
            thousand, sweep = fill_thousand(server), fill_sweep(server)
            server.wait_until_sealed(600)
        copy_runs(data_dir, grid, RUNS)
        with serving_folder(data_dir) as server, _browser() as browser:
            return [
                *_openings(browser, server, thousand, sweep, grid),
                *_live(browser, server),
                _bundle(),
            ]
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


@contextlib.contextmanager
def _browser() -> Iterator[Browser]:
    command = shutil.which("chromium") or shutil.which("google-chrome")
    if command is None:
        raise RuntimeError("there is no browser: install Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=command, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def _openings(
    browser: Browser, server: BenchServer, thousand: str, sweep: list[str], grid: str
) -> list[Figure]:
    """Measures from navigation to what is asked for, with an empty cache."""
    drawn = "(l => l.length >= 50 && l.every(c => +c.dataset.points >= 200_000))"
    shell = _opened(browser, server, "#/", SHELL)[0]
    chart, chart_task = _opened(browser, server, f"#/runs/{thousand}/charts", FIRST_CHART)
    panels, panels_task = _opened(
        browser,
        server,
        f"#/compare?runs={','.join(sweep)}&show=charts",
        f"{drawn}({CANVASES})",
        (1600, 4400),
    )
    table, table_task = _opened(browser, server, f"#/experiments/{grid}", ROWS)
    reference = "the list of experiments"
    return [
        Figure("first chart, 1 000 x 100 000 points and 10 M", chart, "ms", shell, reference,
               f"longest task {chart_task:.0f} ms"),
        Figure("50 panels x 20 runs drawn", panels, "ms", shell, reference,
               f"longest task {panels_task:.0f} ms"),
        Figure(f"first rows of {RUNS:,} runs".replace(",", " "), table, "ms", shell, reference,
               f"longest task {table_task:.0f} ms"),
        *_scrolling(browser, server, thousand, grid),
    ]  # fmt: skip


def _opened(
    browser: Browser,
    server: BenchServer,
    route: str,
    condition: str,
    size: tuple[int, int] = (1440, 900),
) -> tuple[float, float]:
    """Returns the median time in ms until a condition holds, and the longest task in ms."""
    times: list[float] = []
    longest = 0.0
    for _ in range(REPEATS):
        with _page(browser, size, condition) as page:
            page.goto(f"http://{server.http_address}/{route}", wait_until="commit")
            times.append(page.evaluate("window.reached"))
            page.wait_for_timeout(300)
            longest = max(longest, _longest_task(page))
    return median_of(times), longest


@contextlib.contextmanager
def _page(browser: Browser, size: tuple[int, int], condition: str = "false") -> Iterator[Page]:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.add_init_script(OBSERVE.replace("CONDITION", condition))
    try:
        yield page
    finally:
        context.close()


def _longest_task(page: Page) -> float:
    tasks: list[float] = page.evaluate("window.longTasks.splice(0)")
    return max(tasks, default=0.0)


def _scrolling(browser: Browser, server: BenchServer, thousand: str, grid: str) -> list[Figure]:
    figures: list[Figure] = []
    for name, route, condition, box in (
        ("1 000 panels", f"#/runs/{thousand}/charts", FIRST_CHART, "main"),
        (f"{RUNS:,} runs".replace(",", " "), f"#/experiments/{grid}", ROWS, ".runs-table"),
    ):
        with _page(browser, (1440, 900), condition) as page:
            page.goto(f"http://{server.http_address}/{route}", wait_until="commit")
            page.evaluate("window.reached")
            page.wait_for_timeout(1500)
            _longest_task(page)
            frames = sorted(page.evaluate(SCROLL, [box, 200]))
            detail = f"95 % within {frames[len(frames) * 95 // 100]:.0f} ms, "
            detail += f"longest task {_longest_task(page):.0f} ms"
            figures.append(Figure(f"a frame, scrolling {name}", median_of(frames), "ms", 16.7,
                                  "60 frames/s", detail))  # fmt: skip
    return figures


def _live(browser: Browser, server: BenchServer) -> list[Figure]:
    """Measures 50 panels in sight, all of which grow by a point at once."""
    client = Client(server.uri)
    run_id = client.create_run(name="live").run_id
    _log(client, run_id, range(FIRST_ROWS))
    grown = f"(l => l.length >= 50 && l.every(c => +c.dataset.points >= {FIRST_ROWS}))({CANVASES})"
    with client, _page(browser, (1600, 4400), grown) as page:
        page.goto(f"http://{server.http_address}/#/runs/{run_id}/charts", wait_until="commit")
        page.evaluate("window.reached")
        page.wait_for_timeout(2000)
        _longest_task(page)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        script_ms = _script_times(devtools, page, client, run_id)
        longest = _longest_task(page)
        delay_ms = _delays(page, client, run_id)
    return [
        Figure("script an update of 50 panels", median_of(script_ms), "ms", None, "",
               f"slowest {max(script_ms):.0f} ms, longest task {longest:.0f} ms"),
        Figure("log to pixel, 50 panels", median_of(delay_ms), "ms", None, "",
               f"slowest {max(delay_ms):.0f} ms"),
    ]  # fmt: skip


def _log(client: Client, run_id: str, steps: range) -> None:
    points = [
        MetricPoint(key=key, step=step, value=(step * 7 + number) % 17 / 3)
        for step in steps
        for number, key in enumerate(LIVE_KEYS)
    ]
    client.log_metrics(run_id, points)


def _script_times(devtools: CDPSession, page: Page, client: Client, run_id: str) -> list[float]:
    times: list[float] = []
    before = _script_s(devtools)
    for step in range(FIRST_ROWS, FIRST_ROWS + UPDATES):
        _log(client, run_id, range(step, step + 1))
        page.wait_for_timeout(250)
        after = _script_s(devtools)
        times.append((after - before) * 1000)
        before = after
    return times


def _script_s(devtools: CDPSession) -> float:
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "ScriptDuration")


def _delays(page: Page, client: Client, run_id: str) -> list[float]:
    times: list[float] = []
    for step in range(FIRST_ROWS + UPDATES, FIRST_ROWS + 2 * UPDATES):
        began = time.perf_counter()
        _log(client, run_id, range(step, step + 1))
        page.wait_for_function(
            f"n => {CANVASES}.every(c => +c.dataset.points >= n)", arg=step + 1, polling="raf"
        )
        times.append((time.perf_counter() - began) * 1000)
        page.wait_for_timeout(50)
    return times


def _bundle() -> Figure:
    """Weighs all scripts and styles, those that are loaded when needed included."""
    files = [*BUILT.rglob("*.js"), *BUILT.rglob("*.css"), *BUILT.rglob("*.html")]
    size = sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)
    return Figure("the whole web UI, gzip", size / 1024, "KB")
