// @ts-check
// Kørselsbilag on the tablet: claim a trip in one's own vehicle, and see what became of this year's. A dialog of its own.

import { Problem, call } from "../shared/api.js";
import { h, icon, tag } from "../shared/dom.js";
import { day, number } from "../shared/formats.js";
import { has, language, t } from "../shared/messages.js";
import { laterWords } from "./later_words.js";

/** @typedef {{id: string, day: string, start_address: string, end_address: string, distance_km: number, state: "claimed" | "approved" | "rejected", reason: string | null}} Claim */

const STYLE = new URL("./driving_log.css", import.meta.url).pathname;
const [DAYS_BACK, DAY_MS] = [31, 86400000];
const STATES = /** @type {const} */ ({ claimed: ["time", "warn"], approved: ["success", "ok"], rejected: ["warning", "danger"] });

/** Open it. Nothing is kept on the tablet: a claim needs the network, and can wait for it. */
export function openMileage() {
  if (!document.querySelector(`link[href="${STYLE}"]`)) document.head.append(h("link", { rel: "stylesheet", href: STYLE }));
  const body = h("div.driving-body", {}, h("p", { role: "status" }, has("mileage.loading") ? t("mileage.loading") : "…"));
  const close = h("button.button", { type: "button", "data-key": "mileage-close" }, icon("close"), t("common.close"));
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog.driving", { "aria-labelledby": "mileage-heading" },
    h("div.driving-head", {}, h("h2", { id: "mileage-heading" }, t("tablet.mileage")), close), body));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  void show(body, "");
}

/** @param {HTMLElement} body @param {string} said what became of the last claim */
async function show(body, said) {
  if (!(await laterWords())) return body.replaceChildren(h("p", { role: "alert" }, t("common.no_connection")));
  try {
    const { claims, today } = await call("GET", "/api/v1/me/mileage");
    const news = h("p.mileage-said", { role: "status" });
    body.replaceChildren(news, form(today, () => void show(body, t("mileage.sent"))), ...list(claims));
    // a status has to change to be read aloud
    requestAnimationFrame(() => (news.textContent = said));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    body.replaceChildren(h("p", { role: "alert" }, error.mayWorkLater ? t("mileage.needs_network") : error.words));
  }
}

/** @param {Claim[]} claims */
function list(claims) {
  if (!claims.length) return [];
  return [h("h3", {}, t("mileage.mine")), h("ul.mileage-claims", {}, claims.map((claim) =>
    h("li.card", {},
      h("div.mileage-line", {}, h("b", {}, day(claim.day, language())), tag(t(`mileage.state.${claim.state}`), ...STATES[claim.state])),
      h("span", {}, `${t("driving_log.way", { from: claim.start_address, to: claim.end_address })} · ${number(claim.distance_km, 1)}\u00a0km`),
      claim.state === "rejected" && claim.reason && h("span.muted", {}, claim.reason))))];
}

/** @param {string} today @param {() => void} done */
function form(today, done) {
  // a date field speaks the browser's language, so days are chosen from a list: a claim is written while it is fresh
  const noon_ms = Date.parse(`${today}T12:00:00Z`);
  const days = Array.from({ length: DAYS_BACK }, (_, back) => new Date(noon_ms - back * DAY_MS).toISOString().slice(0, 10));
  const vehicle = /** @type {HTMLSelectElement} */ (h("select.select", { id: "mileage-vehicle", name: "vehicle" },
    ["car", "cycle"].map((kind) => h("option", { value: kind }, t(`mileage.vehicle.${kind}`)))));
  const plate = field("reg_no", { maxlength: 12 });
  const wrong = h("p.field-error", { id: "mileage-wrong", role: "alert" });
  const made = /** @type {HTMLFormElement} */ (h("form.card.driving-car", { novalidate: true },
    h("h3", {}, t("mileage.new")),
    h("div.field", {}, h("label", { for: "mileage-day" }, t("mileage.day")),
      h("select.select", { id: "mileage-day", name: "day" }, days.map((one) => h("option", { value: one }, day(one, language()))))),
    h("div.field", {}, h("label", { for: "mileage-vehicle" }, t("mileage.vehicle")), vehicle),
    plate, field("purpose", { maxlength: 200 }), field("start_address", { maxlength: 120 }),
    h("div.field", {}, h("label", { for: "mileage-stops" }, t("mileage.stops")),
      h("textarea.input", { id: "mileage-stops", name: "stops", rows: 2, autocomplete: "off" })),
    field("end_address", { maxlength: 120 }), field("distance_km", { inputmode: "decimal", maxlength: 8 }),
    wrong, h("div.driving-acts", {}, h("button.button.button-main", { type: "submit" }, icon("check"), t("mileage.send")))));
  vehicle.addEventListener("change", () => (plate.hidden = vehicle.value !== "car"));
  const key = crypto.randomUUID();
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    for (const marked of made.querySelectorAll("[aria-invalid]")) marked.removeAttribute("aria-invalid");
    try {
      await call("POST", "/api/v1/me/mileage", { body: claimOf(made), key });
      done();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      complain(made, wrong, error);
    }
  });
  return made;
}

/** @param {string} name @param {Record<string, any>} properties */
function field(name, properties) {
  return h("div.field", {}, h("label", { for: `mileage-${name}` }, t(`mileage.${name}`)),
    h("input.input", { id: `mileage-${name}`, name, type: "text", autocomplete: "off", ...properties }));
}

/** @param {HTMLFormElement} form */
function claimOf(form) {
  const { stops, distance_km, reg_no, ...rest } = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
  const km = Number(distance_km.replace(/[.\s]/g, "").replace(",", "."));
  if (!(km > 0)) throw new Problem(422, "claim_incomplete", t("mileage.wrong.distance_km"), { facts: { field: "distance_km" } });
  return {
    ...rest, distance_km: km, reg_no: rest.vehicle === "car" ? reg_no : null,
    stops: stops.split("\n").map((one) => one.trim()).filter(Boolean),
  };
}

/** What is wrong, in the words of the form, and the field that it is about. @param {HTMLFormElement} form @param {HTMLElement} wrong @param {Problem} error */
function complain(form, wrong, error) {
  const name = error.code === "claim_incomplete" ? error.body.facts?.field : "";
  const known = has(`mileage.wrong.${name}`) ? t(`mileage.wrong.${name}`) : error.words;
  wrong.textContent = error.mayWorkLater ? t("mileage.needs_network") : known;
  const at = name ? form.elements.namedItem(name) : null;
  if (!(at instanceof HTMLElement)) return;
  at.setAttribute("aria-invalid", "true");
  at.setAttribute("aria-describedby", "mileage-wrong");
  at.focus();
}
