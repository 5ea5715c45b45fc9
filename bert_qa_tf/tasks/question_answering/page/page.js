// Asks the server behind this page, in TF Serving's REST protocol, and shows where in the transcript the answers are.

import { EXAMPLE } from "./example.js";
import { Player } from "./player.js";
import { Recognition } from "./recognition.js";
import { byId, element, tell, warn } from "./shared/dom.js";
import { onDrop, onPick, readBytes } from "./shared/files.js";
import { describeModel, predict, readConfig, readReply, reason, request as send, wellFormed } from "./shared/server.js";
import { markedParts, readSquad, toCodeUnits } from "./text.js";
import { clock, Timeline } from "./timeline.js";

const contextBox = byId("context");
const view = byId("view");
const questionBox = byId("question");
const asking = document.querySelector(".asking");
const player = new Player(byId("audio"), byId("recording-help"), complain);
const recognition = new Recognition(byId("listening"), byId("elapsed"));

const MAX_SHOWN = 8;

let config = { model_name: "qa", recognizer: null };
let request = null; // the AbortController of the question on its way
let spans = []; // of the answers shown: {start, end} in UTF-16 code units
let paragraphs = []; // of a SQuAD file: {title, context, questions}
let timeline = null; // of a transcript with times
let recording = null; // the file that was opened last, whether this browser can play it or not
let opening = 0; // counts files: a slow one must not take the place of one opened after it

// === Asking ===

async function ask() {
  const question = wellFormed(questionBox.value.trim());
  const context = wellFormed(contextBox.value);
  if (!context.trim() && recognition.isRunning) return tell(`Wait: still recognizing ${recording.name}…`);
  if (!context.trim()) return complain("There is no transcript yet.", contextBox);
  if (!question) return complain("What is the question?", questionBox);
  request?.abort();
  const mine = (request = new AbortController());
  asking.setAttribute("aria-busy", "true");
  tell("Looking for an answer…");
  const began = performance.now();
  try {
    const [answer] = await predict(config.model_name, [{ question, context }], mine.signal);
    show(answer, context, (performance.now() - began) / 1000);
  } catch (error) {
    if (mine.signal.aborted) return; // another question took its place
    clearAnswers();
    complain(reason(error));
  } finally {
    if (request === mine) asking.removeAttribute("aria-busy");
  }
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
  const times = entries.map(({ text, start }, i) => (text && timeline ? timeline.at(start, ends[i]) : null));
  const speakers = entries.map(({ text, start }, i) => (text && timeline ? timeline.speaker(start, ends[i]) : null));
  byId("answers").replaceChildren(...entries.map((entry, i) => answerItem(entry, i, times[i], speakers[i])));
  const none = entries[0].text ? "" : "No answer in this transcript. ";
  // Older exports do not say.
  const cut = answer.question_tokens_cut > 0 ? "The question is too long: the model did not read its end. " : "";
  tell(`${none}${cut}Asked and answered in ${seconds.toFixed(2)} s.`);
  questionBox.scrollLeft = 0; // a long one shows its beginning
  contextBox.hidden = true;
  view.hidden = false;
  byId("edit").hidden = false;
  choose(0);
}

function answerItem(entry, index, time, speaker) {
  const text = element("span", entry.text ? "text" : "text none", entry.text.trim() || "no answer");
  const score = element("span", "score", entry.score.toFixed(3));
  score.title = "score, 0 to 1";
  const meter = element("span", "meter", "");
  meter.style.width = `${100 * entry.score}%`;
  const button = element("button", "answer", "");
  button.type = "button";
  button.append(text, score, meter);
  if (speaker) button.append(element("span", "speaker", `said by ${speaker}`));
  button.addEventListener("click", () => choose(index));
  const item = document.createElement("li");
  item.append(button);
  if (time) item.append(timeButton(time, index));
  return item;
}

function timeButton(time, index) {
  const button = element("button", "time", clock(time.start));
  button.type = "button";
  const about = time.estimated ? "about " : "";
  button.setAttribute("aria-label", `Play from ${about}${clock(time.start)}`);
  button.title = `said from ${about}${clock(time.start)} to ${clock(time.end)}`;
  button.addEventListener("click", () => {
    choose(index);
    if (player.isOpen) return player.playFrom(time.start).catch((error) => complain(error.message));
    tell("Open the recording to hear it from there.");
    byId("recording-file").focus();
  });
  return button;
}

function choose(index) {
  document.querySelectorAll("#answers .answer").forEach((button, i) => {
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

function setContext(text, times = null) {
  request?.abort();
  contextBox.value = text;
  timeline = times;
  contextBox.scrollTop = 0;
  byId("length").textContent = `${[...contextBox.value].length.toLocaleString("en")} characters`;
  clearAnswers();
}

async function openFile(file) {
  if (!file) return;
  // Browsers take NIST's segments (.stm) for music.
  if (/^(audio|video)\//.test(file.type) && !/\.stm$/i.test(file.name)) return openRecording(file);
  stopRecognizing();
  const mine = (opening += 1);
  let bytes;
  try {
    bytes = await readBytes(file);
  } catch (error) {
    return complain(error.message);
  }
  const found = readSquad(new TextDecoder().decode(bytes));
  if (!found.length) return openTranscript(file, bytes, mine);
  if (mine !== opening) return;
  paragraphs = found;
  byId("paragraphs").hidden = false;
  byId("questions").replaceChildren();
  const names = paragraphs.map(({ title, context }, i) => `${i + 1}. ${title}: ${context.slice(0, 60)}`);
  byId("paragraph").replaceChildren(...names.map((name, i) => new Option(name, i)));
  setParagraph(0);
  tell(`${file.name}: ${paragraphs.length.toLocaleString("en")} paragraphs.`);
  questionBox.focus();
}

/** A transcript or a text: the server reads it, so that the formats are known in one place. */
async function openTranscript(file, bytes, mine) {
  tell(`Reading ${file.name}…`);
  try {
    const reply = await send(`transcript?name=${encodeURIComponent(file.name)}`, { method: "POST", body: bytes });
    const read = await readReply(reply);
    if (mine !== opening) return;
    setTranscript(read);
    tell(`${file.name}: ${read.note}.`);
    questionBox.focus();
  } catch (error) {
    if (mine === opening) complain(reason(error));
  }
}

function setTranscript({ text, words }) {
  paragraphs = [];
  byId("paragraphs").hidden = true;
  byId("questions").replaceChildren();
  const times = new Timeline(words);
  setContext(text, times.isEmpty ? null : times);
}

function openRecording(file) {
  if (!file) return;
  stopRecognizing();
  recording = file;
  player.open(file);
  byId("recognize").hidden = !config.recognizer;
  if (timeline?.hasTimes) return tell(`${file.name} is open: a time beside an answer plays from there.`);
  if (contextBox.value.trim()) return tell(`${file.name} is open.`); // somebody's text: it is kept
  if (config.recognizer) return recognize();
  tell(`${file.name} is open. This server recognizes no speech: open its transcript to ask about it.`);
}

/** Has the server recognize the recording that is open, and puts what it heard in the place of the transcript. */
async function recognize() {
  const file = recording;
  if (file.size > config.max_audio_bytes) {
    const mebibytes = (config.max_audio_bytes / 2 ** 20).toLocaleString("en", { maximumFractionDigits: 1 });
    return complain(`${file.name} is larger than the ${mebibytes} MiB that this server takes.`);
  }
  const mine = (opening += 1);
  tell(`Recognizing ${file.name}…`);
  byId("recognize").textContent = "Stop";
  try {
    const read = await recognition.run(file, readReply);
    if (!read || mine !== opening) return;
    if (!read.text) return complain(`${file.name}: nothing was heard in it.`);
    setTranscript(read);
    tell(`${file.name}: ${read.note}.`);
    questionBox.focus();
  } catch (error) {
    if (mine === opening) complain(reason(error));
  } finally {
    if (!recognition.isRunning) byId("recognize").textContent = "Recognize";
  }
}

function stopRecognizing() {
  if (!recognition.isRunning) return;
  recognition.stop();
  byId("recognize").textContent = "Recognize";
  opening += 1;
}

function setParagraph(index) {
  const { context, questions } = paragraphs[index];
  setContext(context);
  byId("questions").replaceChildren(...questions.map((question) => new Option(question)));
  questionBox.value = questions[0] ?? "";
}

// === Telling ===

function complain(text, box) {
  if (box === contextBox) edit(false);
  warn(text, box);
}

async function start() {
  try {
    config = await readConfig();
    if (config.recognizer) player.setClosedText(`Played here; ${config.recognizer} on this server makes its transcript.`);
    byId("model").textContent = await describeModel(config.model_name);
  } catch (error) {
    byId("model").textContent = `model ${config.model_name}`;
    complain(reason(error));
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
  if (timeline) tell("The text was changed: its times no longer fit and are gone.");
  timeline = null;
  if (recognition.isRunning) {
    stopRecognizing(); // what is typed is not to be overwritten
    tell("Recognizing was stopped: there is a text now.");
  }
});
onDrop(contextBox, openFile);
byId("answers").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const buttons = [...document.querySelectorAll("#answers .answer")];
  const items = buttons.map((button) => button.closest("li"));
  const next = step && buttons[items.indexOf(document.activeElement.closest("li")) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.click();
});
byId("edit").addEventListener("click", () => edit(true));
onPick(byId("file"), openFile);
onPick(byId("recording-file"), openRecording);
byId("recognize").addEventListener("click", () => {
  if (!recognition.isRunning) return recognize();
  stopRecognizing();
  tell("Recognizing was stopped.");
});
byId("paragraph").addEventListener("change", (event) => setParagraph(Number(event.target.value)));
byId("example").addEventListener("click", () => {
  stopRecognizing();
  opening += 1;
  paragraphs = [];
  byId("paragraphs").hidden = true;
  setContext(EXAMPLE.context);
  byId("questions").replaceChildren(...EXAMPLE.questions.map((question) => new Option(question)));
  questionBox.value = EXAMPLE.questions[0];
  tell("An example. Enter asks.");
  questionBox.focus();
});

start();
