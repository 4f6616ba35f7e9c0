// @ts-check
/** Drift: fetches each list, keeps it fresh, and stops jobs. */

import { call, Problem } from "../shared/api.js";
import { byId, fill, h, tag } from "../shared/dom.js";
import { clock } from "../shared/formats.js";
import { t } from "../shared/messages.js";
import { WorldClock } from "../shared/world.js";
import { begin, isPagedOn, loadQuarantine } from "./quarantine.js";
import { countList, deviceRow, jobRow, partItem, queueItems } from "./rows.js";

const FRESH_MS = 10_000;
const SOON_MS = 800;
const world = new WorldClock();
/** @type {Map<string, number>} */
const timers = new Map();
const showsJobs = document.getElementById("job-rows") !== null;

/** @type {{devices: any[]}} */
const pages = { devices: [] };
/** @type {Record<string, string | number | null>} */
const next = { devices: null };

/** @param {() => Promise<void>} work */
async function guarded(work) {
  try {
    await work();
    byId("page-error").hidden = true;
  } catch (error) {
    const line = byId("page-error");
    line.textContent = error instanceof Problem ? error.words : t("common.unknown_error");
    line.hidden = false;
  }
}

async function loadParts() {
  const answer = await call("GET", "/api/v1/operations/parts");
  fill(byId("part-list"), answer.parts, () => answer.parts.map(partItem));
  fill(byId("queue-list"), answer.queues, () => queueItems(answer.queues));
}

async function loadJobs() {
  if (!showsJobs) return;
  const { jobs } = await call("GET", "/api/v1/jobs");
  const none = () => h("tr", {}, h("td", { colspan: 5 }, t("operations.jobs.none")));
  fill(byId("job-rows"), jobs, () => (jobs.length ? jobs.map((/** @type {any} */ job) => jobRow(job, stopJob)) : none()));
}

/** @param {string} id */
function stopJob(id) {
  void guarded(async () => {
    await call("POST", `/api/v1/jobs/${id}/cancel`);
    await loadJobs();
  });
}

/** @param {boolean} more */
async function loadDevices(more = false) {
  const kind = /** @type {HTMLSelectElement} */ (byId("device-kind")).value;
  const query = new URLSearchParams();
  if (kind) query.set("kind", kind);
  if (more && next.devices !== null) query.set("cursor", String(next.devices));
  const answer = await call("GET", `/api/v1/operations/devices?${query}`);
  pages.devices = more ? [...pages.devices, ...answer.items] : answer.items;
  next.devices = answer.next;
  byId("device-more").hidden = next.devices === null;
  fill(byId("device-counts"), answer.counts, () => countList(answer.counts, "operations.count"));
  const none = () => h("tr", {}, h("td", { colspan: 6 }, t("operations.devices.none")));
  fill(byId("device-rows"), pages.devices, () => (pages.devices.length ? pages.devices.map(deviceRow) : none()));
}

/** Many events, one fetch. @param {string} name @param {() => Promise<void>} load */
function soon(name, load) {
  if (timers.has(name)) return;
  timers.set(name, window.setTimeout(() => {
    timers.delete(name);
    void guarded(load);
  }, SOON_MS));
}

/** Lists somebody has paged through stay as they are until the page is asked again. */
const freshQuarantine = async () => {
  if (!isPagedOn()) await loadQuarantine();
};
const freshDevices = async () => {
  if (pages.devices.length <= 50) await loadDevices();
};

function listen() {
  const source = new EventSource("/api/v1/stream?surface=operations");
  const live = byId("live");
  source.addEventListener("open", () => {
    live.replaceWith(Object.assign(tag(t("operations.live"), "success", "ok"), { id: "live" }));
  });
  source.addEventListener("error", () => {
    byId("live").replaceWith(Object.assign(tag(t("operations.live.lost"), "own-cloud-off", "warn"), { id: "live" }));
    if (source.readyState === EventSource.CLOSED) window.setTimeout(listen, 3000);
  });
  /** @param {string} type @param {(data: any) => void} take */
  const on = (type, take) => source.addEventListener(type, (event) => take(JSON.parse(/** @type {MessageEvent} */ (event).data || "{}")));
  on("hello", (data) => data.world && world.hear(data.world));
  on("world", (data) => world.hear(data));
  on("message.quarantined", () => soon("quarantine", freshQuarantine));
  on("device.seen", () => soon("devices", freshDevices));
  on("job.changed", () => soon("jobs", loadJobs));
}

begin(guarded);
byId("device-more").addEventListener("click", () => void guarded(() => loadDevices(true)));
byId("device-kind").addEventListener("change", () => void guarded(() => loadDevices()));

void guarded(async () => {
  await Promise.all([loadParts(), loadJobs(), loadQuarantine(), loadDevices()]);
});
window.setInterval(() => {
  soon("parts", loadParts);
  soon("quarantine", freshQuarantine);
  soon("jobs", loadJobs);
}, FRESH_MS);
window.setInterval(() => {
  byId("world-clock").textContent = clock(world.now_ms());
}, 1000);
listen();
