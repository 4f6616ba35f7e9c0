// @ts-check
/** Ranked solutions for one visit. Plans are ranked, people never are: no score stands beside a name. */
/** @typedef {import("./types.js").Proposal} Proposal */

import { el } from "./dom.js";
import { clock, number, price, t } from "./text.js";

export const REASONS = ["illness", "delay", "door", "wish", "competence", "other"];
/** @type {Record<string, string>} the reason a state suggests */
const BY_STATE = { late: "delay", expected_late: "delay", not_started: "delay" };

/** @param {string} state */
export function reasonFor(state) {
  return BY_STATE[state] ?? "other";
}

/** @param {string} state */
export function reasonSelect(state) {
  const select = /** @type {HTMLSelectElement} */ (el("select", { class: "select", id: "proposal-reason" }));
  for (const reason of REASONS) select.append(el("option", { value: reason }, t(`planner.reason.${reason}`)));
  select.value = reasonFor(state);
  return select;
}

/**
 * @param {{proposals: Proposal[], not_possible: {reason_text: string, count: number}[]}} answer
 * @param {number} seconds
 * @param {HTMLSelectElement} reason
 * @param {number | null} version
 * @param {(proposal: Proposal, reason: string) => void} take
 * @returns {HTMLElement[]}
 */
export function proposalList(answer, seconds, reason, version, take) {
  const spent = `${number(Math.max(0.1, seconds), 1)}\u00a0s`;
  const small = version === null ? spent : t("planner.proposals.basis", { spent, version });
  const heading = el("h3", {}, t("planner.proposals"), " ", el("small", { class: "muted" }, small));
  if (!answer.proposals.length) {
    return [heading, el("p", { class: "none" }, t("planner.proposals.none")), ...whyNot(answer.not_possible)];
  }
  const field = el("div", { class: "field reason" }, el("label", { for: "proposal-reason" }, t("planner.move.reason")), reason);
  const cards = answer.proposals.map((p, i) => card(p, i, () => take(p, reason.value)));
  choose(cards, 0);
  cards.forEach((one, i) => {
    one.querySelector(".choose")?.addEventListener("click", () => {
      choose(cards, i);
      /** @type {HTMLElement | null} */ (one.querySelector(".confirm"))?.focus();
    });
  });
  return [heading, field, ...cards, ...whyNot(answer.not_possible)];
}

/** @param {Proposal} proposal @param {number} i @param {() => void} take */
function card(proposal, i, take) {
  const list = el("ul", { class: "reasons" });
  for (const pro of proposal.pros) list.append(el("li", { class: "pro" }, pro));
  for (const con of proposal.cons) list.append(el("li", { class: "con" }, con));
  const confirm = el("button", { type: "button", class: "button button-main button-small confirm" }, t("planner.proposal.confirm"));
  confirm.addEventListener("click", take);
  const pick = el("button", { type: "button", class: "button button-small choose" }, t("planner.proposal.choose"));
  return el(
    "article",
    { class: "proposal", "aria-label": t("planner.proposal.number", { n: i + 1 }) },
    el(
      "header",
      {},
      el("span", { class: "tag" }, t("planner.proposal.number", { n: i + 1 })),
      el("b", {}, proposal.carer_name),
      el("span", { class: "price tabular" }, price(proposal.cost_dkk_ore, proposal.extra_min)),
    ),
    el("p", { class: "muted" }, t("planner.proposal.start", { at: clock(proposal.start_at) })),
    list,
    confirm,
    pick,
  );
}

/** @param {HTMLElement[]} cards @param {number} chosen */
function choose(cards, chosen) {
  cards.forEach((one, i) => {
    one.classList.toggle("chosen", i === chosen);
    /** @type {HTMLElement} */ (one.querySelector(".confirm")).hidden = i !== chosen;
    /** @type {HTMLElement} */ (one.querySelector(".choose")).hidden = i === chosen;
  });
}

/** @param {{reason_text: string, count: number}[]} reasons */
function whyNot(reasons) {
  if (!reasons.length) return [];
  const sum = reasons.reduce((n, r) => n + r.count, 0);
  const list = el("ul", {}, ...reasons.map((r) => el("li", {}, `${r.reason_text}: ${number(r.count)}`)));
  return [el("details", { class: "why-not" }, el("summary", {}, t("planner.proposals.others", { count: number(sum) })), list)];
}
