"use strict";

// Helpers.

const $ = (selector) => document.querySelector(selector);
const BASE = location.origin.replace(/^http/, "ws");
const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const plural = (number, what) => `${grouped(number)} ${what}${number === 1 ? "" : "s"}`;

/** An element with attributes and children. A string becomes text, never markup. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

const bytesOf = (hex) => (hex ? hex.split(" ").map((byte) => parseInt(byte, 16)) : []);
const hexOf = (byte) => byte.toString(16).padStart(2, "0");
const bitsOf = (bytes) => bytes.map((byte) => byte.toString(2).padStart(8, "0")).join("");
const seconds = (milliseconds) => `+${(milliseconds / 1000).toFixed(3)} s`;

/** A clause as a link to its place in the RFC. */
function clause(name) {
  const section = /§([\d.]+)/.exec(name);
  if (!section) return name;
  const rfc = /RFC (\d+)/.exec(name)?.[1] ?? 6455;
  return element("a", { href: `https://www.rfc-editor.org/rfc/rfc${rfc}#section-${section[1]}` }, name);
}

// A connection that this page looks at. First comes its report, then, with the same token, the
// connection.

/** Opens both. `tell` gets what the server saw, note by note. `more` is added to the query. */
async function look(path, tell, more = "") {
  const random = crypto.getRandomValues(new Uint8Array(16));
  const token = Array.from(random, hexOf).join("");
  const report = new WebSocket(`${BASE}/glass/report?token=${token}`);
  await new Promise((done, failed) => {
    report.onopen = done;
    report.onerror = () => failed(new Error("The server accepts no report now."));
  });
  report.onerror = null;
  report.onmessage = (event) => event.data.split("\n").forEach((note) => tell(JSON.parse(note)));
  const socket = new WebSocket(`${BASE}${path}?glass=${token}${more}`);
  socket.binaryType = "arraybuffer";
  return { report, socket };
}

// What the server saw.

const MOST_SHOWN = 200;
let frames = 0;
/** The items that came while the list was held still. */
let held = [];

function clearWall() {
  frames = 0;
  held = [];
  $("#count").textContent = "0";
  $("#frames").replaceChildren();
  $("#opened").textContent = "";
  $("#opening").replaceChildren(element("p", { class: "none" }, "Nothing of it yet."));
  $("#closing").replaceChildren(element("li", { class: "none" }, "Nothing of it yet."));
  for (const item of document.querySelectorAll("#states li")) {
    item.removeAttribute("aria-current");
    item.querySelector("time").textContent = "";
  }
}

/** Shows a note. All words about the protocol come with it from the server. */
function show(note) {
  const by = {
    request: () => showHead(note, "The client asks"),
    response: () => { showHead(note, "The server answers"); showAccept(note); },
    state: () => showState(note),
    frame: () => showFrame(note),
    violation: () => list(violation(note)),
    bytes: () => list(strayBytes(note)),
    missed: () => list(event(note, note.meaning)),
    "no head": () => list(event(note, `The ${note.from} sent no opening handshake: ${note.wrong}`, "bad")),
    end: () => timeline(note.at, note.from, ended(note), note.clause),
    reset: () => timeline(note.at, note.from, ended(note), note.clause),
    refused: () => say(`The server refused: ${note.why}.`),
  };
  by[note.is]?.();
}

function list(item) {
  if ($("#hold").checked) {
    held.push(item);
    return;
  }
  $("#frames").prepend(item);
  while ($("#frames").children.length > MOST_SHOWN) $("#frames").lastChild.remove();
}

function event(note, text, kind = "") {
  return element("li", { class: `event ${kind}` }, element("time", {}, seconds(note.at)), text);
}

/** Words from the server that are needed before there is a connection. The states have the order of
 * `readyState`: the first one is 0. */
let words = { states: [] };

async function fillStates() {
  words = await (await fetch("/glass/words")).json();
  $("#states").replaceChildren(...words.states.map((state) => element("li", { "data-state": state.name },
    element("b", {}, state.name), " ", element("small", {}, `${state.meaning}, ${state.clause}`), " ", element("time"))));
  showReady();
}

function showState({ state, at }) {
  for (const item of document.querySelectorAll("#states li")) {
    if (item.dataset.state === state) {
      item.setAttribute("aria-current", "step");
      item.querySelector("time").textContent = seconds(at);
    } else {
      item.removeAttribute("aria-current");
    }
  }
}

function timeline(at, who, what, where) {
  $("#closing .none")?.remove();
  const isEffect = at === undefined;
  const item = element("li", isEffect ? { class: "effect" } : {},
    element("time", {}, isEffect ? "" : seconds(at)),
    element("span", { class: "who" }, `the ${who} `), what, " ", clause(where));
  // The browser tells its page of the end before the report tells the causes.
  $("#closing").insertBefore(item, isEffect ? null : $("#closing .effect"));
}

// The opening handshake.

function showHead(note, title) {
  const rows = [
    element("dt", {}, note.line),
    element("dd", {}, note.meaning, " ", clause(note.clause)),
  ];
  for (const field of note.fields) {
    rows.push(element("dt", {}, `${field.name}: ${field.value}`));
    rows.push(field.meaning
      ? element("dd", {}, field.meaning, " ", clause(field.clause))
      : element("dd", {}, "a field of HTTP; it has no meaning for WebSocket"));
  }
  const wrong = note.wrong && element("p", { class: "bad" }, note.wrong);
  const part = element("div", { class: `head ${note.is}` }, element("h3", {}, title), element("dl", {}, ...rows), wrong || "");
  $("#opening .none")?.remove();
  $("#opening").append(part);
  const line = note.line.replace(/(glass=.{4})\w+/, "$1…");
  $("#opened").textContent += note.is === "request" ? line : `, ${line}`;
}

function showAccept({ accept }) {
  if (!accept) return;
  $("#opening").append(element("div", { class: "steps" },
    element("h3", {}, "How the accept value comes about ", clause(accept.clause)),
    element("dl", {}, ...accept.steps.flatMap((step) => [element("dt", {}, step.meaning), element("dd", {}, step.value)]))));
}

// Frames.

/** The bytes of a payload that are drawn: all of a short one, else a few rows, the last row full. */
function drawn(frame) {
  const few = 16 - bytesOf(frame.header).length % 4;
  return bytesOf(frame.sent).slice(0, frame.length <= few + 4 ? frame.length : few);
}

function diagram(frame) {
  const fields = [...frame.fields];
  const payload = drawn(frame);
  if (payload.length) fields.push({ ...frame.payload, bits: bitsOf(payload) });
  const why = element("p", { class: "why" });
  const box = element("div", { class: "diagram", role: "group", "aria-label": "The frame, 32 bits in each row; the arrow keys move between its fields" });
  for (let bit = 0; bit < 32; bit++) box.append(element("span", { class: "ruler", "aria-hidden": "true" }, String(bit)));
  let column = 0;
  for (const field of fields) {
    let { bits } = field;
    for (let part = 0; bits; part++) {
      const here = Math.min(32 - column, bits.length);
      box.append(cell(field, bits.slice(0, here), part));
      bits = bits.slice(here);
      column = (column + here) % 32;
    }
  }
  const rest = frame.length - payload.length;
  if (rest > 0 && frame.sent !== undefined) {
    box.append(element("div", { class: "cell payload more" }, `and ${plural(rest, "byte")} more of the payload`));
  }
  explain(box, why, fields);
  return [element("div", { class: "scroller" }, box), why];
}

/** A field, or its part in one row. The keyboard stops only at the first part. */
function cell({ name, colour, bits: all, meaning, clause: where }, bits, part) {
  const label = part === 0 ? name : `${name} (continued)`;
  const thin = all.length === 1 ? "thin" : "";
  const inside = [
    element("span", { class: "label" }, label),
    element("span", { class: "bits", style: `grid-template-columns: repeat(${bits.length}, 1fr)` },
      ...[...bits].map((bit) => element("span", {}, bit))),
  ];
  if (all.length >= 16) {
    const bytes = bits.match(/.{8}/g).map((byte) => element("span", {}, hexOf(parseInt(byte, 2))));
    inside.push(element("span", { class: "bytes", style: `grid-template-columns: repeat(${bytes.length}, 1fr)` }, ...bytes));
  }
  const attributes = { class: `cell ${colour} ${thin}`, "data-field": name, "data-bits": bits, style: `grid-column: span ${bits.length}` };
  if (part > 0) return element("div", { ...attributes, "aria-hidden": "true" }, ...inside);
  return element("button", { ...attributes, type: "button", tabindex: "-1", "aria-label": `${name}, ${meaning}, ${where}` }, ...inside);
}

/** Explains, below the diagram, the field under the pointer or with the focus. */
function explain(box, why, fields) {
  const stops = [...box.querySelectorAll("button")];
  stops[0].tabIndex = 0;
  const tell = (name) => {
    const { meaning, clause: where } = fields.find((field) => field.name === name);
    for (const each of box.querySelectorAll(".cell")) each.classList.toggle("lit", each.dataset.field === name);
    why.replaceChildren(element("b", {}, name), ` ${meaning} `, clause(where));
  };
  const tellOf = (target) => {
    const name = target.closest?.("[data-field]")?.dataset.field;
    if (name) tell(name);
  };
  box.addEventListener("pointerover", (event) => tellOf(event.target));
  box.addEventListener("click", (event) => tellOf(event.target));
  box.addEventListener("focusin", (event) => {
    for (const stop of stops) stop.tabIndex = stop === event.target ? 0 : -1;
    tellOf(event.target);
  });
  box.addEventListener("keydown", (event) => {
    const at = stops.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: stops.length - 1 }[event.key];
    if (to === undefined || !stops[to]) return;
    event.preventDefault();
    stops[to].focus();
  });
}

/** A payload in hex and as text, and how many of its bytes are shown. */
function view(title, bytes, length, text) {
  const rows = [];
  for (let at = 0; at < bytes.length; at += 16) rows.push(bytes.slice(at, at + 16).map(hexOf).join(" "));
  const shown = bytes.length < length ? `the first ${bytes.length} of ${plural(length, "byte")}` : plural(length, "byte");
  return element("div", {},
    element("h4", {}, `${title}, ${shown}`),
    element("pre", { class: "hex" }, rows.join("\n") || "nothing"),
    element("pre", { class: "said" }, text));
}

function views(frame) {
  if (frame.sent === undefined) return element("p", { class: "bad" }, "The payload did not come, or not all of it.");
  const sent = bytesOf(frame.sent), unmasked = bytesOf(frame.unmasked);
  const box = element("div", { class: "views" });
  if (frame.sent !== frame.unmasked) box.append(view("masked, on the wire", sent, frame.length, printable(sent)));
  const name = frame.sent === frame.unmasked ? "payload" : "unmasked";
  if (frame.inflated === undefined) {
    box.append(view(name, unmasked, frame.length, frame.close ?? frame.text));
  } else {
    box.append(view(name, unmasked, frame.length, printable(unmasked)),
      view(`inflated, ${frame.inflated_words}`, bytesOf(frame.inflated), frame.inflated_length, frame.text));
  }
  return box;
}

const printable = (bytes) => bytes.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");

function showFrame(frame) {
  frames += 1;
  $("#count").textContent = grouped(frames);
  const other = frame.from === "client" ? "server" : "client";
  const part = frame.message === 0 ? "" : `message ${frame.message}, fragment ${frame.fragment}`;
  list(element("li", { class: `frame from-${frame.from}`, "data-name": frame.name, value: frames },
    element("h3", {},
      element("span", { class: "who" }, `${frame.from} → ${other}`),
      element("span", {}, `${frame.name}, ${plural(frame.length, "byte")}`),
      element("small", {}, part),
      element("time", {}, seconds(frame.at))),
    ...diagram(frame), views(frame)));
  if (frame.step) {
    const what = `sent Close, ${frame.close ?? "broken"}: ${frame.step.meaning}`;
    timeline(frame.at, frame.from, what, frame.step.clause);
  }
}

function violation(note) {
  const bytes = bytesOf(note.bytes).map(hexOf);
  return element("li", { class: "event" },
    element("h3", { class: "bad" }, element("time", {}, seconds(note.at)), `The ${note.from} broke a rule`),
    element("pre", {}, bytes.slice(0, note.start).join(" "), " ",
      element("mark", {}, bytes.slice(note.start, note.end).join(" ")), " ", bytes.slice(note.end).join(" ")),
    element("p", {}, note.what, ". ", note.close));
}

const ended = (note) => note.unfinished ? `${note.meaning}, ${note.unfinished}` : note.meaning;

function strayBytes(note) {
  return element("li", { class: "event" }, element("h3", {}, `The ${note.from} sent bytes ${note.meaning}`),
    element("pre", {}, note.bytes), element("pre", {}, printable(bytesOf(note.bytes))));
}

// The controls.

let current = null;

function say(text) { $("#said").textContent = text; }

function showReady() {
  const socket = current?.socket;
  const state = socket ? socket.readyState : WebSocket.CLOSED;
  if (words.states[state]) $("#ready").textContent = words.states[state].name;
  for (const group of document.querySelectorAll("fieldset.plain")) group.disabled = state !== WebSocket.OPEN;
  for (const control of $("#connect").elements) control.disabled = state !== WebSocket.CLOSED;
}

async function connect(path) {
  clearWall();
  say("Connecting.");
  for (const control of $("#connect").elements) control.disabled = true;
  try {
    current = await look(path, show, $("#deflate").checked ? "&deflate" : "");
  } catch (error) {
    say(error.message);
    showReady();
    return;
  }
  const { socket } = current;
  showReady();
  socket.onopen = () => { showReady(); say(`Open: ${path}.`); };
  socket.onclose = (event) => {
    showReady();
    const how = `close event: code ${event.code}, reason "${event.reason}", wasClean ${event.wasClean}`;
    say(`Closed. ${how}.`);
    timeline(undefined, "browser", `tells its page: ${how}`, words.close_event_clause);
  };
  // The server closes the report after the end of the connection.
  current.report.onclose = () => {
    if (socket.readyState === WebSocket.OPEN) say("The report has ended; what passes from now on is not shown.");
  };
}

/** What is sent: a text or bytes. It throws an Error for an input that is neither. */
function message(kind, what) {
  if (kind === "text") return what;
  if (kind === "count") {
    const count = Number(what);
    if (!Number.isInteger(count) || count < 0 || count > 16 << 20) throw new Error("A number of bytes up to 16 777 216, please.");
    return "x".repeat(count);
  }
  const digits = what.replace(/[\s:]/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error("Bytes are pairs of hexadecimal digits, please.");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Runs an action. If its input is wrong, the page says why. */
function attempt(action) {
  try {
    action();
  } catch (error) {
    say(error.message);
  }
}

function on(form, action) {
  $(form).addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(action);
  });
}

const command = (text) => current.report.send(text);

on("#connect", () => connect(new FormData($("#connect")).get("path")));
on("#send", () => current.socket.send(message($("#kind").value, $("#what").value)));
on("#ping", () => command(`ping ${$("#ping-text").value}`));
on("#fragments", () => command(`fragments ${$("#fragments-count").value} ${$("#fragments-text").value}`));
on("#close", () => { current.socket.close(Number($("#close-code").value), $("#close-reason").value); showReady(); });
$("#server-close").addEventListener("click", () => command(`close ${$("#close-code").value} ${$("#close-reason").value}`));
for (const button of document.querySelectorAll("[data-size]")) {
  button.addEventListener("click", () => attempt(() => current.socket.send(message("count", button.dataset.size))));
}
$("#kind").addEventListener("change", () => {
  $("#what").value = { text: "Hello", hex: "48 65 6c 6c 6f", count: "126" }[$("#kind").value];
});
$("#hold").addEventListener("change", () => {
  if (!$("#hold").checked) held.splice(0).forEach(list);
});

// The shelf.

async function fillShelf() {
  const faults = await (await fetch("/fault")).json();
  const items = faults.map((fault) => {
    const result = element("ol", { class: "timeline" });
    const run = element("button", { type: "button", "aria-label": `Run ${fault.name}` }, "Run");
    const item = element("li", { "data-fault": fault.name },
      element("div", {}, element("h3", {}, element("code", {}, fault.name)), element("p", {}, `It ${fault.does}.`), run),
      element("div", {}, element("h4", {}, "What the RFC says"), element("p", {}, `“${fault.asks}” `, clause(fault.clause))),
      element("div", {}, element("h4", {}, "What this browser makes of it"),
        element("p", { class: "verdict" }, "not run yet"), result));
    run.addEventListener("click", () => runFault(fault.name, item));
    return item;
  });
  $("#faults").replaceChildren(...items);
  $("#run-all").addEventListener("click", () => items.forEach((item) => item.querySelector("button").click()));
}

async function runFault(name, item) {
  const result = item.querySelector("ol"), verdict = item.querySelector(".verdict"), run = item.querySelector("button");
  const add = (who, what) => result.append(element("li", {}, element("span", { class: "who" }, `${who} `), what));
  result.replaceChildren();
  delete item.dataset.code;
  run.disabled = true;
  verdict.textContent = "waiting, 10 s at most";
  let connection;
  try {
    connection = await look(`/fault/${name}`, (note) => faultNote(note, add));
  } catch (error) {
    verdict.textContent = error.message;
    run.disabled = false;
    return;
  }
  const { socket } = connection;
  socket.onopen = () => add("browser", "open event");
  socket.onmessage = (event) => {
    add("browser", `message event, "${event.data}"`);
    if (name === "mute") {
      add("page", "calls close(1000)");
      socket.close(1000);
    }
  };
  socket.onerror = () => add("browser", "error event");
  socket.onclose = ({ code, reason, wasClean }) => {
    add("browser", "close event");
    verdict.textContent = `code ${code}, reason "${reason}", wasClean ${wasClean}`;
    Object.assign(item.dataset, { code, reason, clean: wasClean });
    run.disabled = false;
  };
}

/** Shows beside a fault what the server saw of it. */
function faultNote(note, add) {
  const who = note.from;
  if (note.is === "frame") {
    const close = note.close ?? "";
    add(who, `sent ${note.name} ${close} (${note.header}${note.sent ? " " + note.sent : ""})`);
  } else if (note.is === "violation") {
    add(who, `broke a rule: ${note.what} (${note.bytes})`);
  } else if (note.is === "end" || note.is === "reset") {
    add(who, ended(note));
  } else if (note.wrong) {
    add("server", `broke a rule: ${note.wrong}`);
  }
}

showReady();
fillStates();
fillShelf();
