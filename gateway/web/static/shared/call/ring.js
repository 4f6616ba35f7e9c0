// @ts-check
// A ringtone out of two notes, made on the spot. Browsers let a page sound only after somebody has touched it.

const NOTES_HZ = [659.25, 523.25];
const NOTE_S = 0.45;
const EVERY_MS = 2500;
const LOUDNESS = 0.25;

export class Ringtone {
  constructor() {
    /** @type {AudioContext | null} */
    this.context = null;
    this.timer = 0;
    this.unlock = () => this.#wake();
    for (const name of ["pointerdown", "keydown"]) addEventListener(name, this.unlock, { capture: true, passive: true });
    this.#wake();
  }

  /** Whether the page may sound already. */
  get ready() {
    return this.context?.state === "running";
  }

  start() {
    if (this.timer) return;
    this.#once();
    this.timer = window.setInterval(() => this.#once(), EVERY_MS);
    navigator.vibrate?.([400, 200, 400]);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
  }

  /** One round of the tone, also to let somebody hear how it sounds. */
  async sound() {
    await this.#wake();
    this.#once();
  }

  async #wake() {
    this.context ??= new AudioContext();
    if (this.context.state !== "running" && navigator.userActivation?.hasBeenActive) await this.context.resume();
  }

  #once() {
    const { context } = this;
    if (!context || context.state !== "running") return;
    NOTES_HZ.forEach((hertz, index) => {
      const from_s = context.currentTime + index * NOTE_S;
      const tone = new OscillatorNode(context, { frequency: hertz, type: "triangle" });
      const volume = new GainNode(context, { gain: 0 });
      volume.gain.setValueAtTime(0, from_s);
      volume.gain.linearRampToValueAtTime(LOUDNESS, from_s + 0.03);
      volume.gain.exponentialRampToValueAtTime(0.001, from_s + NOTE_S);
      tone.connect(volume).connect(context.destination);
      tone.start(from_s);
      tone.stop(from_s + NOTE_S);
    });
  }
}
