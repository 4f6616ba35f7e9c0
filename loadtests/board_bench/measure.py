"""One session of a planner in Chromium: what the day weighs, when it is painted, what each act costs to its frame."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

from playwright.sync_api import Browser, BrowserContext, JSHandle, Page

from loadtests.board_bench.town import Town

#: runs before every script of the page: notes when the first bar is there, and every task that took over 50 ms
_WATCH = """
window.benchmark = { painted_ms: 0, long_ms: [] };
new MutationObserver((_, observer) => {
  if (!document.querySelector(".lane .bar")) return;
  observer.disconnect();
  requestAnimationFrame(() => { window.benchmark.painted_ms = performance.now(); });
}).observe(document, { childList: true, subtree: true });
new PerformanceObserver((list) => window.benchmark.long_ms.push(...list.getEntries().map((e) => e.duration)))
  .observe({ type: "longtask", buffered: true });
"""
#: frames while something moves, and the time from an act to the frame a person sees
_TOOLS = """() => ({
  async frames(move, steps) {
    const times = [];
    let last = performance.now();
    for (let i = 0; i < steps; i += 1) {
      move(i);
      const now = await new Promise(requestAnimationFrame);
      times.push(now - last);
      last = now;
    }
    return times.slice(2);
  },
  async acted(act) {
    const began = performance.now();
    act();
    await new Promise(requestAnimationFrame);
    await new Promise((seen) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = seen;
      channel.port2.postMessage(0);
    });
    return performance.now() - began;
  },
})"""
_SEARCH = "const f = document.getElementById('search');"
_TYPED = "f.dispatchEvent(new Event('input'));"
_EMPTY = "data:text/html,<div style='height:16000px'></div>"
_FRAMES, _ACTS = 150, 25
VIEWPORT = {"width": 1600, "height": 900}


@dataclass(slots=True)
class Found:
    """Everything measured. Times are milliseconds; lists hold one number per repetition."""

    answer_ms: list[float] = field(default_factory=list)
    unchanged_ms: list[float] = field(default_factory=list)
    raw_bytes: int = 0
    packed_bytes: int = 0
    page_bytes: int = 0
    first_paint_ms: float = 0.0
    painted_ms: float = 0.0
    nodes: dict[str, int] = field(default_factory=dict)
    frames: dict[str, list[float]] = field(default_factory=dict)
    acts: dict[str, list[float]] = field(default_factory=dict)
    long_tasks: int = 0


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, milliseconds."""
    return quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


def middle(values: Sequence[float]) -> float:
    """The median, milliseconds."""
    return median(values)


def measure(browser: Browser, town: Town) -> Found:
    """Sign in as a planner, load the day, and work with it."""
    found = Found()
    context = browser.new_context(locale="da-DK", timezone_id="Europe/Copenhagen", viewport=VIEWPORT)  # type: ignore[arg-type]
    empty = context.new_page()
    empty.goto(_EMPTY)
    found.frames["empty page"] = _frames(empty, "i => scrollTo(0, i * 37)")
    empty.close()
    context.add_init_script(_WATCH)
    page = context.new_page()
    signed = page.request.post(
        f"{town.url}/api/v1/session", data={"identity": "planner", "pin": "1234"}, headers={"X-Surface": "planner"}
    )
    if not signed.ok:
        raise RuntimeError(f"Expected a planner to sign in, got {signed.status}.")
    _answers(page, town, found)
    _load(context, page, town, found)
    _work(page, found)
    context.close()
    return found


def _answers(page: Page, town: Town, found: Found) -> None:
    headers = {"X-Surface": "planner", "Accept-Encoding": "gzip"}
    address, tag = f"{town.url}/api/v1/board?form=columns", ""
    for _ in range(12):
        began_s = time.perf_counter()
        answer = page.request.get(address, headers=headers)
        found.raw_bytes = len(answer.body())
        found.answer_ms.append((time.perf_counter() - began_s) * 1000)
        tag = answer.headers["etag"]
        began_s = time.perf_counter()
        unchanged = page.request.get(address, headers=headers | {"If-None-Match": tag})
        if unchanged.status == 304:
            found.unchanged_ms.append((time.perf_counter() - began_s) * 1000)


def _load(context: BrowserContext, page: Page, town: Town, found: Found) -> None:
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    sizes: dict[str, int] = {}
    paths: dict[str, str] = {}
    wire.on("Network.responseReceived", lambda e: paths.__setitem__(e["requestId"], e["response"]["url"]))
    wire.on("Network.loadingFinished", lambda e: sizes.__setitem__(e["requestId"], int(e["encodedDataLength"])))
    page.goto(f"{town.url}/planlaegger")
    page.locator(".lane .bar").first.wait_for()
    page.wait_for_function("window.benchmark.painted_ms > 0")
    page.wait_for_timeout(500)
    found.page_bytes = sum(sizes.values())
    found.packed_bytes = max(size for key, size in sizes.items() if "/api/v1/board?" in paths.get(key, ""))
    found.painted_ms = page.evaluate("window.benchmark.painted_ms")
    found.first_paint_ms = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
    found.nodes["after loading"] = _nodes(page)


def _work(page: Page, found: Found) -> None:
    lanes = "document.getElementById('lanes')"
    page.evaluate("window.benchmark.long_ms.length = 0")
    found.frames["scrolling the lanes"] = _frames(page, f"i => {{ {lanes}.scrollTop = i * 37; }}")
    found.long_tasks = page.evaluate("window.benchmark.long_ms.length")
    page.evaluate(f"{lanes}.scrollTop = 1e6")
    page.wait_for_timeout(200)
    found.nodes["at the last lane"] = _nodes(page)
    page.evaluate(f"{lanes}.scrollTop = 0")
    page.locator(".lane .bar.s-planned").first.focus()
    found.acts["an arrow key"] = _keys(page, "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowDown")
    found.acts["a letter of the search"] = _acts(page, f"i => {{ {_SEARCH} f.value = String(i % 10); {_TYPED} }}")
    page.evaluate(f"() => {{ {_SEARCH} f.value = ''; {_TYPED} }}")
    found.acts["an attention chip"] = _acts(page, "() => document.querySelector('[data-chip]').click()")
    if page.locator('[data-chip][aria-pressed="true"]').count():
        page.locator('[data-chip][aria-pressed="true"]').click()
    found.acts["closer and wider"] = _acts(page, "i => document.getElementById(i % 2 ? 'zoom-out' : 'zoom-in').click()")
    found.acts["a visit chosen"] = _acts(page, "i => document.querySelectorAll('.lane .bar.s-ended')[i % 5].click()")
    page.get_by_role("button", name="Hele dagen").click()
    page.wait_for_timeout(200)
    found.nodes["the whole day"] = _nodes(page)
    found.frames["scrolling, whole day"] = _frames(page, f"i => {{ {lanes}.scrollTop = i * 37; }}")
    page.evaluate(f"{lanes}.scrollTop = 0")
    found.frames["dragging a visit"] = _drag(page)
    page.locator("[data-view=map]").click()
    page.locator("#town-map .town-district").wait_for(state="attached")
    found.nodes["the map"] = _nodes(page)
    closer_wider = "i => document.getElementById(i % 2 ? 'town-wider' : 'town-closer').click()"
    found.frames["moving the map"] = _frames(page, closer_wider)


def _drag(page: Page) -> list[float]:
    """Frames while a bar is carried up and down; what the server says comes when it comes."""
    box = page.locator(".lane .bar.s-planned").first.bounding_box()
    if box is None:
        raise RuntimeError("Expected a planned visit to drag, got none.")
    page.mouse.move(box["x"] + 6, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 6, box["y"] + 40)
    times = _frames(
        page,
        f"""i => document.getElementById('grid').dispatchEvent(new PointerEvent('pointermove', {{
          pointerId: 1, bubbles: true, clientX: {box["x"] + 6}, clientY: {box["y"]} + (i * 9) % 360 }}))""",
    )
    page.keyboard.press("Escape")
    page.mouse.up()
    return times


def _tools(page: Page) -> JSHandle:
    return page.evaluate_handle(_TOOLS)


def _frames(page: Page, move: str) -> list[float]:
    times: list[float] = page.evaluate(f"tools => tools.frames({move}, {_FRAMES})", _tools(page))
    return times


def _acts(page: Page, act: str) -> list[float]:
    tools = _tools(page)
    return [page.evaluate(f"tools => tools.acted(() => ({act})({i}))", tools) for i in range(_ACTS)]


def _keys(page: Page, *keys: str) -> list[float]:
    """From the key to its frame, in the page: the way of the key into the browser is not the page's."""
    press = "key => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))"
    tools = _tools(page)
    return [
        page.evaluate(f"tools => tools.acted(() => ({press})('{keys[i % len(keys)]}'))", tools) for i in range(_ACTS)
    ]


def _nodes(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('*').length"))
