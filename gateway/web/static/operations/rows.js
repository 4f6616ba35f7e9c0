// @ts-check
/** Rows and items of the Drift page. Every state is a word with a drawing; colour only repeats it. */

import { h, tag } from "../shared/dom.js";
import { clock, day, number } from "../shared/formats.js";
import { has, language, t } from "../shared/messages.js";

/** The word of a code; a code without words shows itself. @param {string} prefix @param {string} code */
export function word(prefix, code) {
  const key = `${prefix}.${code}`;
  return has(key) ? t(key) : code;
}

/** @param {string} at */
function when(at) {
  return h("time.nowrap", { datetime: at }, `${day(at, language())} ${clock(at, true)}`);
}

/** @param {{name: string, state: string, detail: string}} part */
export function partItem(part) {
  const fine = part.state === "ok";
  return h("li.part", {}, h("b", {}, word("operations.part", part.name)),
    tag(word("operations.part.state", part.state), fine ? "success" : "error", fine ? "ok" : "danger"),
    part.detail && h("p", {}, part.detail));
}

/** @param {Record<string, number>} queues */
export function queueItems(queues) {
  return Object.entries(queues).map(([name, count]) => {
    const [kind, who] = name.split(":");
    const label = who ? t("operations.queue.behind", { who: word("operations.consumer", who) }) : word("operations.queue", kind);
    const unit = kind.endsWith("_s") ? "\u00a0s" : "";
    return h("div", {}, h("dt", {}, label), h("dd.tabular", {}, `${number(count)}${unit}`));
  });
}

/** @type {Record<string, [string, string]>} */
const JOB_LOOK = {
  waiting: ["hourglass", "info"], running: ["sync", "info"], done: ["success", "ok"],
  failed: ["error", "danger"], cancelled: ["close", ""],
};

/** @param {any} job @param {(id: string) => void} stop */
export function jobRow(job, stop) {
  const [picture, kind] = JOB_LOOK[job.state] ?? ["info", ""];
  const open = job.state === "waiting" || job.state === "running";
  const name = word("operations.jobkind", job.kind);
  return h("tr", {},
    h("th", { scope: "row" }, name, job.day && h("span.sub", {}, day(job.day, language()))),
    h("td", {}, tag(word("operations.job", job.state), picture, kind), job.error_code && h("span.sub", {}, job.error_code)),
    h("td", {}, h("progress", { max: 1, value: job.progress_ratio, "aria-label": t("operations.progress.of", { name }) }),
      h("span.sub.tabular", {}, `${number(job.progress_ratio * 100)}\u00a0%`)),
    h("td", {}, when(job.requested_at)),
    h("td", {}, open && h("button.button.button-small", { type: "button", onclick: () => stop(job.id), "data-key": `stop-${job.id}` }, t("operations.stop"))));
}

/** @type {Record<string, [string, string]>} */
const QUARANTINE_LOOK = { open: ["warning", "warn"], replayed: ["success", "ok"], dismissed: ["minus", ""] };

/** @param {any} item @param {(id: number) => void} replay @param {(id: number) => void} look */
export function quarantineRow(item, replay, look) {
  const [picture, kind] = QUARANTINE_LOOK[item.state] ?? ["info", ""];
  return h("tr", {},
    h("th", { scope: "row" }, when(item.received_at)),
    h("td.reason", {}, item.reason_text),
    h("td", {}, word("operations.kind", item.kind), h("span.sub", {}, item.name, ` · ${number(item.size_bytes)}\u00a0byte`),
      item.times > 1 && h("span.sub", {}, t("operations.times", { n: number(item.times) }))),
    h("td.code", {}, item.expected || "–"),
    h("td.code", {}, item.found || "–"),
    h("td", {}, tag(word("operations.quarantine", item.state), picture, kind),
      item.corrected_at && h("span.sub", {}, t("operations.corrected"))),
    h("td.acts", {}, h("button.button.button-small", {
      type: "button", onclick: () => look(item.id), "data-key": `look-${item.id}`,
      "aria-label": t("operations.look.of", { id: item.id }),
    }, t("operations.look")), item.state === "open" && h("button.button.button-small", {
      type: "button", onclick: () => replay(item.id), "data-key": `replay-${item.id}`,
      "aria-label": t("operations.replay.of", { id: item.id }),
    }, t("operations.replay"))));
}

/** @param {any} device */
export function deviceRow(device) {
  const low = device.battery_level === "low" || device.battery_level === "empty" || device.battery_level === "critical";
  const battery = device.battery_mv === null || device.battery_mv === undefined
    ? t("operations.battery.unknown")
    : `${number(device.battery_mv / 1000, 2)}\u00a0V`;
  return h("tr", {},
    h("th.code", { scope: "row" }, device.device_id, h("span.sub", {}, word("operations.kind", device.kind))),
    h("td", {}, device.unit_name || "–"),
    h("td", {}, tag(t(device.online ? "operations.online" : "operations.offline"), device.online ? "success" : "own-cloud-off", device.online ? "ok" : "warn"),
      h("span.sub", {}, device.last_seen_at ? when(device.last_seen_at) : t("operations.never_seen"))),
    h("td", {}, low ? tag(`${word("operations.battery", device.battery_level)} · ${battery}`, "warning", "warn") : h("span.tabular", {}, battery)),
    h("td.code", {}, device.firmware || "–"),
    h("td", {}, word("operations.device", device.state)));
}

/** @param {Record<string, any>} counts @param {string} prefix */
export function countList(counts, prefix) {
  const known = Object.entries(counts).filter(([, count]) => typeof count === "number" && count > 0);
  if (!known.length) return h("li", {}, t("operations.count.none"));
  return known.sort((a, b) => b[1] - a[1]).map(([key, count]) =>
    h("li", {}, h("b.tabular", {}, number(count)), ` ${word(prefix, key)}`));
}
