// @ts-check
// One connection between two browsers. The carer's side offers; either side may ask for a new path through the network.

const MAX_PICTURE_BIT_S = 900_000;
const REDUCED_PICTURE_BIT_S = 350_000;
/** 640x480 becomes 480x360. */
const REDUCED_SCALE = 4 / 3;
const HEARTBEAT_MS = 500;

/** The identity of the connection an SDP speaks for: another one means that the other page was loaded anew. @param {string} sdp */
export function speakerOf(sdp) {
  return /^o=\S+ (\d+)/m.exec(sdp)?.[1] ?? "";
}

/**
 * Events: `connection` (the state changed), `track` (the other's picture or sound came), `told` (detail: what the other
 * side says of its own picture and sound), `candidate-error` (detail: the error code), `confused` (only a new
 * connection helps).
 */
export class PeerLink extends EventTarget {
  /**
   * @param {object} how
   * @param {boolean} how.offers whether this side begins and wins when both offer at once
   * @param {any} how.ice the servers to find a path by
   * @param {import("./media.js").Media} how.media opened already, so that real addresses may be used
   * @param {(message: any) => void} how.send
   */
  constructor({ offers, ice, media, send }) {
    super();
    this.offers = offers;
    this.media = media;
    this.send = send;
    this.remote = new MediaStream();
    /** @type {RTCIceCandidateInit[]} */
    this.early = [];
    this.making = false;
    this.ignoring = false;
    this.told = { video: true, audio: true };
    this.heartbeats = 0;
    /** @type {Promise<void>} */
    this.line = Promise.resolve();
    this.pc = new RTCPeerConnection({ iceServers: ice?.iceServers ?? [], bundlePolicy: "max-bundle" });
    this.#listen();
    if (offers) for (const kind of ["audio", "video"]) this.pc.addTransceiver(kind, { direction: "sendrecv" });
    this.channel = this.pc.createDataChannel("state", { negotiated: true, id: 0 });
    this.channel.onmessage = (event) => this.#heard(event.data);
    this.beat = window.setInterval(() => this.#tell(), HEARTBEAT_MS);
    this.retake = () => this.#next(() => this.#attach());
    media.addEventListener("tracks", this.retake);
    if (offers) this.retake();
  }

  get state() {
    return this.pc.connectionState;
  }

  /** Whom the other side's last description spoke for. */
  get speaker() {
    return this.pc.remoteDescription ? speakerOf(this.pc.remoteDescription.sdp) : "";
  }

  /** Whether our offer still waits for its answer. */
  get waits() {
    return this.pc.signalingState === "have-local-offer";
  }

  /** Say the offer again to somebody who came after it. */
  repeat() {
    if (this.pc.localDescription) this.send({ type: "offer", sdp: this.pc.localDescription.sdp });
  }

  /** Find another path. @param {any} [ice] fresh servers, where the old credentials are running out */
  restart(ice) {
    if (ice) this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: ice.iceServers });
    this.pc.restartIce();
  }

  /** Take a message of the other side, in its order. @param {any} message */
  hear(message) {
    return this.#next(() => (message.type === "candidate" ? this.#candidate(message.candidate) : this.#description(message)));
  }

  /**
   * How much picture to send. @param {"full" | "reduced" | "none"} picture
   */
  async limit(picture) {
    const sender = this.#sender("video");
    const parameters = sender?.getParameters();
    if (!sender || !parameters?.encodings.length) return;
    const [encoding] = parameters.encodings;
    encoding.active = picture !== "none";
    encoding.maxBitrate = picture === "full" ? MAX_PICTURE_BIT_S : REDUCED_PICTURE_BIT_S;
    encoding.scaleResolutionDownBy = picture === "full" ? 1 : REDUCED_SCALE;
    await sender.setParameters(parameters);
  }

  close() {
    clearInterval(this.beat);
    this.media.removeEventListener("tracks", this.retake);
    this.channel.close();
    this.pc.close();
  }

  /** One thing after the other; what the browser cannot make sense of ends nothing but itself. @param {() => Promise<void>} act */
  #next(act) {
    this.line = this.line.then(act).catch((error) => {
      if (!(error instanceof DOMException)) throw error;
      if (this.pc.signalingState !== "closed") this.dispatchEvent(new Event("confused"));
    });
    return this.line;
  }

  #listen() {
    const { pc } = this;
    pc.onnegotiationneeded = () => this.#offer();
    pc.onicecandidate = ({ candidate }) => { if (candidate) this.send({ type: "candidate", candidate: candidate.toJSON() }); };
    pc.onicecandidateerror = (event) => this.dispatchEvent(new CustomEvent("candidate-error", { detail: event.errorCode }));
    pc.onconnectionstatechange = () => this.dispatchEvent(new Event("connection"));
    pc.ontrack = ({ track }) => {
      this.remote.addTrack(track);
      this.dispatchEvent(new Event("track"));
    };
  }

  async #offer() {
    if (!this.offers && !this.pc.remoteDescription) return; // the carer's side speaks first
    this.making = true;
    try {
      await this.pc.setLocalDescription();
      if (this.pc.localDescription?.type === "offer") this.repeat();
    } finally {
      this.making = false;
    }
  }

  /** @param {{type: "offer" | "answer", sdp: string}} message */
  async #description({ type, sdp }) {
    const { pc } = this;
    if (pc.signalingState === "closed") return;
    const collision = type === "offer" && (this.making || pc.signalingState !== "stable");
    this.ignoring = this.offers && collision;
    if (this.ignoring || (type === "answer" && !this.waits)) return;
    await pc.setRemoteDescription({ type, sdp });
    for (const candidate of this.early.splice(0)) await this.#candidate(candidate);
    if (type === "answer") return;
    await this.#attach();
    await pc.setLocalDescription();
    this.send({ type: "answer", sdp: pc.localDescription?.sdp });
  }

  /** @param {RTCIceCandidateInit} candidate */
  async #candidate(candidate) {
    if (this.pc.signalingState === "closed") return;
    if (!this.pc.remoteDescription) {
      this.early.push(candidate);
      return;
    }
    try {
      await this.pc.addIceCandidate(candidate);
    } catch (error) {
      // it belongs to an offer that was withdrawn or to a page that is gone: another path will be tried
      if (!(error instanceof DOMException)) throw error;
    }
  }

  /** Our own tracks go onto the two lines there are; nothing needs negotiating for that. */
  async #attach() {
    for (const kind of /** @type {const} */ (["audio", "video"])) {
      const transceiver = this.pc.getTransceivers().find((one) => one.receiver.track.kind === kind);
      if (!transceiver || this.pc.signalingState === "closed") continue;
      if (transceiver.direction !== "sendrecv") transceiver.direction = "sendrecv";
      if (transceiver.sender.track !== this.media[kind]) await transceiver.sender.replaceTrack(this.media[kind]);
    }
  }

  /** @param {"audio" | "video"} kind */
  #sender(kind) {
    return this.pc.getTransceivers().find((one) => one.receiver.track.kind === kind)?.sender;
  }

  /** What the other side should know of ours, twice a second: that it comes at all is the sign of a living path. */
  #tell() {
    if (this.channel.readyState !== "open") return;
    const { video, audio, wanted } = this.media;
    const sends = this.#sender("video")?.getParameters().encodings[0]?.active !== false;
    this.channel.send(JSON.stringify({ video: Boolean(video && wanted.video && sends), audio: Boolean(audio && wanted.audio) }));
  }

  /** @param {string} text */
  #heard(text) {
    this.heartbeats += 1;
    const told = JSON.parse(text);
    const news = told.video !== this.told.video || told.audio !== this.told.audio;
    this.told = told;
    if (news) this.dispatchEvent(new CustomEvent("told", { detail: told }));
  }
}
