// Plays a recording that the user opened: from the user's own file, wherever else it goes.

export class Player {
  /**
   * @param {HTMLAudioElement} audio - shown while there is a recording
   * @param {HTMLElement} label - holds the recording's name as long
   * @param {(message: string) => void} complain - told what cannot be played
   */
  constructor(audio, label, complain) {
    this.audio = audio;
    this.label = label;
    this.closedText = label.textContent;
    this.address = null;
    audio.addEventListener("error", () => {
      if (!this.address) return;
      const { textContent: name } = label;
      this.close();
      complain(`${name}: this browser cannot play it.`);
    });
  }

  /** What is shown instead of a name while nothing is open. */
  setClosedText(text) {
    this.closedText = text;
    if (!this.isOpen) this.label.textContent = text;
  }

  get isOpen() {
    return this.address !== null;
  }

  open(file) {
    this.close();
    this.address = URL.createObjectURL(file);
    this.label.textContent = file.name;
    this.audio.src = this.address;
    this.audio.hidden = false;
  }

  close() {
    if (!this.address) return;
    const old = this.address;
    this.address = null; // before the element reports that nothing is left to play
    this.audio.removeAttribute("src");
    this.audio.load();
    URL.revokeObjectURL(old);
    this.label.textContent = this.closedText;
    this.audio.hidden = true;
  }

  /** Plays from a second on; waits until the browser knows how long the recording is. */
  async playFrom(secs) {
    const { audio, address } = this;
    if (audio.readyState < HTMLMediaElement.HAVE_METADATA) {
      await new Promise((resolve) => {
        audio.addEventListener("loadedmetadata", resolve, { once: true });
        audio.addEventListener("error", resolve, { once: true });
      });
    }
    if (this.address !== address) return; // another one, or none, by now
    audio.currentTime = secs;
    try {
      await audio.play();
    } catch (error) {
      if (error.name !== "AbortError") throw error; // paused, or sent elsewhere, before it began
    }
  }
}
