// Elements of the page, and the line that says what is going on.

export const byId = (id) => document.getElementById(id);

/** A new element that holds `text`: never as HTML, since it is somebody's. */
export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

/** Says what is going on. */
export function tell(text) {
  byId("status").textContent = text;
  byId("status").classList.remove("error");
}

/** Says what is wrong; `box` is where to mend it, if anywhere. */
export function warn(text, box) {
  tell(text);
  byId("status").classList.add("error");
  box?.focus();
}
