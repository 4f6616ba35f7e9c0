// @ts-check
// What a carer may be asked, and may ask: a visit on offer to several, and why a visit is hers.

import { call, Problem } from "../shared/api.js";
import { h, icon } from "../shared/dom.js";
import { clock } from "../shared/formats.js";
import { t } from "../shared/messages.js";
import { button } from "./bar.js";
import { laterWords } from "./later_words.js";

const LISTEN_EVERY_MS = 5_000;
const HEARD = ["visit.offered", "offer.settled"];

/** @typedef {{offer_id: string, street: string, service_name: string, window_open_at: string, window_close_at: string, duration_min: number, reason: string, ends_at: string}} Offer */

/** Offers stand above the route, the answer to "why" beneath the question. @param {any} tablet the application */
export async function asked(tablet) {
  if (!(await laterWords())) return;
  document.head.append(h("link", { rel: "stylesheet", href: new URL("asked.css", import.meta.url).pathname }));
  const place = h("section.banners.asked", { "aria-label": t("asked.label"), "aria-live": "polite" });
  place.hidden = true;
  document.getElementById("main")?.before(place);
  let said = "";
  let over = 0;
  /** @type {Set<string>} */
  let shown = new Set();

  const look = async () => {
    if (!tablet.session.person || tablet.locked) return paint([]);
    try {
      const { offers } = await call("GET", "/api/v1/me/offers");
      const gone = [...shown].some((id) => !offers.some((/** @type {Offer} */ one) => one.offer_id === id));
      if (gone && !said) said = t("asked.gone");
      shown = new Set(offers.map((/** @type {Offer} */ one) => one.offer_id));
      clearTimeout(over);
      const ends = offers.map((/** @type {Offer} */ one) => Date.parse(one.ends_at) - tablet.session.world.now_ms());
      if (ends.length) over = window.setTimeout(() => void look(), Math.max(1000, Math.min(...ends)));
      paint(offers);
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // without a network there is nothing to accept
      paint([]);
    }
  };

  /** @param {Offer} offer */
  const accept = async (offer) => {
    try {
      said = (await call("POST", `/api/v1/me/offers/${encodeURIComponent(offer.offer_id)}/acceptance`, { body: {}, key: crypto.randomUUID() })).text;
      shown.delete(offer.offer_id);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      said = error.words;
      shown.delete(offer.offer_id);
    }
    await look();
    tablet.refreshSoon();
  };

  /** @param {Offer[]} offers */
  const paint = (offers) => {
    place.hidden = !offers.length && !said;
    place.replaceChildren(
      ...(said ? [h("p.note", { role: "status" }, icon("info"), said,
        button(t("tablet.understood"), "check", () => { said = ""; paint(offers); }, { key: "asked-seen" }))] : []),
      ...offers.map((one) => h("div.offer", { "data-offer": one.offer_id },
        h("h2.question-heading", {}, t("asked.offer", { street: one.street })),
        h("p", {}, t("asked.facts", { service: one.service_name, n: one.duration_min, from: clock(one.window_open_at), to: clock(one.window_close_at), reason: one.reason })),
        button(t("asked.accept"), "check", () => void accept(one), { big: true, key: `offer-${one.offer_id}` }),
        h("p.muted", {}, t("asked.until", { at: clock(one.ends_at) })))),
    );
  };

  whyButton(tablet);
  /** @type {EventSource | null} */
  let heard = null;
  // The line is made anew after every sign-in and every loss: what was missed meanwhile is asked for once.
  const listen = () => {
    const source = /** @type {EventSource | null} */ (tablet.live.source);
    if (source === heard) return;
    heard = source;
    for (const name of HEARD) source?.addEventListener(name, () => void look());
    void look();
  };
  setInterval(listen, LISTEN_EVERY_MS);
  listen();
}

/** The question stands right after the card of the visit, whichever it is. @param {any} tablet */
function whyButton(tablet) {
  const main = document.getElementById("main");
  const ask = button(t("asked.why_me"), "info", () => void why(tablet.stop?.visit_id, ask), { key: "why" });
  const put = () => {
    const card = main?.querySelector(".now-card");
    if (card && tablet.stop && ask.parentElement !== card) card.append(ask);
  };
  if (main) new MutationObserver(put).observe(main, { childList: true, subtree: true });
  put();
}

/** @param {string | undefined} visit_id @param {HTMLElement} ask the question, a button */
async function why(visit_id, ask) {
  if (!visit_id) return;
  let lines;
  try {
    lines = (await call("GET", `/api/v1/me/visits/${encodeURIComponent(visit_id)}/why`)).sentences;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    lines = [error.mayWorkLater ? t("asked.why_network") : error.words];
  }
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog.why", { "aria-labelledby": "why-heading" },
    h("h2.question-heading", { id: "why-heading" }, t("asked.why")),
    h("ul", {}, lines.map((/** @type {string} */ line) => h("li", {}, line))),
    button(t("tablet.understood"), "check", () => dialog.close(), { key: "why-seen" })));
  dialog.addEventListener("close", () => { dialog.remove(); ask.focus(); });
  document.body.append(dialog);
  dialog.showModal();
}
