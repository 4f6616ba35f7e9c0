// @ts-check
// Camera and microphone: asked for once, given back when the call ends, fetched again when the device took them away.

const PICTURE = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24 }, facingMode: "user" };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** Event: `tracks` when a track has come, gone or been replaced. */
export class Media extends EventTarget {
  constructor() {
    super();
    /** @type {MediaStreamTrack | null} */
    this.video = null;
    /** @type {MediaStreamTrack | null} */
    this.audio = null;
    /** What the device or the person would not give. @type {"none" | "camera" | "both"} */
    this.refused = "none";
    this.wanted = { video: true, audio: true };
    this.stopped = false;
    this.fetching = false;
    this.onVisible = () => { if (!document.hidden) this.reopen(); };
    document.addEventListener("visibilitychange", this.onVisible);
  }

  /** Ask for both, then for sound alone. Never fails: `refused` says what was not given. */
  async open() {
    const stream = (await given({ video: PICTURE, audio: SOUND })) ?? (await given({ audio: SOUND }));
    this.#take(stream);
    this.refused = this.video ? "none" : this.audio ? "camera" : "both";
    return this;
  }

  /** Fetch anew what the device has taken away (a locked screen, another application, a pulled plug). */
  async reopen() {
    const lost = (/** @type {MediaStreamTrack | null} */ track) => track !== null && (track.readyState === "ended" || track.muted);
    if (this.stopped || this.fetching || (!lost(this.video) && !lost(this.audio))) return;
    this.fetching = true;
    const stream = await given({ ...(this.video && { video: PICTURE }), ...(this.audio && { audio: SOUND }) });
    this.fetching = false;
    if (stream) this.#take(stream);
  }

  /** Switch a track on or off without letting go of the device. @param {"video" | "audio"} kind @param {boolean} on */
  want(kind, on) {
    this.wanted[kind] = on;
    const track = this[kind];
    if (track) track.enabled = on;
  }

  /** The lamp of the camera goes out. */
  stop() {
    this.stopped = true;
    document.removeEventListener("visibilitychange", this.onVisible);
    for (const track of [this.video, this.audio]) track?.stop();
    this.video = this.audio = null;
    this.dispatchEvent(new Event("tracks"));
  }

  /** @param {MediaStream | null} stream */
  #take(stream) {
    if (!stream) return;
    if (this.stopped) {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    for (const track of stream.getTracks()) {
      const kind = track.kind === "video" ? "video" : "audio";
      this[kind]?.stop();
      this[kind] = track;
      track.enabled = this.wanted[kind];
      track.onended = track.onmute = () => this.reopen();
    }
    this.dispatchEvent(new Event("tracks"));
  }
}

/** @param {MediaStreamConstraints} wanted @returns {Promise<MediaStream | null>} null when it was not given */
async function given(wanted) {
  try {
    return await navigator.mediaDevices.getUserMedia(wanted);
  } catch (error) {
    // no device, no permission, a device in use: to the person it is all the same, there is no picture
    if (error instanceof DOMException || error instanceof TypeError) return null;
    throw error;
  }
}
