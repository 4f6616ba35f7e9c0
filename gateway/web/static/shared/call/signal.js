// @ts-check
// The line to our server that two browsers find each other by. It carries words about the call, never the call itself.

import { surface } from "../api.js";

const PING_EVERY_MS = 8000;
const SILENT_AFTER_MS = 20000;
const FIRST_RETRY_MS = 300;
const LAST_RETRY_MS = 5000;
/** Closing codes that mean no, and not "try again": not signed in, not allowed there, a newer page took over. */
const REFUSED = [4401, 4403, 4409];

/**
 * Events: `open`, `lost`, `refused` (detail: the closing code), and `message` with the message as detail.
 */
export class Signal extends EventTarget {
  /** @param {string | null} roomId a carer names the room; everybody else has only one */
  constructor(roomId = null) {
    super();
    this.roomId = roomId;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.closed = false;
    this.retry_ms = FIRST_RETRY_MS;
    this.heard_ms = performance.now();
    this.timer = 0;
    this.beat = window.setInterval(() => this.#keepAlive(), PING_EVERY_MS);
    this.#connect();
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Send now or not at all: what was meant for a line that is gone is negotiated anew. @param {any} message */
  send(message) {
    if (this.isOpen) this.socket?.send(JSON.stringify(message));
  }

  close() {
    this.closed = true;
    clearInterval(this.beat);
    clearTimeout(this.timer);
    this.socket?.close();
  }

  #connect() {
    if (this.closed) return;
    const query = new URLSearchParams({ surface: surface(), ...(this.roomId ? { room: this.roomId } : {}) });
    const address = new URL(`/api/v1/signalling?${query}`, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    this.socket = socket;
    this.heard_ms = performance.now();
    socket.onopen = () => {
      this.heard_ms = performance.now();
      this.dispatchEvent(new Event("open"));
    };
    socket.onmessage = (event) => this.#hear(event.data);
    socket.onclose = (event) => this.#lost(socket, event.code);
  }

  /** @param {string} text */
  #hear(text) {
    this.heard_ms = performance.now();
    this.retry_ms = FIRST_RETRY_MS; // only a line that says something has worked
    const message = JSON.parse(text);
    if (message.type !== "pong") this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  /** @param {WebSocket} socket @param {number} code */
  #lost(socket, code) {
    if (this.closed || socket !== this.socket) return;
    if (REFUSED.includes(code)) {
      this.close();
      this.dispatchEvent(new CustomEvent("refused", { detail: code }));
      return;
    }
    this.dispatchEvent(new Event("lost"));
    this.timer = window.setTimeout(() => this.#connect(), this.retry_ms);
    this.retry_ms = Math.min(this.retry_ms * 2, LAST_RETRY_MS);
  }

  #keepAlive() {
    const socket = this.socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    if (performance.now() - this.heard_ms > SILENT_AFTER_MS) {
      // a dead line may take minutes to say so; we stop listening to it and begin anew
      socket.onclose = null;
      socket.close();
      this.#lost(socket, 1006);
    } else this.send({ type: "ping" });
  }
}
