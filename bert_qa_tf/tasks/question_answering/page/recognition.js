// Sends a recording to the server to be recognized, and shows that it is at it.

import { request } from "./shared/server.js";

export class Recognition {
  /**
   * @param {HTMLElement} shown - visible while a recording is recognized
   * @param {HTMLElement} elapsed - says for how long already
   */
  constructor(shown, elapsed) {
    this.shown = shown;
    this.elapsed = elapsed;
    this.request = null; // an AbortController while it is at it
  }

  get isRunning() {
    return this.request !== null;
  }

  /**
   * Recognizes a recording; stops with the one before.
   *
   * @param {File} file
   * @param {(reply: Response) => Promise<object>} read - of the server's reply
   * @returns {Promise<object | null>} what the server made of it; null where it was stopped
   */
  async run(file, read) {
    this.stop();
    const mine = (this.request = new AbortController());
    const began = Date.now();
    const show = () => (this.elapsed.textContent = `${Math.round((Date.now() - began) / 1000)} s`);
    const timer = setInterval(show, 1000);
    show();
    this.shown.hidden = false;
    try {
      const address = `transcribe?name=${encodeURIComponent(file.name)}`;
      return await read(await request(address, { method: "POST", body: file, signal: mine.signal }));
    } catch (error) {
      if (mine.signal.aborted) return null;
      throw error;
    } finally {
      clearInterval(timer);
      if (this.request === mine) this.finish();
    }
  }

  /** Lets it be; the server stops when it sees that nobody waits. */
  stop() {
    this.request?.abort();
    this.finish();
  }

  finish() {
    this.request = null;
    this.shown.hidden = true;
  }
}
