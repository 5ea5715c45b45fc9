// Asks the server behind the page, in TF Serving's REST protocol.

/** `text` with each half of a broken surrogate pair replaced by U+FFFD: UTF-8 cannot spell one. Lengths stay. */
export function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

const TOKEN = "token"; // its name in the page's address, /#token=…, and in the browser's memory of this tab

/** What the page must know: the model's name, and the limits of the server. */
export async function readConfig() {
  const config = await readReply(await fetch("page/config.json"));
  takeTokenOfAddress();
  if (config.asks_for_token && !sessionStorage.getItem(TOKEN)) {
    const typed = prompt("This server asks for a token:");
    if (typed?.trim()) sessionStorage.setItem(TOKEN, typed.trim());
  }
  return config;
}

/** Takes the token out of the page's address, so that it stays neither there nor in the history. */
function takeTokenOfAddress() {
  const [, token] = location.hash.match(/^#token=(.+)$/) ?? [];
  if (!token) return;
  sessionStorage.setItem(TOKEN, decodeURIComponent(token));
  history.replaceState(null, "", location.pathname + location.search);
}

/** As `fetch`, with the token that this server asks for. */
export async function request(path, options = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  const reply = await fetch(path, { ...options, headers });
  if (reply.status === 401) sessionStorage.removeItem(TOKEN); // so that the page asks for it when it is loaded again
  return reply;
}

/** A few words on the model: its name and its versions. */
export async function describeModel(name) {
  const { model_version_status: versions } = await readReply(await request(modelPath(name)));
  const ready = versions.filter(({ state }) => state === "AVAILABLE").map(({ version }) => version);
  return ready.length ? `model ${name}, version ${ready.join(", ")}` : `model ${name} is not ready`;
}

/**
 * Asks the model.
 *
 * @param {string} name - the model's
 * @param {object[]} instances - what the model takes, by name
 * @param {AbortSignal} signal
 * @returns {Promise<object[]>} what the model gives for each, by name
 */
export async function predict(name, instances, signal) {
  const reply = await request(`${modelPath(name)}:predict`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ instances }),
    signal,
  });
  return (await readReply(reply)).predictions;
}

/** The JSON of a reply; throws what the server says is wrong. */
export async function readReply(reply) {
  let value;
  try {
    value = JSON.parse(await reply.text());
  } catch {
    throw new Error(`The server answered with status ${reply.status} and no JSON.`);
  }
  if (!reply.ok) throw new Error(value.error ?? `The server answered with status ${reply.status}.`);
  return value;
}

/** A caught error as a line for a person. */
export function reason(error) {
  const unreachable = error instanceof TypeError; // what fetch throws then
  return unreachable ? "The server does not answer. Is it still running?" : error.message;
}

function modelPath(name) {
  return `v1/models/${encodeURIComponent(name)}`;
}
