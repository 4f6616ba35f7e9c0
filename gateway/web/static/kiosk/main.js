// @ts-check
// The tablet on the citizen's table: it waits, rings, answers by itself where the citizen has agreed, and says what is next.

import { Problem, call as ask } from "../shared/api.js";
import { CitizenSide } from "../shared/call/citizen.js";
import { autoFace, face, ringFace } from "../shared/call/faces.js";
import { stayAwake } from "../shared/call/wake.js";
import { byId, h } from "../shared/dom.js";
import { clock, day } from "../shared/formats.js";
import { languageButton } from "../shared/language.js";
import { language, t } from "../shared/messages.js";
import { signIn } from "../shared/sign_in.js";
import { WorldClock } from "../shared/world.js";
import { Rest } from "./rest.js";

const ASK_EVERY_MS = 60_000;
const AFTER_CALL_MS = 60_000;
/** What may stand on the screen until somebody touches it; anything else gives way to the clock after a minute. */
const STAYS = ["ring", "auto", "answering", "call", "refused", "sign_in"];

const world = new WorldClock();
const rest = new Rest();
const phone = byId("place").dataset.phone ?? "";
const counter = h("p.face-count.tabular", { role: "timer", "aria-label": t("kiosk.seconds_left") });
const side = new CitizenSide({
  place: byId("place"), phone, idle: () => waiting(), gone: () => enrol(), ways: ["kiosk", "auto"], ringing: (room) => ring(room),
});
/** @type {any} */
let facts = null;
let counting = 0;
let shown_ms = performance.now();
let wasShown = "";

stayAwake();
languageButton(byId("language"), () => side.repaint());
setInterval(() => tick(), 1000);
setInterval(() => refresh(), ASK_EVERY_MS);
enter();

/** What is known here, and the line that rings. */
async function enter() {
  if (!(await refresh())) return;
  side.listen();
  side.shown = "";
  try {
    side.hear(await side.read());
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    waiting();
  }
}

/** @returns {Promise<boolean>} whether this tablet is enrolled, as far as we know */
async function refresh() {
  if (side.shown === "sign_in") return false;
  try {
    facts = await ask("GET", "/api/v1/kiosk");
    world.hear(facts.world);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401 || error.status === 403) {
      enrol();
      return false;
    }
  }
  if (side.shown === "waiting") side.repaint();
  return true;
}

function enrol() {
  side.stop();
  side.show("sign_in", () => {
    const place = h("div.sign-in-place", {});
    signIn(place, { roles: ["kiosk"], surface: () => "kiosk", done: async () => { side.shown = ""; await enter(); } });
    return h("section.sign-in.kiosk-sign-in", { "aria-labelledby": "enrol" },
      h("h1", { id: "enrol", tabindex: -1 }, t("kiosk.enrol")), h("p", {}, t("kiosk.enrol.text")), place);
  });
}

function waiting() {
  stopCounting();
  side.show("waiting", () => face({
    above: t("kiosk.clock", { at: now() }), heading: next(),
    middle: side.ringtone.ready ? null : h("button.button.kiosk-sound", { type: "button", onclick: async () => { await side.ringtone.sound(); side.repaint(); } }, t("kiosk.sound")),
    actions: [
      { words: t("call.call_me"), icon: "own-phone", act: () => side.callMe() },
      side.tryOut(() => facts?.ice, () => waiting()),
    ],
  }));
}

function now() {
  return world.heard ? clock(world.now_ms()) : "";
}

/** When the next screen visit is, and with whom. */
function next() {
  if (!facts?.next_at) return t("kiosk.nothing");
  const at = clock(facts.next_at);
  const name = facts.carer_first_name ?? t("call.carer");
  const lang = language();
  const today = day(world.now_ms(), lang) === day(facts.next_at, lang);
  return today ? t("kiosk.next_today", { at, name }) : t("kiosk.next_later", { at, name, day: day(facts.next_at, lang) });
}

/** @param {any} room */
async function ring(room) {
  rest.wake();
  side.ringtone.start();
  const name = room.carer_first_name;
  const answer = () => { stopCounting(); side.answer("answer"); };
  const not_now = () => { stopCounting(); side.notNow(); };
  const above = facts?.next_at ? t("kiosk.visit_at", { at: clock(facts.next_at) }) : undefined;
  side.show("ring", () => ringFace({ above, name, answer, not_now }));
  await refresh();
  const auto = facts?.auto_answer;
  if (!auto || side.shown !== "ring") return;
  count(auto.countdown_s);
  side.show("auto", () => autoFace({ above, name, from: hour(auto.from), to: hour(auto.to), counter, answer, not_now }));
}

/** `8` of `08:00`, `8.30` of `08:30`. @param {string} text */
function hour(text) {
  const [hours, minutes] = text.split(":");
  return minutes === "00" ? String(Number(hours)) : `${Number(hours)}.${minutes}`;
}

/** Ten, nine, … and then the call is answered. @param {number} seconds */
function count(seconds) {
  stopCounting();
  const until_ms = performance.now() + seconds * 1000;
  const show = () => {
    const left = Math.max(0, Math.ceil((until_ms - performance.now()) / 1000));
    if (counter.textContent !== String(left)) counter.textContent = String(left);
    if (side.shown !== "ring" && side.shown !== "auto") return stopCounting();
    if (left > 0) return;
    stopCounting();
    side.answer("auto");
  };
  show();
  counting = window.setInterval(show, 200);
}

function stopCounting() {
  clearInterval(counting);
  counting = 0;
}

function tick() {
  if (side.shown !== wasShown) {
    wasShown = side.shown;
    shown_ms = performance.now();
  }
  rest.allow(side.shown === "waiting");
  const above = document.querySelector(".face-above");
  if (side.shown === "waiting" && above && above.textContent !== t("kiosk.clock", { at: now() })) above.textContent = t("kiosk.clock", { at: now() });
  if (side.shown !== "waiting" && !STAYS.includes(side.shown) && performance.now() - shown_ms > AFTER_CALL_MS && side.room?.state !== "in_call") {
    refresh();
    waiting();
  }
}
