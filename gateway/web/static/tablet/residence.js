// @ts-check
// The residence a carer works in, and the transfers she is asked about: the server's word with her own unsent answers in it.

import { Problem, call } from "../shared/api.js";
import { h } from "../shared/dom.js";
import { clock } from "../shared/formats.js";
import { t } from "../shared/messages.js";
import { laterWords } from "./later_words.js";
import { residenceView } from "./residence_view.js";
import { keep, load } from "./store.js";
import { questionCards, withOwnFacts } from "./transfer.js";

const AGAIN_MS = 60000;

/** The part with its words and its look. @param {any} tablet the application @returns {Promise<Residence>} */
export async function openResidence(tablet) {
  // the words are kept beside what they tell of: without a network both come from the tablet
  if (!(await laterWords())) throw new Problem(0, "no_answer", t("common.no_connection"));
  document.head.append(h("link", { rel: "stylesheet", href: new URL("residence.css", import.meta.url).pathname }));
  const residence = new Residence(tablet);
  residence.kept = (await load("residence")) ?? null;
  tablet.render();
  return residence;
}

export class Residence {
  /** @param {any} tablet the application */
  constructor(tablet) {
    this.tablet = tablet;
    /** @type {{identity: string, word: any} | null} */
    this.kept = null;
    this.asked = 0;
    tablet.outbox.addEventListener("told", (/** @type {CustomEvent} */ event) => {
      if (event.detail.kind.startsWith("transfer_")) this.#stand(event.detail);
    });
    setInterval(() => { if (this.kept?.word.unit) this.refresh(); }, AGAIN_MS);
  }

  /** The residence as she sees it; null before the server has said anything to her. */
  get shown() {
    const { session, outbox } = this.tablet;
    if (!this.kept || this.kept.identity !== session.person?.identity) return null;
    return withOwnFacts(this.kept.word, outbox.waiting, session.world.now_ms());
  }

  /** Ask the server; without an answer the last word stands. */
  async refresh() {
    const identity = this.tablet.session.person?.identity;
    if (!identity) return;
    const mine = ++this.asked;
    try {
      const word = await call("GET", "/api/v1/me/residence", { timeout_ms: 8000 });
      if (mine !== this.asked || identity !== this.tablet.session.person?.identity) return;
      this.kept = { identity, word };
      await keep("residence", this.kept);
      this.tablet.render();
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // the day's own reading says what is wrong
    }
  }

  /** @param {any} house what is shown */
  questions(house) {
    return questionCards(house.questions, (question, carers) => this.answer(question, carers));
  }

  /** @param {any} house what is shown @param {boolean} on_shift */
  residents(house, on_shift) {
    return residenceView({ house, on_shift, stand: (device, name) => this.stand(device, name) });
  }

  /** One or two. @param {any} question @param {1 | 2} carers */
  answer(question, carers) {
    return this.tablet.outbox.add({
      kind: "transfer_answer", path: `/api/v1/me/transfers/${question.transfer_id}/carers`, body: { carers },
      at: this.#now(), label: t("transfer.fact.answer", { at: clock(question.ended_at) }),
    });
  }

  /** The tablet is at a device. @param {any} device @param {string} name whose it is */
  stand(device, name) {
    return this.tablet.outbox.add({
      kind: "transfer_presence", path: "/api/v1/me/transfers/presence", body: { device_id: device.device_id },
      at: this.#now(), label: t(`transfer.fact.presence.${device.kind}`, { name }),
    });
  }

  #now() {
    return new Date(this.tablet.session.world.now_ms()).toISOString();
  }

  /** The server has taken a fact: it stands until the residence is read again. @param {any} fact */
  #stand(fact) {
    if (this.kept) this.kept.word = withOwnFacts(this.kept.word, [fact], this.tablet.session.world.now_ms());
    this.refresh();
  }
}
