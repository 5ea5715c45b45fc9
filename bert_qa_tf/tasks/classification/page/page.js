// Asks the server behind this page for the label of each sentence, and shows them.

import { batchesOf, firstTooLong, sentencesOf } from "./batches.js";
import { EXAMPLE } from "./example.js";
import { byId, element, tell, warn } from "./shared/dom.js";
import { decode, onDrop, onPick, readBytes } from "./shared/files.js";
import { describeModel, predict, readConfig, reason } from "./shared/server.js";

const textBox = byId("text");
const labels = document.querySelector(".labels");

// More sentences than these are classified and counted, but not shown: a browser gets slow.
const MAX_ROWS = 1000;

let config = { model_name: "classification", max_batch_size: 64, max_body_bytes: 2 ** 20, max_context_chars: 10 ** 6 };
let request = null; // the AbortController of the sentences on their way

// === Asking ===

async function classify() {
  const sentences = sentencesOf(textBox.value);
  if (!sentences.length) return warn("There is no sentence yet.", textBox);
  const tooLong = firstTooLong(sentences, config.max_context_chars);
  if (tooLong) {
    const [chars, limit] = [tooLong.chars, config.max_context_chars].map(grouped);
    return warn(`Line ${tooLong.line} has ${chars} characters, more than the ${limit} that this server takes.`, textBox);
  }
  request?.abort();
  const mine = (request = new AbortController());
  labels.setAttribute("aria-busy", "true");
  tell("Classifying…");
  const began = performance.now();
  const answers = [];
  try {
    for (const batch of batchesOf(sentences, config)) {
      const instances = batch.map(({ text }) => ({ text }));
      const found = await predict(config.model_name, instances, mine.signal);
      if (!answers.length) clear();
      answers.push(...found);
      if (sentences.length === 1) showOne(found[0]);
      else showSeveral(batch, found);
      if (answers.length < sentences.length) tell(`Classified ${grouped(answers.length)} of ${counted(sentences)}…`);
    }
    tell(summary(answers, (performance.now() - began) / 1000));
  } catch (error) {
    if (mine.signal.aborted) return; // other sentences took their place
    if (!answers.length) clear();
    const done = answers.length ? `Stopped after ${grouped(answers.length)} of ${counted(sentences)}: ` : "";
    warn(`${done}${reason(error)}`);
  } finally {
    if (request === mine) labels.removeAttribute("aria-busy");
  }
}

/** What was found, in a line: how many sentences have each label, the most frequent label first. */
function summary(answers, seconds) {
  const time = `${seconds.toFixed(2)} s`;
  if (answers.length === 1) return `Classified in ${time}.`;
  const counts = new Map();
  for (const { label } of answers) counts.set(label, (counts.get(label) ?? 0) + 1);
  const parts = [...counts].sort((a, b) => b[1] - a[1]).map(([label, count]) => `${label}: ${grouped(count)}`);
  const shown = answers.length > MAX_ROWS ? ` The first ${grouped(MAX_ROWS)} are shown.` : "";
  return `Classified ${counted(answers)} in ${time}. ${parts.join(", ")}.${shown}`;
}

// === Labels ===

/** The label of one sentence, and a bar for each label there is. */
function showOne({ label, labels: names, probabilities }) {
  const order = names.map((name, i) => [name, probabilities[i]]).sort((a, b) => b[1] - a[1]);
  byId("label").textContent = label;
  byId("bars").replaceChildren(...order.map(([name, probability]) => bar(name, probability)));
  byId("single").hidden = false;
}

function bar(name, probability) {
  const track = element("span", "track", "");
  const meter = element("span", "meter", "");
  meter.style.width = `${100 * probability}%`;
  track.append(meter);
  const item = document.createElement("li");
  item.append(element("span", "name", name), element("span", "score", percent(probability)), track);
  return item;
}

/** Adds rows of sentences to the table. */
function showSeveral(sentences, answers) {
  const rows = byId("rows");
  const added = sentences.slice(0, MAX_ROWS - rows.childElementCount).map(({ text }, i) => {
    const row = document.createElement("tr");
    const cells = [answers[i].label, percent(answers[i].score), text].map((content) => element("td", "", content));
    cells[1].className = "score";
    row.append(...cells);
    return row;
  });
  rows.append(...added);
  byId("several").hidden = false;
}

function clear() {
  byId("single").hidden = true;
  byId("several").hidden = true;
  byId("rows").replaceChildren();
}

function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}

// === Sentences ===

async function openFile(file) {
  if (!file) return;
  try {
    setText(decode(file.name, await readBytes(file)));
    tell(`${file.name}: ${counted(sentencesOf(textBox.value))}.`);
    byId("classify").focus();
  } catch (error) {
    warn(error.message);
  }
}

function setText(text) {
  textBox.value = text;
  textBox.scrollTop = 0;
  changed();
}

/** Forgets what was found: it was of another text. */
function changed() {
  byId("length").textContent = counted(sentencesOf(textBox.value));
  if (!request) return;
  request.abort();
  request = null;
  labels.removeAttribute("aria-busy");
  clear();
  tell("The text was changed.");
}

function counted({ length }) {
  return length === 1 ? "1 sentence" : `${grouped(length)} sentences`;
}

function grouped(number) {
  return number.toLocaleString("en");
}

async function start() {
  try {
    config = await readConfig();
    byId("model").textContent = await describeModel(config.model_name);
  } catch (error) {
    byId("model").textContent = `model ${config.model_name}`;
    warn(reason(error));
  }
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  classify();
});
textBox.addEventListener("keydown", (event) => {
  // While an input method composes a word, Enter belongs to it.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  classify();
});
textBox.addEventListener("input", changed);
onDrop(textBox, openFile);
onPick(byId("file"), openFile);
byId("example").addEventListener("click", () => {
  setText(EXAMPLE);
  tell("An example. Enter classifies.");
  textBox.focus();
});

start();
