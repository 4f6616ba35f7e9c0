// @ts-check
// The only place that calls the server; every failure becomes a Problem.

import { has, language, t } from "./messages.js";

/** A failure a person may meet. `status` is 0 when no answer came. */
export class Problem extends Error {
  /** @param {number} status @param {string} code @param {string} words @param {any} [body] */
  constructor(status, code, words, body = {}) {
    super(words);
    this.status = status;
    this.code = code;
    this.words = words;
    this.body = body;
  }

  /** No answer came, or a part of the system is away: the same may work later. */
  get mayWorkLater() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/**
 * Ask the server.
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, file?: Blob, key?: string, timeout_ms?: number, headers?: Record<string, string>}} [options] `key`: Idempotency-Key
 * @returns {Promise<any>} the JSON of the answer, null for 204
 */
export async function call(method, path, options = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json", "X-Surface": surface(), ...options.headers };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (options.key) headers["Idempotency-Key"] = options.key;
  let answer;
  let body = null;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: options.file ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
      signal: AbortSignal.timeout(options.timeout_ms ?? 15000),
      cache: "no-store",
      credentials: "same-origin",
    });
    if (answer.status !== 204) body = await answer.json();
  } catch {
    throw new Problem(answer && !answer.ok ? answer.status : 0, "no_answer", fallback("common.no_connection"));
  }
  if (!answer.ok) throw problemFrom(answer.status, body);
  return body;
}

/** The part of the system this page belongs to; the server keeps one session for each. */
export function surface() {
  return document.documentElement.dataset.surface ?? "page";
}

/** @param {number} status @param {any} body */
export function problemFrom(status, body) {
  const words = (language() === "en" ? body?.detail_en : body?.detail_da) ?? body?.detail_da ?? body?.title;
  return new Problem(status, body?.code ?? "unknown", words ?? fallback("common.unknown_error"), body ?? {});
}

/** @param {string} key */
function fallback(key) {
  return has(key) ? t(key) : key;
}
