// @ts-check
// Draws the tablet: head, banners, middle, bottom bar. Each region is filled only when its content has changed.

import { byId, fill, h, icon, replace, tag } from "../shared/dom.js";
import { clock } from "../shared/formats.js";
import { keypad } from "../shared/keypad.js";
import { language, t } from "../shared/messages.js";
import { signIn } from "../shared/sign_in.js";
import { banners } from "./banners.js";
import { button, callButton, restingBar } from "./bar.js";
import { mainAction } from "./day.js";
import { waiting } from "./door_machine.js";
import { panelOf, panelWords } from "./door_panel.js";
import { canHoldKeys } from "./holder_key.js";
import { menu } from "./menu.js";
import { checkPin } from "./pin.js";
import { ask } from "./questions.js";
import { routeView } from "./route_view.js";

const ACTIONS = /** @type {Record<string, [string, string]>} */ ({
  abort: ["door.abort", "close"], retry: ["door.retry", "own-lock-open"], new_grant: ["door.new_grant", "refresh"],
  seen_open: ["door.seen_open", "own-lock-open"], seen_locked: ["door.seen_locked", "lock"],
  begin: ["tablet.begin_visit", "own-play"], tasks: ["door.tasks", "check"], back: ["tablet.back", "arrow-back"],
});

export class Screen {
  /** @param {any} tablet the application; its state is read here and changed only by its methods */
  constructor(tablet) {
    this.tablet = tablet;
    this.main = byId("main");
    this.bar = byId("bar");
    this.banners = byId("banners");
    this.menuButton = byId("menu-button");
    this.menuPlace = byId("menu");
    this.mode = "";
    this.language = "";
    this.menuButton.addEventListener("click", () => this.#toggleMenu());
    this.emergencyButton = byId("emergency-button");
    // the dialog comes when it is asked for: it needs the network anyway
    this.emergencyButton.addEventListener("click", () => void import("./emergency.js").then((it) => it.openEmergency(this.tablet)));
    addEventListener("keydown", (event) => { if (event.key === "Escape") this.closeMenu(true); });
  }

  render() {
    const { session, locked } = this.tablet;
    const mode = !session.person ? "sign_in" : locked ? "locked" : "day";
    const changed = mode !== this.mode;
    this.mode = mode;
    document.body.dataset.mode = mode;
    this.#head();
    this.#menu();
    if (mode === "day") {
      this.#day();
      return;
    }
    fill(this.banners, mode, () => null);
    fill(this.bar, mode, () => null);
    this.bar.hidden = true;
    document.title = t(mode === "locked" ? "tablet.locked" : "tablet.sign_in");
    if (!changed && this.language === language()) return;
    this.language = language();
    if (mode === "locked") this.#lockScreen();
    else this.#signIn();
  }

  /** Only the number moves each second; nothing else of the panel is touched. */
  seconds() {
    const timer = document.getElementById("door-seconds");
    if (timer) timer.textContent = `${waiting(this.tablet.door.door, performance.now()).seconds}\u00a0s`;
    this.#bar();
  }

  focusBar() {
    /** @type {HTMLElement | null} */ (this.bar.querySelector("button"))?.focus({ preventScroll: true });
  }

  /** @param {boolean} [keepFocus] */
  closeMenu(keepFocus = false) {
    if (this.menuPlace.hidden) return;
    this.menuPlace.hidden = true;
    this.menuButton.setAttribute("aria-expanded", "false");
    if (keepFocus) this.menuButton.focus();
  }

  #toggleMenu() {
    if (!this.menuPlace.hidden) return this.closeMenu(true);
    this.menuPlace.hidden = false;
    this.menuButton.setAttribute("aria-expanded", "true");
    this.#menu();
    /** @type {HTMLElement | null} */ (this.menuPlace.querySelector("button"))?.focus();
  }

  #menu() {
    if (this.menuPlace.hidden) return;
    const signedIn = this.mode === "day";
    fill(this.menuPlace, [language(), signedIn, localStorage.getItem("theme")], () =>
      menu({ signedIn, changed: () => this.tablet.render(), signOut: () => this.tablet.signOut() }));
  }

  #head() {
    const { session } = this.tablet;
    const day = session.day;
    byId("clock").textContent = session.world.heard ? clock(session.world.now_ms()) : "Omsorgstid";
    this.menuButton.setAttribute("aria-label", t("tablet.menu"));
    this.emergencyButton.hidden = this.mode !== "day" || day?.shift?.state !== "begun";
    fill(this.emergencyButton, language(), () => [icon("warning"), h("span", {}, t("tablet.emergency"))]);
    const shift = this.mode === "day" ? day?.shift : null;
    const first = (day?.carer?.name ?? "").split(" ")[0];
    byId("shift").textContent = shift
      ? `${t("tablet.shift", { from: clock(shift.planned_start_at), to: clock(shift.planned_end_at) })} · ${first}`
      : this.mode === "day" ? first : "";
    const { words, kind, picture } = this.#sendState();
    const chip = byId("chip");
    fill(chip, [words], () => tag(words, picture, kind));
    chip.hidden = this.mode === "sign_in" && !this.tablet.outbox.facts.length;
  }

  #sendState() {
    const { outbox, session } = this.tablet;
    const n = outbox.waiting.length;
    if (session.offline_since_ms !== null) {
      return { words: n ? t("tablet.chip_offline_waiting", { n }) : t("tablet.chip_offline"), kind: "warn", picture: "own-cloud-off" };
    }
    if (n) return { words: t("tablet.chip_sending", { n }), kind: "info", picture: "sync" };
    return { words: t("tablet.chip_sent"), kind: "ok", picture: "success" };
  }

  #day() {
    const { tablet } = this;
    const { session, outbox } = tablet;
    const { day, stop } = tablet;
    const bannerFacts = {
      day, waiting: outbox.waiting.length, refused: outbox.refused, offline_since_ms: session.offline_since_ms,
      stale_ms: session.stale_ms, key_place: session.key_place, notice: tablet.notice,
      doors_until_ms: tablet.door.near_url ? tablet.keeper.until_ms : 0,
    };
    const changes = [day?.route?.version, day?.route?.acknowledged_version, day?.route?.changes];
    fill(this.banners, [language(), { ...bannerFacts, day: changes }], () => banners({
      ...bannerFacts,
      act: {
        acknowledge: () => tablet.acknowledge(),
        dismiss: (fact) => outbox.dismiss(fact),
        close_notice: () => { tablet.notice = null; tablet.render(); },
      },
    }));
    if (tablet.visiting) {
      this.bar.hidden = false;
      if (tablet.visiting.draw(this.main, this.bar, day?.phone ?? null)) return;
    }
    const minute = Math.floor(session.world.now_ms() / 60000);
    if (!day) fill(this.main, [language(), "loading"], () => h("p.empty", { role: "status" }, t("tablet.loading")));
    else if (!day.shift) fill(this.main, [language(), "no shift"], () => h("p.empty", {}, t("tablet.no_shift")));
    else {
      const house = tablet.residence?.shown ?? null;
      const on_shift = day.shift.state === "begun";
      fill(this.main, [language(), "day", day.route?.stops, stop?.visit_id, minute, day.shift.state, session.ticks, house], () => [
        on_shift && house && tablet.residence.questions(house),
        house?.unit ? tablet.residence.residents(house, on_shift) : !day.route && !house ? h("p.empty", {}, t("tablet.loading")) : routeView({
          day, current: stop, now_ms: session.world.now_ms(), ticks: session.ticks,
          choose: (visit_id) => { tablet.chosen = visit_id; tablet.render(); scrollTo({ top: 0 }); },
          tick: (key, done) => session.tick(key, done),
        })]);
    }
    if (!tablet.visiting) this.#bar();
  }

  #bar() {
    if (this.mode !== "day" || this.tablet.visiting) return;
    const { tablet } = this;
    const { day, stop, asking, busy } = tablet;
    const door = tablet.door.door;
    const phone = day?.phone ?? null;
    this.bar.hidden = false;
    if (door.state !== "ready") return this.#doorBar(door, stop, phone);
    const in_house = Boolean(tablet.residence?.shown?.unit);
    document.title = t(in_house ? "transfer.title" : "tablet.title");
    if (asking) {
      const facts = [language(), asking, busy, tablet.outbox.waiting.length, stop?.visit_id, stop?.state, tablet.outcome, tablet.session.key_place, tablet.keeper.by_code];
      fill(this.bar, facts, () => ask(asking, {
        day, stop, outcome: tablet.outcome, waiting: tablet.outbox.waiting.length, busy, can_hold_keys: canHoldKeys(), in_house,
        by_code: tablet.keeper.by_code, has_keys: tablet.session.key_place === "here",
      }, {
        back: () => tablet.ask(null),
        start: (place) => tablet.shift("start", place),
        end: (place) => tablet.shift("end", place),
        outcome: (outcome, note) => tablet.endVisit(outcome, note),
        note: (outcome) => { tablet.outcome = outcome; tablet.ask("ask_note"); },
        more: (what) => tablet.act(what),
      }));
      return;
    }
    const action = mainAction(day, stop);
    fill(this.bar, [language(), action, stop?.visit_id, stop?.address, phone], () =>
      restingBar({ action, stop, phone, act: (what) => tablet.act(what) }));
  }

  /** @param {import("./door_machine.js").Door} door @param {any} stop @param {string | null} phone */
  #doorBar(door, stop, phone) {
    const begun = stop?.visit_id === door.visit_id && stop?.state === "begun";
    const shown = panelOf(door, performance.now(), begun, this.tablet.door.way.map((/** @type {any} */ lock) => lock.door));
    document.title = `${shown.heading} – ${stop?.citizen_name ?? ""}`;
    fill(this.bar, [language(), shown, phone], () => {
      const [first, ...others] = shown.actions.map((name) => {
        if (name === "call") return callButton(phone);
        const [words, picture] = ACTIONS[name];
        return button(t(words), picture, () => this.tablet.act(name), {
          big: true, key: `door-${name}`, main: ["tasks", "begin"].includes(name) });
      });
      return h(`div.door.door-frame-${shown.kind}`, { "data-state": door.state },
        h("div.door-panel", {},
          h("div.door-live", { role: shown.urgent ? "alert" : "status" }, panelWords(shown)),
          shown.timed && h("p.door-seconds", { id: "door-seconds", role: "timer", "aria-label": t("door.seconds") })),
        others.length > 1 ? [h("div.bar-pair", {}, others), first] : h("div.bar-pair", {}, first, others));
    });
    const timer = document.getElementById("door-seconds");
    if (timer) timer.textContent = `${waiting(door, performance.now()).seconds}\u00a0s`;
  }

  #signIn() {
    const place = h("div.sign-in-place", {});
    replace(this.main, h("section.sign-in", { "aria-labelledby": "sign-in-heading" },
      h("h1", { id: "sign-in-heading" }, t("tablet.sign_in")),
      this.tablet.session.ended && h("p.alert.alert-danger", { role: "alert" }, icon("error"), h("span", {}, this.tablet.session.ended)),
      place));
    signIn(place, { roles: ["carer"], surface: () => "tablet", done: (signedIn) => this.tablet.signedIn(signedIn) });
  }

  #lockScreen() {
    const { tablet } = this;
    const identity = tablet.session.person.identity;
    const waitingFacts = tablet.outbox.waiting.length;
    replace(this.main, h("section.sign-in", { "aria-labelledby": "locked-heading" },
      h("h1", { id: "locked-heading" }, icon("lock"), t("tablet.locked")),
      h("p", {}, waitingFacts ? t("tablet.locked_waiting", { n: waitingFacts }) : t("tablet.locked_text")),
      keypad({
        label: t("sign_in.pin"), submit: t("tablet.unlock_screen"),
        check: async (pin) => {
          const result = await checkPin(identity, pin);
          if (result.ok) {
            await tablet.unlock();
            return null;
          }
          return result.why === "said" ? result.words ?? t("common.unknown_error") : t(`tablet.pin_${result.why}`);
        },
      })));
  }
}
