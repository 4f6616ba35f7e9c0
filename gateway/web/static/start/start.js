// @ts-check
// The running day of the demo: its clock, how fast it goes, and four numbers.

import { Problem, call } from "../shared/api.js";
import { byId, fill, h, icon } from "../shared/dom.js";
import { clock, day, hours, number } from "../shared/formats.js";
import { language, t } from "../shared/messages.js";
import { WorldClock } from "../shared/world.js";

const ASK_EVERY_MS = 2000;
const SPEEDS = [1, 10, 60, 300];

const world = new WorldClock();
/** The speed to go on with after a pause. */
let running = 60;
/** @type {any} */
let last = null;

async function ask() {
  try {
    take(await call("GET", "/api/v1/demo", { timeout_ms: 8000 }));
    byId("day-lost").hidden = true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    byId("day-lost").textContent = t("start.day_lost");
    byId("day-lost").hidden = false;
  }
}

/** @param {any} demo */
function take(demo) {
  last = demo;
  world.hear(demo.world);
  if (demo.world.speed > 0) running = demo.world.speed;
  const over = demo.progress_ratio >= 1;
  byId("day-heading").textContent = t(over ? "start.day_over" : demo.world.speed > 0 ? "start.day_runs" : "start.day_paused");
  /** @type {HTMLProgressElement} */ (byId("day-progress")).value = demo.progress_ratio;
  const n = demo.numbers;
  byId("number-visits").textContent = t("start.of", { done: number(n.visits_done), total: number(n.visits_total) });
  byId("number-doors").textContent = `${number(n.doors_opened)} / ${number(n.doors_refused)}`;
  byId("number-shifts").textContent = t("start.of", { done: number(n.shifts_begun), total: number(n.shifts_total) });
  byId("number-freed").textContent = n.freed_minutes === null ? t("start.freed_unknown") : hours(n.freed_minutes);
  controls(demo.world.speed, over);
  tick();
}

/** @param {number} speed @param {boolean} over */
function controls(speed, over) {
  // the demo may have been started at another speed than ours
  const offered = [...new Set([...SPEEDS, running])].sort((a, b) => a - b);
  fill(byId("day-speed"), [speed, over, running], () => [
    offered.map((times) => h("button.button", {
      type: "button", "data-key": `speed-${times}`, "aria-pressed": String(speed === times), disabled: over,
      onclick: () => setSpeed(times),
    }, t("start.speed_label", { n: number(times) }), h("span.visually-hidden", {}, t("start.speed_label_long", { n: number(times) })))),
    h("button.button", { type: "button", "data-key": "pause", disabled: over, onclick: () => setSpeed(speed > 0 ? 0 : running) },
      icon(speed > 0 ? "own-pause" : "own-play"), t(speed > 0 ? "start.pause" : "start.go_on")),
  ]);
}

/** @param {number} speed */
async function setSpeed(speed) {
  try {
    await call("POST", "/api/v1/demo/speed", { body: { speed } });
    await ask();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    byId("day-lost").textContent = error.words;
    byId("day-lost").hidden = false;
  }
}

function tick() {
  if (!last) return;
  const now_ms = Math.min(world.now_ms(), Math.max(Date.parse(last.to_at), Date.parse(last.world.at)));
  const date = day(now_ms, language());
  byId("day-clock").textContent = `${date[0].toLocaleUpperCase("da")}${date.slice(1)} ${clock(now_ms)}`;
}

setInterval(tick, 250);
setInterval(ask, ASK_EVERY_MS);
ask();
