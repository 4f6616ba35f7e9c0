// @ts-check
/** Whole solutions for an absent carer's route. Solutions are ranked, people never are. */
/** @typedef {import("./types.js").CoverAnswer} CoverAnswer */
/** @typedef {import("./types.js").CoverProposal} CoverProposal */

import { el } from "./dom.js";
import { clock, t } from "./text.js";

/**
 * @param {CoverAnswer} answer
 * @param {(proposal: CoverProposal) => void} take
 * @returns {HTMLElement[]}
 */
export function coverList(answer, take) {
  const heading = el("h3", {}, t("planner.cover.heading", { n: answer.waiting }));
  const cards = answer.proposals.map((proposal, i) => card(proposal, i, () => take(proposal)));
  choose(cards, 0);
  cards.forEach((one, i) => {
    one.querySelector(".choose")?.addEventListener("click", () => {
      choose(cards, i);
      /** @type {HTMLElement | null} */ (one.querySelector(".confirm"))?.focus();
    });
  });
  return [heading, ...cards];
}

/** @param {CoverProposal} proposal @param {number} i @param {() => void} take */
export function card(proposal, i, take) {
  const list = el("ul", { class: "reasons" });
  for (const pro of proposal.pros) list.append(el("li", { class: "pro" }, pro));
  for (const con of proposal.cons) list.append(el("li", { class: "con" }, con));
  const confirm = el(
    "button",
    { type: "button", class: "button button-main button-small confirm" },
    t("planner.proposal.confirm"),
  );
  confirm.addEventListener("click", () => {
    // One act: a second tap while the first is under way would meet its own change.
    /** @type {HTMLButtonElement} */ (confirm).disabled = true;
    take();
  });
  const pick = el("button", { type: "button", class: "button button-small choose" }, t("planner.proposal.choose"));
  return el(
    "article",
    { class: "proposal", "aria-label": t("planner.proposal.number", { n: i + 1 }) },
    el("header", {}, el("span", { class: "tag" }, t("planner.proposal.number", { n: i + 1 })), el("b", {}, proposal.title)),
    list,
    moves(proposal),
    confirm,
    pick,
  );
}

/** Who gets what and when; what falls away and what nobody can take stand first. @param {CoverProposal} proposal */
function moves(proposal) {
  const list = el("ul", { class: "cover-moves" });
  const gone = proposal.gone ?? [];
  for (const one of gone) {
    const facts = { at: clock(one.start_at), short: one.short, name: one.name ?? "" };
    list.append(el("li", { class: "gone" }, t(one.name === null ? "planner.happened.gone.nobody" : "planner.happened.gone.from", facts)));
  }
  for (const left of proposal.left_over) {
    list.append(el("li", { class: "left" }, el("b", {}, left.short), ` ${left.reason}`));
  }
  for (const move of proposal.moves) {
    const shifted = move.shifted_min
      ? ` (${t(move.shifted_min > 0 ? "planner.cover.later" : "planner.cover.earlier", { n: Math.abs(move.shifted_min) })})`
      : "";
    list.append(
      el("li", {}, el("span", { class: "tabular" }, clock(move.start_at)), " ", el("b", {}, move.short), ` ${move.to_name}${shifted}`),
    );
  }
  const count = proposal.moves.length + proposal.left_over.length;
  // What a citizen's absence takes away is what it is about: it is not folded in.
  if (gone.length) return el("details", { open: true }, el("summary", {}, t("planner.happened.gone", { n: gone.length })), list);
  return el("details", {}, el("summary", {}, t("planner.cover.moves", { n: count })), list);
}

/** @param {HTMLElement[]} cards @param {number} chosen */
export function choose(cards, chosen) {
  cards.forEach((one, i) => {
    one.classList.toggle("chosen", i === chosen);
    /** @type {HTMLElement} */ (one.querySelector(".confirm")).hidden = i !== chosen;
    /** @type {HTMLElement} */ (one.querySelector(".choose")).hidden = i === chosen;
  });
}
