// @ts-check
// The screen stays lit while somebody needs it.

/**
 * Keep the screen awake until the returned function is called. Where the browser cannot, nothing happens.
 * @returns {() => void}
 */
export function stayAwake() {
  let wanted = true;
  /** @type {WakeLockSentinel | null} */
  let held = null;
  const take = async () => {
    if (!wanted || held || document.hidden || !("wakeLock" in navigator)) return;
    try {
      const got = await navigator.wakeLock.request("screen");
      if (!wanted) return got.release();
      held = got;
      got.onrelease = () => { held = null; };
    } catch (error) {
      if (!(error instanceof DOMException)) throw error; // an empty battery may say no
    }
  };
  document.addEventListener("visibilitychange", take);
  take();
  return () => {
    wanted = false;
    document.removeEventListener("visibilitychange", take);
    held?.release();
    held = null;
  };
}
