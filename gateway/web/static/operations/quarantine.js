// @ts-check
/** Messages that were set aside: listed, read, corrected beside the original, run again one by one or by reason. */

import { call, Problem } from "../shared/api.js";
import { byId, fill, h, tag } from "../shared/dom.js";
import { clock, day, hours, number } from "../shared/formats.js";
import { language, t } from "../shared/messages.js";
import { countList, quarantineRow } from "./rows.js";

/** @type {any[]} */
let rows = [];
/** @type {number | null} */
let next = null;

/** @type {(work: () => Promise<void>) => Promise<void>} */
let guarded = async (work) => work();

/** Whether somebody has paged on: then the list stays as it is until the page is asked again. */
export const isPagedOn = () => rows.length > 50;

/** @param {(work: () => Promise<void>) => Promise<void>} guard */
export function begin(guard) {
  guarded = guard;
  byId("quarantine-more").addEventListener("click", () => void guarded(() => loadQuarantine(true)));
  byId("message-close").addEventListener("click", () => dialog().close());
  byId("message-form").addEventListener("submit", keep);
}

/** @param {boolean} more */
export async function loadQuarantine(more = false) {
  const cursor = more && next !== null ? `?cursor=${encodeURIComponent(next)}` : "";
  const answer = await call("GET", `/api/v1/operations/quarantine${cursor}`);
  rows = more ? [...rows, ...answer.items] : answer.items;
  next = answer.next;
  fill(byId("quarantine-counts"), answer.counts, () => countList(answer.counts, "operations.reason"));
  fill(byId("quarantine-open"), answer.open, () => openItems(answer.open));
  paint();
}

/** @param {{count: number, oldest_at: string | null, oldest_s: number, by_reason: any[]}} open */
function openItems(open) {
  if (!open.count || open.oldest_at === null) return h("li", {}, tag(t("operations.quarantine.none"), "success", "ok"));
  const since = `${day(open.oldest_at, language())} ${clock(open.oldest_at)}`;
  const age = hours(open.oldest_s / 60);
  const first = h("li.waits", {}, tag(t("operations.quarantine.waits", { n: number(open.count), since, age }), "warning", "warn"));
  return [first, ...open.by_reason.map((each) => h("li.waits", {},
    h("span", {}, h("b.tabular", {}, number(each.count)), ` ${each.text} `),
    h("button.button.button-small", {
      type: "button", "data-key": `all-${each.reason}`, onclick: () => replayAll(each.reason),
      "aria-label": t("operations.replay.all.of", { text: each.text }),
    }, t("operations.replay.all"))))];
}

function paint() {
  byId("quarantine-more").hidden = next === null;
  const none = () => h("tr", {}, h("td", { colspan: 7 }, t("operations.quarantine.none")));
  fill(byId("quarantine-rows"), rows, () => (rows.length ? rows.map((item) => quarantineRow(item, replay, look)) : none()));
}

/** @param {string} words */
function say(words) {
  byId("quarantine-said").textContent = words;
}

/** @param {any} item */
function put(item) {
  if (!item) return;
  rows = rows.map((old) => (old.id === item.id ? item : old));
  paint();
}

/** @param {number} id */
async function runAgain(id) {
  const { item, accepted } = await call("POST", `/api/v1/operations/quarantine/${id}/replay`, { key: crypto.randomUUID() });
  say(t(accepted ? "operations.replay.done" : "operations.replay.refused", { reason: item?.reason_text ?? "" }));
  put(item);
}

/** @param {number} id */
function replay(id) {
  void guarded(() => runAgain(id));
}

/** @param {string} reason */
function replayAll(reason) {
  void guarded(async () => {
    const answer = await call("POST", "/api/v1/operations/quarantine/replays", { body: { reason }, key: crypto.randomUUID(), timeout_ms: 60000 });
    const counts = { accepted: number(answer.accepted), refused: number(answer.refused), left: number(answer.left) };
    say(t("operations.replay.all.done", counts));
    await loadQuarantine();
  });
}

const dialog = () => /** @type {HTMLDialogElement} */ (byId("message-dialog"));
const field = () => /** @type {HTMLTextAreaElement} */ (byId("message-content"));
/** @type {{id: number, format: "json" | "hex"} | null} */
let looked = null;

/** @param {number} id */
function look(id) {
  void guarded(async () => {
    const { item, arrived, corrected } = await call("GET", `/api/v1/operations/quarantine/${id}`);
    const shown = corrected ?? arrived;
    const format = arrived.format === "json" ? "json" : "hex";
    looked = { id, format };
    byId("message-title").textContent = t("operations.message.of", { id: String(id) });
    byId("message-why").textContent = item.reason_text;
    byId("message-arrived").textContent = arrived.text;
    byId("message-said").hidden = true;
    const open = item.state === "open";
    byId("message-edit").hidden = !open;
    byId("message-format").textContent = t(`operations.correct.${format}`);
    field().value = format === "json" ? shown.text : shown.hex;
    byId("message-was-corrected").hidden = corrected === null;
    dialog().showModal();
  });
}

/** @param {Event} event */
async function keep(event) {
  event.preventDefault();
  if (!looked) return;
  const again = /** @type {SubmitEvent} */ (event).submitter?.id === "message-again";
  const { id, format } = looked;
  try {
    const { item } = await call("POST", `/api/v1/operations/quarantine/${id}/correction`, {
      body: { format, content: field().value }, key: crypto.randomUUID(),
    });
    put(item);
    say(t("operations.correct.done"));
    if (again) await runAgain(id);
    dialog().close();
  } catch (error) {
    const line = byId("message-said");
    line.textContent = error instanceof Problem ? error.words : t("common.unknown_error");
    line.hidden = false;
    field().focus();
  }
}
