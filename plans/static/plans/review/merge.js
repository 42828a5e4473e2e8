// The panel of a three-way merge: both sides of what two people changed, a choice for each part, and all the rest.

import { KINDS } from "./calendar.js";
import { choiceKey, PARTS } from "./diff.js";
import { button, openDialog } from "./panels.js";
import { distanceText, titleText } from "./reading.js";
import { minutesOf } from "./steps.js";
import { fill, fullDay, h, hoursText, momentText, plural, t, tidy } from "./text.js";

const WORDS = { day: t("Day"), content: t("Content"), notes: t("Notes"), key_session: t("Key session"), locked: t("Locked"), session: t("The session") };

const whole = (entry) => (entry ? `${fullDay(entry.day)}, ${content(entry)}` : t("removed"));
const content = (entry) => [KINDS[entry.kind]?.[1] ?? entry.kind, titleText(entry.title), `${hoursText(minutesOf(entry))} h`, t`load ${Math.round(entry.load)}`, entry.prescribed_work.summary].filter(Boolean).join(", ");

/** Return one part of an entry as a person reads it. */
function read(part, entry) {
  if (part === "session" || !entry) return whole(entry);
  if (part === "content") return content(entry);
  const value = PARTS[part].read(entry);
  if (part === "day") return fullDay(value);
  if (part === "notes") return value ? `“${value}”` : t("no notes");
  return value ? t("yes") : t("no");
}

const FIELDS = {
  [t("Type")]: (entry) => KINDS[entry.kind]?.[1] ?? entry.kind,
  [t("Title")]: (entry) => titleText(entry.title),
  [t("Duration")]: (entry) => `${hoursText(minutesOf(entry))} h`,
  [t("Distance")]: ({ prescribed_work: work }) => (work.distance_km === undefined ? "–" : distanceText(work.distance_km)),
  [t("Load")]: (entry) => tidy(entry.load),
  [t("Steps")]: ({ prescribed_work: work }) => work.summary || "–",
};

/** Return the fields of a session's content in which the three sides differ, for one side; what it changed stands out. */
function fieldsOf(entry, sides) {
  const differing = Object.entries(FIELDS).filter(([, value]) => new Set(sides.map(value)).size > 1);
  if (!differing.length) return content(entry);
  return h("dl", {}, differing.map(([label, value]) => [h("dt", {}, label), h("dd", { class: value(entry) === value(sides[0]) ? "" : "rv-differs" }, value(entry))]).flat());
}

/**
 * Show what somebody saved meanwhile against what is unsaved here. Closing it changes nothing.
 * `merge` is what `threeWay` returned, `mine` the unsaved changes; `act` gets the choices (a Set of `choiceKey`) in
 * which their side wins, and whether to save at once.
 */
export function mergePanel(dialog, { version, author, merge, mine, act }) {
  const theirsWin = new Set();
  const whose = author ? t`${author}’s` : t("Theirs");
  const disputed = new Set(merge.disputed.map(({ id }) => id));
  const radios = [];
  const go = (save) => () => { dialog.close(); act(theirsWin, save); };
  const all = (isTheirs) => () => radios.filter((radio) => radio.isTheirs === isTheirs).forEach(({ input }) => input.click());
  const free = mine.filter(({ id }) => !disputed.has(id));
  openDialog(dialog, author ? t`Version ${version.version_number} was saved by ${author} meanwhile` : t`Version ${version.version_number} was saved meanwhile`,
    h("p", {}, mine.length ? plural(mine.length, "edit of yours is kept on this page. ", "edits of yours are kept on this page. ") : t("You have nothing unsaved. "),
      merge.disputed.length ? t`${plural(merge.disputed.length, "session")} changed on both sides: choose what counts.` : t("No part of a session was changed on both sides."),
      h("small", {}, t`saved ${momentText(version.created_at)}`)),
    merge.disputed.length > 0 && h("p", { class: "rv-both" }, button(t("All mine"), all(false)), button(author ? t`All ${whose}` : t("All theirs"), all(true))),
    merge.disputed.map((one) => session(one, { whose, radios, theirsWin })),
    merge.taken.length > 0 && listed(t`${plural(merge.taken.length, "session")} with what only ${author || t("they")} changed, taken over`, merge.taken.map(({ base, theirs, parts }) => differences(base, theirs, parts)), !merge.disputed.length),
    free.length > 0 && listed(t`${plural(free.length, "session")} that only you changed, kept`, free.map(({ before, after }) => differences(before, after, Object.keys(PARTS)))),
    h("footer", { class: "rv-dfoot" }, button(t("Not now"), () => dialog.close()), h("span", { class: "rv-gap" }),
      button(mine.length ? t("Merge, save later") : t`Go on from version ${version.version_number}`, go(false), !mine.length),
      mine.length > 0 && button(t`Merge and save on top of version ${version.version_number}`, go(true), true)));
  dialog.classList.add("rv-merge");
}

function session({ id, base, mine, theirs, parts }, { whose, radios, theirsWin }) {
  const title = titleText((base ?? mine ?? theirs).title);
  return h("section", { class: "rv-conflict" }, h("h3", {}, base ? `${title}, ${fullDay(base.day)}` : t`${title}, new`),
    parts.map((part) => {
      const name = choiceKey(id, part);
      const shown = (entry) => (part === "content" ? fieldsOf(entry, [base, mine, theirs]) : read(part, entry));
      const side = (label, entry, isTheirs) => {
        const input = h("input", { type: "radio", name, checked: !isTheirs, onchange: () => (isTheirs ? theirsWin.add(name) : theirsWin.delete(name)) });
        radios.push({ input, isTheirs });
        return h("label", { class: "rv-choice" }, input, h("b", {}, label), h("div", {}, shown(entry)));
      };
      return h("fieldset", {}, h("legend", {}, WORDS[part], base && h("small", {}, t`was ${read(part, base)}`)),
        h("div", { class: "rv-sides" }, side(t("Mine"), mine, false), side(whose, theirs, true)));
    }));
}

/** Say in one line what differs in these parts of a session. */
function differences(before, after, parts) {
  if (!before || !after) return `${before ? whole(before) : t("new")} → ${whole(after)}`;
  const words = parts.filter((part) => PARTS[part] && read(part, before) !== read(part, after)).flatMap((part) => {
    if (part !== "content") return [`${WORDS[part].toLowerCase()} ${read(part, before)} → ${read(part, after)}`];
    return Object.entries(FIELDS).filter(([, value]) => value(before) !== value(after)).map(([label, value]) => `${label.toLowerCase()} ${value(before)} → ${value(after)}`);
  });
  return [h("b", {}, `${before.title}, ${fullDay(before.day)}`), `: ${words.join("; ") || t("details of its steps")}`];
}

function listed(title, rows, open = false) {
  return fill(h("details", { open }), h("summary", {}, title), h("ul", {}, rows.map((row) => h("li", {}, row))));
}
