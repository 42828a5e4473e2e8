// Keys of the page. Keys that edit count only inside the calendar; nothing is caught while somebody types or a dialog
// is open.

const ARROWS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
const STOPS = 4;

export function bindKeys({ calendar, root, model, act }) {
  document.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "s") {
      event.preventDefault();
      return act.save();
    }
    if (document.querySelector("dialog[open]")) return;
    if (command && event.key === "Enter") {
      event.preventDefault();
      return act.submit();
    }
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (command && event.key.toLowerCase() === "z" && !event.shiftKey) {
      event.preventDefault();
      return calendar.moving ? null : act.undo();
    }
    if (command || event.altKey) return;
    const inGrid = root.contains(event.target);
    const handled = (inGrid && inCalendar(event.key, { calendar, model, act })) || (!(calendar.moving && inGrid) && event.target.closest(".rv-app, body") && anywhere(event.key, act));
    if (handled) event.preventDefault();
  });
}

function inCalendar(key, { calendar, model, act }) {
  const { day, id } = calendar.focus;
  if (calendar.moving) {
    if (key === "Enter" || key === " " || key.toLowerCase() === "m") return calendar.endMove(true), true;
    if (key === "Escape") return calendar.endMove(false), true;
  }
  if (key in ARROWS) return calendar.step(ARROWS[key]), true;
  if (key === "Home" || key === "End") return calendar.edge(key === "End"), true;
  if (key === "PageUp" || key === "PageDown") return calendar.step((key === "PageUp" ? -7 : 7) * STOPS), true;
  if (key === "[" || key === "]") return calendar.step(key === "[" ? -7 : 7), true;
  if (calendar.moving) return false;
  const edits = { n: () => act.add(day), m: () => calendar.startMove(), d: () => act.duplicate(id), delete: () => act.remove(id), backspace: () => act.remove(id) };
  const edit = model.limits.editable && edits[key.toLowerCase()];
  return edit ? (edit(), true) : false;
}

function anywhere(key, act) {
  const found = { u: act.undo, p: act.list, "?": act.keys, 1: () => act.region("calendar"), 2: () => act.region("effect"), 3: () => act.region("context") }[key.toLowerCase()];
  return found ? (found(), true) : false;
}
