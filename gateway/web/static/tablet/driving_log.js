// @ts-check
// Today's driving log on the tablet: times, kilometres planned and driven, and the car. A dialog of its own.

import { Problem, call } from "../shared/api.js";
import { h, icon, tag } from "../shared/dom.js";
import { clock, number } from "../shared/formats.js";
import { has, t } from "../shared/messages.js";
import { laterWords } from "./later_words.js";

/** @typedef {{purpose: string, from: string | null, to: string | null, planned_arrival_at: string | null, departed_at: string | null, arrived_at: string | null, planned_km: number | null, driven_km: number | null, private: boolean}} Leg */

const STYLE = new URL("./driving_log.css", import.meta.url).pathname;

/** The dialog's look is fetched with it, once. @returns {Promise<void>} */
function dressed() {
  if (document.querySelector(`link[href="${STYLE}"]`)) return Promise.resolve();
  const link = /** @type {HTMLLinkElement} */ (h("link", { rel: "stylesheet", href: STYLE }));
  const loaded = new Promise((resolve) => {
    link.addEventListener("load", () => resolve(undefined));
    link.addEventListener("error", () => resolve(undefined));
  });
  document.head.append(link);
  return loaded;
}

/** Open the log. It is fetched each time: nothing of it is kept on the tablet. */
export async function openDrivingLog() {
  await dressed();
  const body = h("div.driving-body", { role: "status" }, h("p", {}, has("driving_log.loading") ? t("driving_log.loading") : "…"));
  const close = h("button.button", { type: "button", "data-key": "driving-close" }, icon("close"), t("common.close"));
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog.driving", { "aria-labelledby": "driving-heading" },
    h("div.driving-head", {}, h("h2", { id: "driving-heading" }, t("tablet.driving")), close), body));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  void show(body);
}

/** @param {HTMLElement} body */
async function show(body) {
  if (!(await laterWords())) return body.replaceChildren(h("p", { role: "alert" }, t("common.no_connection")));
  try {
    const log = await call("GET", "/api/v1/me/driving-log");
    body.replaceChildren(...content(log, () => void show(body)));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    body.replaceChildren(h("p", {}, error.mayWorkLater ? t("driving_log.needs_network") : error.words));
  }
}

/** @param {any} log @param {() => void} again */
function content(log, again) {
  return [
    log.transport === "car" ? carPart(log, again) : null,
    log.legs.length ? h("ol.route", {}, log.legs.map(legRow)) : h("p", {}, t("driving_log.none")),
    h("p.note", {}, icon("info"), t(log.state === "open" ? "driving_log.closes" : "driving_log.closed")),
  ].filter((part) => part !== null);
}

/** @param {Leg} leg */
function legRow(leg) {
  const kilometres = [
    leg.planned_km !== null && t("driving_log.planned", { km: number(leg.planned_km, 1) }),
    leg.driven_km !== null && t("driving_log.driven", { km: number(leg.driven_km, 1) }),
  ].filter(Boolean).join(" · ");
  return h("li.stop.stop-done", {},
    h("span.stop-time", {}, leg.arrived_at ? clock(leg.arrived_at) : leg.planned_arrival_at ? clock(leg.planned_arrival_at) : "–"),
    h("span.stop-who", {}, h("span.stop-name", {}, way(leg)), h("span.muted", {}, kilometres)),
    h("span.stop-tags", {}, mark(leg)));
}

/** @param {Leg} leg */
function way(leg) {
  if (leg.private) return t("driving_log.private");
  if (leg.purpose === "missing") return t("driving_log.missing");
  if (leg.from && leg.to) return t("driving_log.way", { from: leg.from, to: leg.to });
  return leg.to ? t("driving_log.to", { to: leg.to }) : t("driving_log.other");
}

/** @param {Leg} leg */
function mark(leg) {
  if (leg.purpose === "missing") return tag(t("driving_log.missing"), "warning", "danger");
  if (leg.arrived_at && leg.departed_at) return tag(t("driving_log.at", { at: `${clock(leg.departed_at)}–${clock(leg.arrived_at)}` }), "check", "ok");
  if (leg.planned_arrival_at && !leg.arrived_at) return tag(t("driving_log.expected"), "time");
  return null;
}

/** The car: the one she has, or one to take with what its odometer shows. @param {any} log @param {() => void} again */
function carPart(log, again) {
  if (log.vehicle) {
    const { reg_no, odometer_km } = log.vehicle;
    return h("p.note", {}, icon("car"), odometer_km === null
      ? t("driving_log.car.have_new", { reg_no })
      : t("driving_log.car.have", { reg_no, km: number(odometer_km, 0) }));
  }
  if (!log.shift || log.state !== "open") return null;
  if (!log.vehicles.length) return h("p.note", {}, icon("car"), t("driving_log.car.none"));
  return chooser(log.vehicles, again);
}

/** @param {any[]} vehicles @param {() => void} again */
function chooser(vehicles, again) {
  const select = /** @type {HTMLSelectElement} */ (h("select.select", { id: "driving-car" }, vehicles.map((car) =>
    h("option", { value: car.id, disabled: car.taken_since_at !== null },
      car.taken_since_at ? t("driving_log.car.taken", { reg_no: car.reg_no }) : car.reg_no))));
  const odometer = /** @type {HTMLInputElement} */ (h("input.input", {
    id: "driving-odometer", type: "text", inputmode: "decimal", autocomplete: "off", "aria-describedby": "driving-wrong",
  }));
  const wrong = h("p.field-error", { id: "driving-wrong", role: "alert" });
  const confirm = h("button.button", { type: "button", hidden: true, onclick: () => void take(true) }, t("driving_log.car.confirm"));
  const form = h("form.card.driving-car", { novalidate: true },
    h("h3", {}, t("driving_log.car")),
    h("div.field", {}, h("label", { for: "driving-car" }, t("driving_log.car.choose")), select),
    h("div.field", {}, h("label", { for: "driving-odometer" }, t("driving_log.car.odometer")), odometer, wrong),
    h("div.driving-acts", {}, h("button.button.button-main", { type: "submit" }, icon("car"), t("driving_log.car.take")), confirm));
  form.addEventListener("submit", (event) => { event.preventDefault(); void take(false); });

  /** @param {boolean} confirmed */
  async function take(confirmed) {
    const written = odometer.value.replace(/[.\s]/g, "").replace(",", ".");
    const odometer_km = Number(written);
    confirm.hidden = true;
    if (!written || !Number.isFinite(odometer_km) || odometer_km < 0) return complain(t("driving_log.car.odometer_wrong"));
    try {
      await call("POST", "/api/v1/me/vehicle", { body: { vehicle_id: select.value, odometer_km, confirmed }, key: crypto.randomUUID() });
      again();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      confirm.hidden = error.code !== "odometer_far_above";
      complain(error.mayWorkLater ? t("driving_log.needs_network") : error.words);
    }
  }

  /** @param {string} words */
  function complain(words) {
    wrong.textContent = words;
    odometer.setAttribute("aria-invalid", "true");
    odometer.focus();
  }

  return form;
}
