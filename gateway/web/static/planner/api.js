// @ts-check
/** The board's requests: the day with its ETag, and moves with the versions of both routes. */
/** @typedef {import("./types.js").BoardAnswer} BoardAnswer */
/** @typedef {import("./types.js").MoveOrder} MoveOrder */
/** @typedef {import("./types.js").Lane} Lane */

import { call, Problem, surface } from "../shared/api.js";
import { t } from "../shared/messages.js";
import { lanesOf } from "./columns.js";

export { call, Problem };

/** The sentence of a failure. @param {unknown} error */
export function wordsOf(error) {
  return error instanceof Problem ? error.words : t("common.unknown_error");
}

/** @type {string | null} */
let etag = null;

/**
 * The day's board, or null where it has not changed since it was last asked for.
 * @param {string} day  YYYY-MM-DD
 * @returns {Promise<BoardAnswer | null>}
 */
export async function fetchBoard(day) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json", "X-Surface": surface() };
  if (etag) headers["If-None-Match"] = etag;
  let answer;
  try {
    answer = await fetch(`/api/v1/board?form=columns&day=${encodeURIComponent(day)}`, { headers, cache: "no-store" });
  } catch {
    throw new Problem(0, "no_answer", t("common.no_connection"));
  }
  if (answer.status === 304) return null;
  if (answer.ok) {
    etag = answer.headers.get("ETag");
    return lanesOf(await answer.json());
  }
  const body = await answer.json().catch(() => ({}));
  const said = document.documentElement.lang === "en" ? body.detail_en : body.detail_da;
  throw new Problem(answer.status, body.code ?? "unknown", said ?? t("common.unknown_error"), body);
}

/**
 * The versions of both routes, as shown on screen, for If-Match.
 * @param {(Lane | null | undefined)[]} lanes
 */
export function versionsOf(lanes) {
  const known = lanes.filter((lane) => lane && lane.route_id !== null && lane.version !== null);
  const tags = known.map((lane) => `"${lane?.route_id}:${lane?.version}"`);
  return [...new Set(tags)].join(", ");
}

/**
 * Ask what a move would cost and break (preview), or do it.
 * @param {MoveOrder} order
 * @param {(Lane | null | undefined)[]} lanes  from and to, as shown
 * @param {boolean} preview
 * @param {string} [key]  idempotency key of an act; a question has none
 */
export async function move(order, lanes, preview, key) {
  const { visit_id, ...fields } = order;
  const versions = versionsOf(lanes);
  return call("POST", `/api/v1/visits/${encodeURIComponent(visit_id)}/move`, {
    body: { ...fields, preview },
    key,
    headers: versions ? { "If-Match": versions } : {},
  });
}
