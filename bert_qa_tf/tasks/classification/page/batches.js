// Cuts what the user typed into sentences, and sentences into requests that the server takes.

import { wellFormed } from "./shared/server.js";

const encoder = new TextEncoder();
// A request's own bytes, and those between two instances.
const AROUND = encoder.encode(JSON.stringify({ instances: [] })).length;
const BETWEEN = 1;

/** The lines of a text that are not empty: `{line, text}`, lines counted from 1. */
export function sentencesOf(text) {
  return wellFormed(text)
    .split(/\r\n|\r|\n/)
    .map((part, i) => ({ line: i + 1, text: part.trim() }))
    .filter((sentence) => sentence.text);
}

/** The first sentence that is longer than `maxChars` code points, as `{line, chars}`; null where none is. */
export function firstTooLong(sentences, maxChars) {
  for (const { line, text } of sentences) {
    if (text.length <= maxChars) continue; // it has no more code points than code units
    const chars = [...text].length;
    if (chars > maxChars) return { line, chars };
  }
  return null;
}

/**
 * Cuts sentences into batches.
 *
 * @param {{text: string}[]} sentences
 * @param {{max_batch_size: number, max_body_bytes: number}} limits - of one request
 * @returns {{text: string}[][]} in their order; one that is too large for a request is alone in it
 */
export function batchesOf(sentences, limits) {
  const batches = [];
  let bytes = 0;
  for (const sentence of sentences) {
    const added = encoder.encode(JSON.stringify({ text: sentence.text })).length + BETWEEN;
    const last = batches.at(-1);
    if (last && last.length < limits.max_batch_size && bytes + added <= limits.max_body_bytes) {
      last.push(sentence);
      bytes += added;
    } else {
      batches.push([sentence]);
      bytes = AROUND + added;
    }
  }
  return batches;
}
