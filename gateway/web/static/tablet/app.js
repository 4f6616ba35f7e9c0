// @ts-check
// The tablet: what has happened goes in, what should be seen comes out. One render, called after every change.

import { Problem } from "../shared/api.js";
import { language, t } from "../shared/messages.js";
import { demoPerson, openSession } from "../shared/sign_in.js";
import { callUp } from "./call_up.js";
import { currentStop, withWaiting } from "./day.js";
import { NoDoorYet, NoKeeperYet, arm } from "./door_later.js";
import { Idle } from "./idle.js";
import { Live } from "./live.js";
import { keptLanguage, setLanguage } from "./menu.js";
import { Outbox } from "./outbox.js";
import { Screen } from "./screen.js";
import { Session } from "./session.js";
import { endShift, startShift } from "./shift.js";

const [FLUSH_EVERY_MS, REFRESH_AFTER_MS] = [5000, 150];

class Tablet {
  constructor() {
    this.session = new Session();
    this.outbox = new Outbox(() => this.session.world.now_ms());
    this.door = /** @type {import("./door.js").DoorDriver} */ (/** @type {unknown} */ (new NoDoorYet()));
    this.keeper = /** @type {import("./doorkeeper.js").Doorkeeper} */ (/** @type {unknown} */ (new NoKeeperYet()));
    this.armed = Promise.resolve();
    /** Residences and lifts, once they are here. @type {import("./residence.js").Residence | null} */
    this.residence = null;
    /** @type {Promise<import("./residence.js").Residence> | null} */
    this.coming = null;
    this.idle = new Idle(() => this.lock());
    this.live = new Live({
      world: (world) => this.session.world.hear(world),
      changed: () => this.refreshSoon(),
      opening: (id) => this.door.settled(id),
      open: () => this.outbox.flush(),
      lost: () => this.refreshSoon(),
    });
    this.screen = new Screen(this);
    this.locked = false;
    this.busy = false;
    /** @type {string | null} */
    this.asking = null;
    /** @type {string | null} */
    this.outcome = null;
    /** @type {string | null} */
    this.chosen = null;
    /** @type {string | null} */
    this.notice = null;
    /** The screen visit that is on. @type {import("./screen_visit.js").ScreenVisit | null} */
    this.visiting = null;
    this.refreshTimer = 0;
  }

  async start() {
    const kept = keptLanguage() ?? language();
    if (kept !== language()) setLanguage(kept);
    await this.outbox.open();
    await this.session.open();
    this.locked = Boolean(this.session.person) && (await this.idle.leftAlone());
    if (this.locked) await this.keeper.lock();
    this.outbox.addEventListener("change", () => this.render());
    this.outbox.addEventListener("refused", () => this.refreshSoon());
    this.outbox.addEventListener("told", (event) => {
      this.session.told(/** @type {CustomEvent} */ (event).detail);
      this.refreshSoon();
    });
    this.outbox.addEventListener("unreachable", () => this.session.unreachable());
    this.outbox.addEventListener("signed-out", () => this.signedOut());
    addEventListener("online", () => this.wake());
    addEventListener("offline", () => { this.session.unreachable(); this.render(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.wake(); });
    setInterval(() => this.render(), 1000);
    setInterval(() => this.everyFewSeconds(), FLUSH_EVERY_MS);
    const card = new URLSearchParams(location.search).get("rolle") === "carer";
    if (this.session.person) this.enter();
    else if (card) await this.enterDemo();
    this.render();
    this.armed = arm(this);
    const { keepShell } = await import("./shell.js");
    keepShell(() => this.door.door.state === "ready" && !this.asking && !this.visiting, this);
  }

  /** Somebody is signed in: listen and read. */
  enter() {
    this.outbox.identity = this.session.person?.identity ?? "";
    this.live.start();
    this.wake();
  }

  /** The card of the demo's start page opens a tablet that somebody has just signed in on. */
  async enterDemo() {
    const person = await demoPerson("carer");
    history.replaceState(null, "", "/tablet");
    if (!person) return;
    try {
      const session = await openSession(person.identity, person.pin, "tablet");
      await this.signedIn({ identity: person.identity, pin: person.pin, session });
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // the sign-in is on the page already
    }
  }

  wake() {
    if (!this.session.person) return;
    this.refresh();
    this.outbox.flush();
  }

  everyFewSeconds() {
    if (!this.session.person) return;
    this.outbox.flush();
    this.keeper.look();
    if (this.session.offline_since_ms !== null) this.refreshSoon();
  }
  refreshSoon() {
    if (this.refreshTimer || !this.session.person) return;
    this.refreshTimer = window.setTimeout(() => { this.refreshTimer = 0; this.refresh(); }, REFRESH_AFTER_MS);
  }

  async refresh() {
    const wasOffline = this.session.offline_since_ms !== null;
    const result = await this.session.refresh();
    if (result === "signed_out") await this.signedOut();
    if (result !== "signed_out") this.inResidence();
    if (result === "fresh" && wasOffline) this.outbox.flush();
    if (result === "fresh") this.keeper.online();
    this.render();
  }

  /** The part for residences and lifts comes after the page is up; without a network, when there is one again. */
  async inResidence() {
    this.coming ??= import("./residence.js").then(({ openResidence }) => openResidence(this));
    this.residence = await this.coming.catch((error) => {
      if (!(error instanceof Problem || error instanceof TypeError)) throw error;
      return (this.coming = null);
    });
    this.residence?.refresh();
  }

  async signedOut() {
    this.live.stop();
    this.visiting?.close();
    await this.session.signedOut();
    this.render();
  }

  /** What the carer sees: the server's day with her unsent facts in it. */
  get day() {
    return withWaiting(this.session.day, this.outbox.waiting);
  }

  get stop() {
    return currentStop(this.day, this.chosen);
  }

  lock() {
    if (this.locked || !this.session.person) return;
    // two people talking do not touch the screen
    if (this.visiting?.busy) return this.idle.restart();
    this.locked = true;
    this.asking = null;
    this.keeper.lock();
    this.render();
  }

  async unlock() {
    this.locked = false;
    this.idle.restart();
    this.live.start();
    this.wake();
    this.render();
  }

  /** @param {{identity: string, pin: string, session: any}} signedIn */
  async signedIn(signedIn) {
    await this.session.begin(signedIn);
    this.locked = false;
    this.idle.restart();
    this.render();
    this.enter();
  }

  doorChanged() {
    if (["unlocked", "refused"].includes(this.door.door.state)) this.refreshSoon();
    this.render();
  }

  /** @param {string | null} asking */
  ask(asking) {
    this.asking = asking;
    this.render();
    if (asking) this.screen.focusBar();
  }

  /** A tap in the bar or the panel. @param {string} what */
  async act(what) {
    const stop = this.stop;
    this.notice = null;
    if (what === "unlock" || what === "retry" || what === "new_grant") {
      this.asking = null;
      await this.armed;
      const planned = stop?.door && { visit_id: stop.visit_id, door_id: stop.door.id, lock_id: stop.door.lock_id, way: stop.door.way, by_vendor: stop.by_vendor };
      void (this.door.by_code ? this.door.openUnplanned(this.door.by_code) : planned && this.door.open(planned));
    } else if (what === "begin") {
      this.asking = null;
      this.door.reset();
      if (stop?.state === "planned") await this.beginVisit(stop);
    } else if (what === "call_up") await callUp(this, stop);
    else if (what === "abort") this.door.abort();
    else if (what === "seen_open" || what === "seen_locked") await this.observe(what === "seen_open" ? "open" : "locked");
    else if (what === "tasks" || what === "back") this.door.reset();
    else if (what === "destroy_keys" || what === "code_door") {
      this.asking = null;
      await (what === "code_door" ? (await import("./code_door.js")).openCodeDoor(this) : this.keeper.destroy());
    }
    else if (what === "refresh") {
      this.asking = null;
      await this.refresh();
    } else if (what === "sign_out") await this.signOut();
    else this.ask(what);
    this.render();
  }

  /** @param {any} stop */
  beginVisit(stop) {
    const at_ms = Math.max(this.session.world.now_ms(), Date.parse(this.session.day?.shift?.started_at ?? 0));
    return this.outbox.add({
      kind: "visit_begin", path: `/api/v1/me/visits/${stop.visit_id}/begin`, body: {}, at: new Date(at_ms).toISOString(),
      visit_id: stop.visit_id, label: t("tablet.fact.visit_begin", { name: stop.citizen_name }),
    });
  }

  /** @param {string} outcome @param {string} note */
  async endVisit(outcome, note) {
    const stop = this.stop;
    if (!stop) return;
    this.asking = null;
    this.chosen = null;
    this.door.reset();
    // nobody at home is also a visit: it began when she stood there
    if (stop.state === "planned") await this.beginVisit(stop);
    const at_ms = Math.max(this.session.world.now_ms(), Date.parse(stop.begun_at ?? 0));
    await this.outbox.add({
      kind: "visit_end", path: `/api/v1/me/visits/${stop.visit_id}/end`, body: note ? { outcome, note } : { outcome },
      at: new Date(at_ms).toISOString(), visit_id: stop.visit_id, label: t("tablet.fact.visit_end", { name: stop.citizen_name }),
    });
  }

  /** @param {"open" | "locked"} seen */
  async observe(seen) {
    const opening = this.door.door.opening;
    this.door.observe(seen);
    if (!opening) return;
    await this.outbox.add({ kind: "observation", path: `/api/v1/openings/${opening.id}/observation`, body: { seen }, label: t("tablet.fact.observation") });
  }

  async acknowledge() {
    const version = this.session.day?.route?.version;
    if (!version) return;
    await this.outbox.add({ kind: "acknowledgement", path: "/api/v1/me/route/acknowledgement", body: { version }, label: t("tablet.fact.acknowledgement") });
  }

  /** @param {"start" | "end"} which @param {"home" | "base" | "citizen"} place */
  async shift(which, place) {
    if (this.busy) return;
    this.busy = true;
    this.notice = null;
    this.render();
    try {
      await this.session.take(which === "start" ? await startShift(this.session.day.shift.id, place) : await endShift(place));
      this.keeper.online();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.mayWorkLater) this.session.unreachable();
      this.notice = error.mayWorkLater ? t(`tablet.${which}_needs_network`) : error.words;
    } finally {
      this.busy = false;
      this.asking = null;
      this.render();
    }
  }

  async signOut() {
    this.screen.closeMenu();
    if (this.outbox.waiting.length) return this.ask("ask_end");
    this.visiting?.close();
    this.live.stop();
    this.door.reset();
    this.asking = null;
    await this.session.end();
    this.render();
  }

  render() {
    this.screen.render();
  }
}
new Tablet().start();
