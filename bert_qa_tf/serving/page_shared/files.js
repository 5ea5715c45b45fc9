// Files that the user opens, or drops on the page.

/** The bytes of a file. */
export async function readBytes(file) {
  try {
    return await file.arrayBuffer();
  } catch (error) {
    throw new Error(`${file.name}: ${error.message}`);
  }
}

/** Bytes as text; `name` is the file's, for the message where they are none. */
export function decode(name, bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${name} is not UTF-8 text.`);
  }
}

/** Calls `open` with the file that is chosen with `picker`. */
export function onPick(picker, open) {
  picker.addEventListener("change", () => {
    open(picker.files[0]);
    picker.value = ""; // so that the same file can be opened again
  });
}

/** Calls `open` with the file that is dropped on `box`. */
export function onDrop(box, open) {
  box.addEventListener("dragover", (event) => event.preventDefault());
  box.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    open(event.dataTransfer.files[0]);
  });
}
