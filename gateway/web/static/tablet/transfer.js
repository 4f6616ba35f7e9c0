// @ts-check
// The question after a transfer that nothing told about: were you one or two? And what an answer does before it is sent.

import { h, icon } from "../shared/dom.js";
import { clock } from "../shared/formats.js";
import { t } from "../shared/messages.js";
import { button } from "./bar.js";

/** @typedef {import("./outbox.js").Fact} Fact */

const STAY_MS = 15 * 60000;
const AT_ONCE = 3;

/**
 * The server's word with her own facts over it that it does not hold yet. Pure.
 * @param {any} word @param {Fact[]} facts @param {number} now_ms world time
 */
export function withOwnFacts(word, facts, now_ms) {
  const answers = facts.filter((fact) => fact.kind === "transfer_answer");
  const answered = new Map(answers.map((fact) => [fact.path.split("/").at(-2), fact.body.carers]));
  const here = facts.filter((fact) => fact.kind === "transfer_presence").at(-1);
  const since_ms = here ? Date.parse(here.at ?? "") : 0;
  const own = here && { device_id: here.body.device_id, since_at: here.at, until_at: new Date(since_ms + STAY_MS).toISOString() };
  const present = own && own.device_id !== word.present?.device_id ? own : word.present;
  return {
    ...word,
    present: present && Date.parse(present.until_at) > now_ms ? present : null,
    questions: word.questions.filter((/** @type {any} */ question) => !answered.has(question.transfer_id)),
    transfers: word.transfers.map((/** @type {any} */ moved) =>
      answered.has(moved.transfer_id) ? { ...moved, carers: answered.get(moved.transfer_id), evidence: "asked" } : moved),
  };
}

/**
 * The open questions, oldest first; a few at once.
 * @param {any[]} questions @param {(question: any, carers: 1 | 2) => void} answer
 */
export function questionCards(questions, answer) {
  const [now, later] = [questions.slice(0, AT_ONCE), questions.length - AT_ONCE];
  return [
    now.map((question) => questionCard(question, answer)),
    later > 0 && h("p.muted", {}, t("transfer.more_questions", { n: later })),
  ];
}

/** @param {any} question @param {(question: any, carers: 1 | 2) => void} answer */
function questionCard(question, answer) {
  const heading = `asked-${question.transfer_id}`;
  const where = [question.citizen_name, question.room].filter(Boolean).join(" · ");
  return h("section.transfer-question", { "aria-labelledby": heading, "data-transfer": question.transfer_id },
    h("div.transfer-words", { role: "status" },
      icon("own-two-persons"),
      h("div", {},
        h("h2.question-heading", { id: heading }, t(`transfer.question.${question.kind}`, { at: clock(question.ended_at) })),
        where && h("p", {}, where))),
    h("div.answers", {},
      button(t("transfer.one"), "person", () => answer(question, 1), { big: true, key: `one-${question.transfer_id}` }),
      button(t("transfer.two"), "own-two-persons", () => answer(question, 2), { big: true, key: `two-${question.transfer_id}` })));
}
