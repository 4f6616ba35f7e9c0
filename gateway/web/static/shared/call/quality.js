// @ts-check
// What five seconds of a call were like, out of two readings of the browser's statistics. Pure.

/**
 * @typedef {object} Reading the figures of one moment, sums since the call began
 * @property {number} at_ms
 * @property {number | null} rtt_ms
 * @property {number} jitter_buffer_s
 * @property {number} emitted
 * @property {number} concealed
 * @property {number} samples
 * @property {number} frames
 * @property {number} frozen_s
 * @property {number} frame_height
 * @property {number | null} may_send_bit_s what the browser believes the path can carry
 * @property {"direct" | "relay_udp" | "relay_tcp" | "relay_tls" | "unknown"} path
 */

/** @param {Iterable<any>} reports of getStats @param {number} at_ms @returns {Reading} */
export function reading(reports, at_ms) {
  const all = [...reports];
  const byId = new Map(all.map((report) => [report.id, report]));
  const transport = all.find((report) => report.type === "transport" && report.selectedCandidatePairId);
  const pair = transport ? byId.get(transport.selectedCandidatePairId) : undefined;
  const inbound = (/** @type {string} */ kind) => all.find((report) => report.type === "inbound-rtp" && report.kind === kind) ?? {};
  const audio = inbound("audio");
  const video = inbound("video");
  return {
    at_ms,
    rtt_ms: pair?.currentRoundTripTime === undefined ? null : Math.round(pair.currentRoundTripTime * 1000),
    jitter_buffer_s: audio.jitterBufferDelay ?? 0,
    emitted: audio.jitterBufferEmittedCount ?? 0,
    concealed: (audio.concealedSamples ?? 0) - (audio.silentConcealedSamples ?? 0),
    samples: audio.totalSamplesReceived ?? 0,
    frames: video.framesDecoded ?? 0,
    frozen_s: video.totalFreezesDuration ?? 0,
    frame_height: video.frameHeight ?? 0,
    may_send_bit_s: pair?.availableOutgoingBitrate ?? null,
    path: pathOf(pair ? byId.get(pair.localCandidateId) : undefined),
  };
}

/** @param {any} local candidate */
function pathOf(local) {
  if (!local) return "unknown";
  if (local.candidateType !== "relay") return "direct";
  const carrier = local.relayProtocol;
  return carrier === "tcp" ? "relay_tcp" : carrier === "tls" ? "relay_tls" : "relay_udp";
}

/**
 * The window between two readings as the server wants it.
 * @param {Reading} before @param {Reading} after @param {boolean} picture whether the other side sends one
 */
export function windowOf(before, after, picture) {
  const seconds = Math.max(0.001, (after.at_ms - before.at_ms) / 1000);
  const ratio = (/** @type {number} */ part, /** @type {number} */ whole) => (whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0);
  return {
    rtt_ms: after.rtt_ms ?? 0,
    jitter_buffer_ms: Math.round(1000 * Math.max(0, after.jitter_buffer_s - before.jitter_buffer_s) / Math.max(1, after.emitted - before.emitted)),
    concealed_ratio: ratio(after.concealed - before.concealed, after.samples - before.samples),
    fps: picture ? Math.round((10 * Math.max(0, after.frames - before.frames)) / seconds) / 10 : null,
    freeze_ratio: picture ? ratio(after.frozen_s - before.frozen_s, seconds) : null,
    frame_height: picture ? after.frame_height : null,
    path: after.path,
  };
}

export const TOO_LITTLE_BIT_S = 200_000;
const FIRST_REST_MS = 20_000;
const LONGEST_REST_MS = 120_000;

/**
 * Whether our own picture is sent. It goes when the path cannot carry it, and comes back by itself, each time after a
 * longer rest if it had to go again.
 */
export class Picture {
  constructor() {
    /** @type {"full" | "reduced" | "none"} */
    this.sent = "full";
    this.rest_ms = FIRST_REST_MS;
    this.since_ms = 0;
    this.poor = 0;
  }

  /**
   * @param {{advice: string, automatic: boolean}} said by the server about this window
   * @param {number | null} may_send_bit_s @param {number} now_ms
   * @returns {boolean} whether something changed
   */
  hear({ advice, automatic }, may_send_bit_s, now_ms) {
    const before = this.sent;
    const thin = may_send_bit_s !== null && may_send_bit_s < TOO_LITTLE_BIT_S;
    if (this.sent === "none") {
      if (now_ms - this.since_ms >= this.rest_ms) this.sent = "reduced";
    } else {
      this.poor = thin ? this.poor + 1 : 0;
      const tooMuch = automatic && (advice === "audio_only" || advice === "telephone");
      if (tooMuch || this.poor >= 2) this.#rest(now_ms);
      else this.sent = advice !== "none" || thin ? "reduced" : "full";
    }
    return this.sent !== before;
  }

  /** @param {number} now_ms */
  #rest(now_ms) {
    // a picture that had to go soon after it came back stays away twice as long
    if (this.since_ms && now_ms - this.since_ms < 3 * this.rest_ms) this.rest_ms = Math.min(2 * this.rest_ms, LONGEST_REST_MS);
    this.sent = "none";
    this.since_ms = now_ms;
    this.poor = 0;
  }
}
