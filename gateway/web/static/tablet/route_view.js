// @ts-check
// The middle of the page: the card of the visit that is on, and the rest of the route in order.

import { h, icon, tag } from "../shared/dom.js";
import { clock, number } from "../shared/formats.js";
import { has, t } from "../shared/messages.js";
import { asidesAhead } from "./day.js";

/** @typedef {import("./day.js").Stop} Stop */
/** @typedef {import("./day.js").Aside} Aside */

/**
 * @param {object} view
 * @param {import("./day.js").Day} view.day
 * @param {Stop | null} view.current
 * @param {number} view.now_ms world time
 * @param {Record<string, boolean>} view.ticks remembered tasks, `visit/index`
 * @param {(visit_id: string) => void} view.choose
 * @param {(key: string, done: boolean) => void} view.tick
 */
export function routeView({ day, current, now_ms, ticks, choose, tick }) {
  const stops = day.route?.stops ?? [];
  if (!stops.length) return h("p.empty", {}, t("tablet.no_route"));
  const done = stops.filter((/** @type {Stop} */ s) => s.state === "ended");
  const rest = stops.filter((/** @type {Stop} */ s) => s.state !== "ended" && s.visit_id !== current?.visit_id);
  const asides = asidesAhead(day);
  const first = asides.filter((one) => current && Date.parse(one.start_at) <= Date.parse(current.start_at));
  return [
    first.length > 0 && h("ul.route.before", {}, first.map(asideRow)),
    current ? nowCard(current, now_ms, ticks, tick) : h("p.empty", {}, t("tablet.no_more_visits")),
    rest.length > 0 && h("h2.list-heading", {}, t("tablet.rest_of_route", { n: rest.length })),
    restList(rest, asides.filter((one) => !first.includes(one)), choose),
    done.length > 0 && doneList(done),
  ];
}

/** The visits to come with the breaks and ways between them, by time. @param {Stop[]} rest @param {Aside[]} asides @param {(visit_id: string) => void} choose */
function restList(rest, asides, choose) {
  const rows = [
    ...rest.map((stop) => ({ at: stop.start_at, row: restRow(stop, choose) })),
    ...asides.map((one) => ({ at: one.start_at, row: asideRow(one) })),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return rows.length > 0 && h("ol.route", {}, rows.map(({ row }) => row));
}

const ASIDE_ICONS = { break: "own-pause", fetch: "car", bring: "car" };

/** A break, or the way to the car or back: nothing is pressed there. @param {Aside} one */
function asideRow(one) {
  const span = { from: clock(one.start_at), to: clock(one.end_at) };
  const words = span.from === span.to ? span.from : t("tablet.aside.span", span);
  return h(one.fits ? "li.aside" : "li.aside.aside-tight", {}, icon(one.fits ? ASIDE_ICONS[one.kind] : "warning"),
    h("span", {}, h("b", {}, t(`tablet.aside.${one.kind}`)), ` ${words}`,
      !one.fits && h("span.muted", {}, ` ${t("tablet.aside.no_room")}`)));
}

/** @param {Stop} stop @param {number} now_ms @param {Record<string, boolean>} ticks @param {(key: string, done: boolean) => void} tick */
function nowCard(stop, now_ms, ticks, tick) {
  return h(
    "section.now-card", { "aria-labelledby": "now-name", "data-visit": stop.visit_id },
    h("p.now-time", {}, h("span.now-span", {}, `${clock(stop.start_at)}–${clock(stop.end_at)}`),
      whenTag(stop, now_ms), h("span.tag", {}, stop.service_name), stopTags(stop)),
    h("h1.now-name", { id: "now-name" }, stop.citizen_name),
    h("p.now-address", {}, stop.address, stop.door ? ` · ${doorWords(stop)}` : ""),
    stop.state === "planned" && stop.door && Date.parse(stop.door.opens_from_at) > now_ms
      && h("p.note", {}, icon("time"), t("tablet.opens_from", { at: clock(stop.door.opens_from_at) })),
    stop.why && h("p.muted", {}, t("tablet.why", { why: stop.why })),
    stop.key_note && h("p.note", {}, icon("info"), stop.key_note),
    stop.door_note && h("p.note", {}, icon("info"), stop.door_note),
    stop.door?.battery_low && h("p.note.note-warn", {}, icon("warning"), t("tablet.battery_low")),
    stop.tasks.length > 0 && h("ul.tasks", { "aria-label": t("tablet.tasks") },
      stop.tasks.map((/** @type {string} */ words, /** @type {number} */ index) => taskRow(stop, words, index, ticks, tick))),
  );
}

/** A label that only repeats the address says less than that there is a lock. @param {Stop} stop */
function doorWords(stop) {
  return !stop.door.label || stop.address.startsWith(stop.door.label) ? t("tablet.with_lock") : stop.door.label;
}

/** @param {Stop} stop @param {number} now_ms */
function whenTag(stop, now_ms) {
  if (stop.state === "begun") return tag(t("tablet.begun_at", { at: clock(stop.begun_at) }), "success", "ok");
  const minutes = Math.round((Date.parse(stop.start_at) - now_ms) / 60000);
  if (minutes > 0 && minutes < 60) return tag(t("tablet.in_minutes", { n: minutes }), "time", "info");
  const late = Math.round((now_ms - Date.parse(stop.window_close_at)) / 60000);
  if (late > 0) return tag(t("tablet.after_window", { at: clock(stop.window_close_at) }), "warning", "warn");
  return null;
}

/** What a colleague must know at a glance. @param {Stop} stop */
function stopTags(stop) {
  return [
    stop.mode === "screen" && tag(t("tablet.screen"), "videocam", "screen"),
    stop.double && tag(t("tablet.two_carers"), "own-two-persons", "info"),
    stop.waiting && tag(t("tablet.not_sent_yet"), "own-cloud-off", "warn"),
  ];
}

/** @param {Stop} stop @param {string} words @param {number} index @param {Record<string, boolean>} ticks @param {(key: string, done: boolean) => void} tick */
function taskRow(stop, words, index, ticks, tick) {
  const key = `${stop.visit_id}/${index}`;
  const box = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", "data-key": key }));
  box.checked = Boolean(ticks[key]);
  box.addEventListener("change", () => tick(key, box.checked));
  return h("li", {}, h("label.task", {}, box, h("span", {}, words)));
}

/** @param {Stop} stop @param {(visit_id: string) => void} choose */
function restRow(stop, choose) {
  return h("li", {},
    stop.mode !== "screen" && h("p.leg", {}, icon(transportIcon(stop.transport)), t(legKey(stop.transport), {
      min: number(stop.travel_min), km: number(stop.travel_km, 1) })),
    h("button.stop", { type: "button", "data-key": `stop-${stop.visit_id}`, onclick: () => choose(stop.visit_id) },
      h("span.stop-time", {}, clock(stop.start_at)),
      h("span.stop-who", {}, h("span.stop-name", {}, stop.citizen_name), h("span.muted", {}, stop.address)),
      h("span.stop-tags", {}, stopTags(stop), stop.door && tag(t("tablet.lock"), "lock"),
        stop.key_note && tag(t("tablet.key"), "home"))));
}

/** @param {string} transport */
function transportIcon(transport) {
  return transport === "car" ? "car" : transport === "walk" ? "own-walk" : "own-bike";
}

/** @param {string} transport */
function legKey(transport) {
  return has(`tablet.leg.${transport}`) ? `tablet.leg.${transport}` : "tablet.leg.bike";
}

/** @param {Stop[]} done */
function doneList(done) {
  return h("details.done", {},
    h("summary", { "data-key": "done" }, icon("chevron-down"), t("tablet.done", { n: done.length })),
    h("ol.route", {}, done.map((stop) => h("li.stop.stop-done", {},
      h("span.stop-time", {}, clock(stop.begun_at ?? stop.start_at)),
      h("span.stop-who", {}, h("span.stop-name", {}, stop.citizen_name), h("span.muted", {}, stop.address)),
      h("span.stop-tags", {}, tag(outcomeWords(stop.outcome), stop.outcome === "done" ? "check" : "info"),
        stop.waiting && tag(t("tablet.not_sent_yet"), "own-cloud-off", "warn"))))));
}

/** @param {string | null} outcome */
export function outcomeWords(outcome) {
  const key = `tablet.outcome.${outcome}`;
  return has(key) ? t(key) : t("tablet.outcome.done");
}
