// Asks the server behind this page, in TF Serving's REST protocol, and shows where in the transcript the answers are.

import { EXAMPLE } from "./example.js";
import { markedParts, readSquad, toCodeUnits, wellFormed } from "./text.js";

const byId = (id) => document.getElementById(id);
const contextBox = byId("context");
const view = byId("view");
const questionBox = byId("question");
const asking = document.querySelector(".asking");

const MAX_SHOWN = 8;

let config = { model_name: "qa" };
let request = null; // the AbortController of the question on its way
let spans = []; // of the answers shown: {start, end} in UTF-16 code units
let paragraphs = []; // of a SQuAD file: {title, context, questions}

// === Asking ===

async function ask() {
  const question = wellFormed(questionBox.value.trim());
  const context = wellFormed(contextBox.value);
  if (!context.trim()) return complain("There is no transcript yet.", contextBox);
  if (!question) return complain("What is the question?", questionBox);
  request?.abort();
  const mine = (request = new AbortController());
  asking.setAttribute("aria-busy", "true");
  tell("Looking for an answer…");
  const began = performance.now();
  try {
    const body = JSON.stringify({ instances: [{ question, context }] });
    const reply = await fetch(`v1/models/${encodeURIComponent(config.model_name)}:predict`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
      signal: mine.signal,
    });
    const [answer] = (await readReply(reply)).predictions;
    show(answer, context, (performance.now() - began) / 1000);
  } catch (error) {
    if (mine.signal.aborted) return; // another question took its place
    clearAnswers();
    const unreachable = error instanceof TypeError; // what fetch throws then
    complain(unreachable ? "The server does not answer. Is it still running?" : error.message);
  } finally {
    if (request === mine) asking.removeAttribute("aria-busy");
  }
}

async function readReply(reply) {
  let value;
  try {
    value = JSON.parse(await reply.text());
  } catch {
    throw new Error(`The server answered with status ${reply.status} and no JSON.`);
  }
  if (!reply.ok) throw new Error(value.error ?? `The server answered with status ${reply.status}.`);
  return value;
}

// === Answers ===

function candidates(answer) {
  const found = [];
  answer.nbest_answer.forEach((text, i) => {
    // Short lists are filled up with ("", 0, 0).
    if (text || answer.nbest_score[i] > 0) {
      found.push({ text, start: answer.nbest_start[i], score: answer.nbest_score[i] });
    }
  });
  const same = (entry) => entry.text === answer.answer && (!entry.text || entry.start === answer.answer_start);
  const best = { text: answer.answer, start: answer.answer_start, score: answer.score };
  return [best, ...found.filter((entry) => !same(entry))].slice(0, MAX_SHOWN);
}

function show(answer, context, seconds) {
  const entries = candidates(answer);
  // The model counts code points, this page's strings count UTF-16 code units: behind an emoji they differ.
  const ends = entries.map((entry) => entry.start + [...entry.text].length);
  const units = toCodeUnits(context, [...entries.map((entry) => entry.start), ...ends]);
  spans = entries.map((entry, i) => ({ start: units[i], end: units[i + entries.length] }));
  byId("answers").replaceChildren(...entries.map(answerItem));
  const none = entries[0].text ? "" : "No answer in this transcript. ";
  tell(`${none}Asked and answered in ${seconds.toFixed(2)} s.`);
  questionBox.scrollLeft = 0; // a long one shows its beginning
  contextBox.hidden = true;
  view.hidden = false;
  byId("edit").hidden = false;
  choose(0);
}

function answerItem(entry, index) {
  const text = element("span", entry.text ? "text" : "text none", entry.text.trim() || "no answer");
  const score = element("span", "score", entry.score.toFixed(3));
  score.title = "score, 0 to 1";
  const meter = element("span", "meter", "");
  meter.style.width = `${100 * entry.score}%`;
  const button = element("button", "", "");
  button.type = "button";
  button.append(text, score, meter);
  button.addEventListener("click", () => choose(index));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function choose(index) {
  document.querySelectorAll("#answers button").forEach((button, i) => {
    button.setAttribute("aria-pressed", String(i === index));
  });
  const parts = markedParts(contextBox.value, spans, index).map(({ text, kind }) => {
    return kind === "plain" ? document.createTextNode(text) : element("mark", kind, text);
  });
  view.replaceChildren(...parts);
  const mark = view.querySelector("mark.chosen");
  if (!mark) return;
  // Only the transcript scrolls, not the page: on a phone the answers stay in sight.
  const offset = mark.getBoundingClientRect().top - view.getBoundingClientRect().top;
  view.scrollTop += offset - view.clientHeight / 3;
}

function clearAnswers() {
  spans = [];
  byId("answers").replaceChildren();
  edit(false);
}

function edit(focus) {
  const top = view.scrollTop;
  view.hidden = true;
  byId("edit").hidden = true;
  contextBox.hidden = false;
  contextBox.scrollTop = top;
  if (focus) contextBox.focus();
}

// === Transcripts ===

function setContext(text) {
  request?.abort();
  contextBox.value = text;
  contextBox.scrollTop = 0;
  byId("length").textContent = `${[...contextBox.value].length.toLocaleString("en")} characters`;
  clearAnswers();
}

async function openFile(file) {
  if (!file) return;
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    return complain(`${file.name} is not UTF-8 text.`);
  }
  paragraphs = readSquad(text);
  byId("paragraphs").hidden = !paragraphs.length;
  byId("questions").replaceChildren();
  if (paragraphs.length) {
    const names = paragraphs.map(({ title, context }, i) => `${i + 1}. ${title}: ${context.slice(0, 60)}`);
    byId("paragraph").replaceChildren(...names.map((name, i) => new Option(name, i)));
    setParagraph(0);
    tell(`${file.name}: ${paragraphs.length.toLocaleString("en")} paragraphs.`);
  } else {
    setContext(text);
    tell(`${file.name} is open.`);
  }
  questionBox.focus();
}

function setParagraph(index) {
  const { context, questions } = paragraphs[index];
  setContext(context);
  byId("questions").replaceChildren(...questions.map((question) => new Option(question)));
  questionBox.value = questions[0] ?? "";
}

// === Telling ===

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text; // never as HTML: it is somebody's transcript
  return made;
}

function tell(text) {
  byId("status").textContent = text;
  byId("status").classList.remove("error");
}

function complain(text, box) {
  tell(text);
  byId("status").classList.add("error");
  if (box) {
    if (box === contextBox) edit(false);
    box.focus();
  }
}

async function start() {
  const model = byId("model");
  try {
    config = await readReply(await fetch("page/config.json"));
    const name = encodeURIComponent(config.model_name);
    const { model_version_status: versions } = await readReply(await fetch(`v1/models/${name}`));
    const ready = versions.filter(({ state }) => state === "AVAILABLE").map(({ version }) => version);
    model.textContent = ready.length
      ? `model ${config.model_name}, version ${ready.join(", ")}`
      : `model ${config.model_name} is not ready`;
  } catch (error) {
    model.textContent = `model ${config.model_name}`;
    complain(error.message);
  }
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
contextBox.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    ask();
  }
});
contextBox.addEventListener("input", () => {
  byId("length").textContent = `${[...contextBox.value].length.toLocaleString("en")} characters`;
  request?.abort();
  if (spans.length || asking.ariaBusy) clearAnswers(); // they were of another text
});
contextBox.addEventListener("dragover", (event) => event.preventDefault());
contextBox.addEventListener("drop", (event) => {
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  openFile(event.dataTransfer.files[0]);
});
byId("answers").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const buttons = [...document.querySelectorAll("#answers button")];
  const next = step && buttons[buttons.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.click();
});
byId("edit").addEventListener("click", () => edit(true));
byId("file").addEventListener("change", (event) => {
  openFile(event.target.files[0]);
  event.target.value = ""; // so that the same file can be opened again
});
byId("paragraph").addEventListener("change", (event) => setParagraph(Number(event.target.value)));
byId("example").addEventListener("click", () => {
  paragraphs = [];
  byId("paragraphs").hidden = true;
  setContext(EXAMPLE.context);
  byId("questions").replaceChildren(...EXAMPLE.questions.map((question) => new Option(question)));
  questionBox.value = EXAMPLE.questions[0];
  tell("An example. Enter asks.");
  questionBox.focus();
});

start();
