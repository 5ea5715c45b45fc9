// Asks the server behind the page, in TF Serving's REST protocol.

/** `text` with each half of a broken surrogate pair replaced by U+FFFD: UTF-8 cannot spell one. Lengths stay. */
export function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

/** What the page must know: the model's name, and the limits of the server. */
export async function readConfig() {
  return readReply(await fetch("page/config.json"));
}

/** A few words on the model: its name and its versions. */
export async function describeModel(name) {
  const { model_version_status: versions } = await readReply(await fetch(modelPath(name)));
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
  const reply = await fetch(`${modelPath(name)}:predict`, {
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
