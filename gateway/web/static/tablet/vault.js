// @ts-check
// What opens doors lies here encrypted. The key of the vault is open only while somebody who knows the PIN uses the
// tablet; five idle minutes close it. What this can promise and what not: docs/adr/0007-offline-access.md.

import { forget, keep, load } from "./store.js";

const KEPT = "vault";
const OPEN = "vault-open";
const ITERATIONS = 300000;
const MAX_OFFLINE_FAILURES = 5;
const AES = "AES-GCM";

/** @param {string} pin @param {Uint8Array<ArrayBuffer>} salt @param {number} iterations */
async function pinKey(pin, salt, iterations) {
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(pin), "PBKDF2", false, ["deriveKey"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return crypto.subtle.deriveKey(how, key, { name: AES, length: 256 }, false, ["encrypt", "decrypt"]);
}

/** @param {Uint8Array<ArrayBuffer>} raw */
async function leaveOpen(raw) {
  await keep(OPEN, await crypto.subtle.importKey("raw", raw, AES, false, ["encrypt", "decrypt"]));
  raw.fill(0);
}

/**
 * The server has just accepted this PIN: open the vault, or make a new one where this PIN opens none.
 * @param {string} pin
 */
export async function openVault(pin) {
  if ((await tryPin(pin)) === "right") return;
  const [salt, iv, raw] = [16, 12, 32].map((n) => crypto.getRandomValues(new Uint8Array(n)));
  const wrapped = await crypto.subtle.encrypt({ name: AES, iv }, await pinKey(pin, salt, ITERATIONS), raw);
  await keep(KEPT, { salt, iterations: ITERATIONS, iv, wrapped, failures: 0 });
  await leaveOpen(raw);
}

/**
 * Open the vault without a server. Only so many tries: after that the server has to say who it is.
 * @param {string} pin @returns {Promise<"right" | "wrong" | "needs_network">}
 */
export async function openOffline(pin) {
  const kept = await load(KEPT);
  if (!kept || kept.failures >= MAX_OFFLINE_FAILURES) return "needs_network";
  // counted before it is checked, so that pulling the battery gives no free guess
  await keep(KEPT, { ...kept, failures: kept.failures + 1 });
  return tryPin(pin);
}

/** @param {string} pin @returns {Promise<"right" | "wrong">} */
async function tryPin(pin) {
  const kept = await load(KEPT);
  if (!kept) return "wrong";
  const key = await pinKey(pin, kept.salt, kept.iterations);
  const raw = await crypto.subtle.decrypt({ name: AES, iv: kept.iv }, key, kept.wrapped).catch(() => null);
  if (!raw) return "wrong";
  await keep(KEPT, { ...kept, failures: 0 });
  await leaveOpen(new Uint8Array(raw));
  return "right";
}

/** Close it: until the PIN is typed again nothing in it can be read. */
export const closeVault = () => forget(OPEN);

/** Encrypt what JSON can write; null while the vault is closed. @param {any} value */
export async function put(value) {
  const key = await load(OPEN);
  if (!key) return null;
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return { iv, data: await crypto.subtle.encrypt({ name: AES, iv }, key, new TextEncoder().encode(JSON.stringify(value))) };
}

/** What was put; null while the vault is closed, or where it was put into another one. @param {any} box */
export async function get(box) {
  const key = await load(OPEN);
  if (!key || !box) return null;
  const plain = await crypto.subtle.decrypt({ name: AES, iv: box.iv }, key, box.data).catch(() => null);
  return plain && JSON.parse(new TextDecoder().decode(plain));
}
