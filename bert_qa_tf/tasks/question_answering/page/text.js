// What the page does with text, apart from showing it.

/** Places in `text` counted in code points, as places counted in UTF-16 code units; one pass for all of them. */
export function toCodeUnits(text, places) {
  const order = places.map((_, i) => i).sort((a, b) => places[a] - places[b]);
  const units = new Array(places.length);
  let point = 0;
  let unit = 0;
  for (const i of order) {
    while (point < places[i] && unit < text.length) {
      unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
      point += 1;
    }
    units[i] = unit;
  }
  return units;
}

/**
 * Cuts a text into plain and marked parts.
 *
 * @param {string} text
 * @param {{start: number, end: number}[]} spans - in code units; they may overlap, empty ones mark nothing
 * @param {number} chosen - the index of the span that is marked as `chosen`; what others add to it is `other`
 * @returns {{text: string, kind: "plain" | "chosen" | "other"}[]} the whole text, in order
 */
export function markedParts(text, spans, chosen) {
  const real = spans.filter(({ start, end }) => start < end);
  const cuts = [0, text.length, ...real.flatMap(({ start, end }) => [start, end])];
  const places = [...new Set(cuts)].sort((a, b) => a - b);
  const parts = [];
  for (let i = 0; i + 1 < places.length; i += 1) {
    const [start, end] = [places[i], places[i + 1]];
    const covers = (span) => span.start <= start && end <= span.end && span.start < span.end;
    const kind = covers(spans[chosen]) ? "chosen" : real.some(covers) ? "other" : "plain";
    const last = parts.at(-1);
    if (last?.kind === kind) last.text += text.slice(start, end);
    else parts.push({ text: text.slice(start, end), kind });
  }
  return parts;
}

/** The paragraphs of a file in SQuAD's form, `{title, context, questions}` each; none where it has another form. */
export function readSquad(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(value?.data)) return [];
  return value.data.flatMap((article) =>
    (article?.paragraphs ?? [])
      .filter((paragraph) => typeof paragraph?.context === "string")
      .map(({ context, qas }) => ({
        title: String(article.title ?? "untitled"),
        context,
        questions: (qas ?? []).map(({ question }) => String(question)),
      })),
  );
}
