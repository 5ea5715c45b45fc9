// When the words of a transcript were said, and by whom.

/** Seconds as a person reads them, the parts of one cut off: `1:02`, `1:00:02`. */
export function clock(secs) {
  const [hours, minutes, rest] = [secs / 3600, (secs / 60) % 60, secs % 60].map(Math.floor);
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Places of words in a text, in code points, and their seconds, as `POST /transcript` gives them. */
export class Timeline {
  constructor(words) {
    this.words = words;
  }

  /** Whether it knows when anything was said. */
  get hasTimes() {
    return this.words.start_secs.some((secs) => secs !== null);
  }

  /** Whether it knows neither when nor by whom anything was said. */
  get isEmpty() {
    return !this.hasTimes && this.words.speakers.every((speaker) => speaker === null);
  }

  /** `{start, end, estimated}` in seconds of a span; null where it touches no word whose time is known. */
  at(startChar, endChar) {
    const { start_secs: from, end_secs: to } = this.words;
    let time = null;
    for (const i of this.touched(startChar, endChar)) {
      if (from[i] === null || to[i] === null) continue;
      time = {
        start: Math.min(time?.start ?? Infinity, from[i]),
        end: Math.max(time?.end ?? 0, to[i]),
        estimated: Boolean(time?.estimated) || this.words.times_estimated[i],
      };
    }
    return time;
  }

  /** Who says all words of a span; null where that is not known, or where several do. */
  speaker(startChar, endChar) {
    const speakers = new Set([...this.touched(startChar, endChar)].map((i) => this.words.speakers[i]));
    return speakers.size === 1 ? [...speakers][0] : null;
  }

  /** The numbers of the words that a span touches. */
  *touched(startChar, endChar) {
    const { start_chars: starts, end_chars: ends } = this.words;
    let [low, high] = [0, starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle] > startChar) high = middle;
      else low = middle + 1;
    }
    for (let i = low; i < starts.length && starts[i] < endChar; i += 1) yield i;
  }
}
