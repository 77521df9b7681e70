"use strict";

// Helpers.

const $ = (selector) => document.querySelector(selector);
const BASE = location.origin.replace(/^http/, "ws");
const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];
const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const plural = (number, what) => `${grouped(number)} ${what}${number === 1 ? "" : "s"}`;

/** An element with attributes and children; texts are texts, never markup. */
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
const asText = (bytes) => new TextDecoder().decode(new Uint8Array(bytes));
const seconds = (milliseconds) => `+${(milliseconds / 1000).toFixed(3)} s`;

/** A clause, with its place in the RFC behind it. */
function clause(name) {
  const section = /§([\d.]+)/.exec(name);
  if (!section) return name;
  return element("a", { href: `https://www.rfc-editor.org/rfc/rfc6455#section-${section[1]}` }, name);
}

// A connection that is looked at: a report first, then, with its token, the connection.

/** Opens both; `tell` gets what the server saw, note by note. */
async function look(path, tell) {
  const random = crypto.getRandomValues(new Uint8Array(16));
  const token = Array.from(random, hexOf).join("");
  const report = new WebSocket(`${BASE}/glass/report?token=${token}`);
  await new Promise((done, failed) => {
    report.onopen = done;
    report.onerror = () => failed(new Error("The server takes no report now."));
  });
  report.onerror = null;
  report.onmessage = (event) => tell(JSON.parse(event.data));
  const socket = new WebSocket(`${BASE}${path}?glass=${token}`);
  socket.binaryType = "arraybuffer";
  return { report, socket };
}

// What the server saw.

const MOST_SHOWN = 200;
let frames = 0, closes = 0;
/** What came while the list was held still. */
let held = [];

function clearWall() {
  frames = closes = 0;
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

function show(note) {
  const by = {
    request: () => showHead(note, "The client asks", REQUEST_LINE),
    response: () => { showHead(note, "The server answers", RESPONSE_LINE); showAccept(note); },
    state: () => showState(note),
    frame: () => showFrame(note),
    violation: () => list(violation(note)),
    bytes: () => list(strayBytes(note)),
    missed: () => list(event(note, `${plural(note.frames, "frame")} were not shown: they came faster than this page took them.`)),
    "no head": () => list(event(note, `The ${note.from} sent no opening handshake: ${note.wrong}`, "bad")),
    end: () => timeline(note.at, note.from, ended(note), "§7.1.1"),
    broken: () => timeline(note.at, note.from, ended(note), "§7.2.1"),
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
  // The browser tells its page of the end before the report comes to the causes.
  $("#closing").insertBefore(item, isEffect ? null : $("#closing .effect"));
}

// The opening handshake.

const REQUEST_LINE = ["a GET request, in HTTP/1.1 or higher, for a resource", "§4.1"];
const RESPONSE_LINE = ["101: yes, from here on it is WebSocket; anything else: no", "§4.2.2"];
const FIELDS = {
  host: ["which server is meant, of all with this address", "§4.1"],
  upgrade: ["to another protocol than HTTP", "§4.1"],
  connection: ["Upgrade is between these two, not for proxies", "§4.1"],
  "sec-websocket-key": ["16 random bytes in base64, for the answer to prove itself", "§4.1"],
  "sec-websocket-version": ["13 is the one version of the protocol", "§4.1"],
  "sec-websocket-accept": ["the server has read the key, and knows WebSocket", "§4.2.2"],
  "sec-websocket-protocol": ["what is spoken within the messages", "§1.9"],
  "sec-websocket-extensions": ["what would change the frames; this server accepts none", "§9.1"],
  origin: ["whose page this is, says the browser", "§10.2"],
  cookie: ["who the user is, for the application", "§4.1"],
};

function showHead(note, title, [meaning, where]) {
  const rows = [
    element("dt", {}, note.line),
    element("dd", {}, meaning, " ", clause(where)),
  ];
  for (const [name, value] of note.fields) {
    const known = FIELDS[name.toLowerCase()];
    rows.push(element("dt", {}, `${name}: ${value}`));
    rows.push(known
      ? element("dd", {}, known[0], " ", clause(known[1]))
      : element("dd", {}, "HTTP's, without a meaning here"));
  }
  const wrong = note.wrong && element("p", { class: "bad" }, note.wrong);
  const part = element("div", { class: `head ${note.is}` }, element("h3", {}, title), element("dl", {}, ...rows), wrong || "");
  $("#opening .none")?.remove();
  $("#opening").append(part);
  const line = note.line.replace(/(glass=.{4})\w+/, "$1…");
  $("#opened").textContent += note.is === "request" ? line : `, ${line}`;
}

function showAccept(note) {
  if (!note.key) return;
  const steps = [
    ["the key, as it was sent", note.key],
    ["with the GUID of §1.3 behind it", note.key + note.guid],
    ["hashed with SHA-1: 20 bytes", note.hash],
    ["in base64: the Sec-WebSocket-Accept", note.accept],
  ];
  $("#opening").append(element("div", { class: "steps" },
    element("h3", {}, "How the accept key comes about ", clause("§4.2.2")),
    element("dl", {}, ...steps.flatMap(([what, value]) => [element("dt", {}, what), element("dd", {}, value)]))));
}

// Frames.

const OPCODES = {
  0: ["continuation: goes on with the message before", "§5.4"],
  1: ["text, in UTF-8", "§5.6"],
  2: ["binary", "§5.6"],
  8: ["Close: the last frame that its sender sends", "§5.5.1"],
  9: ["Ping: to be answered with a Pong", "§5.5.2"],
  10: ["Pong: the answer to a Ping", "§5.5.3"],
};

/** The fields of a frame in their order: name, colour, bits, what they say, where that stands. */
function fieldsOf(frame) {
  const header = bytesOf(frame.header);
  const bits = bitsOf(header);
  const [first, second] = header;
  const fin = first >> 7, opcode = first & 15, masked = second >> 7, short = second & 127;
  const extended = { 126: 2, 127: 8 }[short] ?? 0;
  const control = opcode >= 8;
  const key = header.slice(2 + extended);
  const fields = [
    ["FIN", "fin", bits[0], !fin ? "0: more frames of this message follow"
      : control ? "1: control frames are never fragmented" : "1: the last frame of its message", fin && control ? "§5.5" : "§5.4"],
  ];
  for (const i of [1, 2, 3]) {
    fields.push([`RSV${i}`, "rsv", bits[i], `${bits[i]}: no extension is in use, so it is 0`, "§5.2"]);
  }
  const [meaning, where] = OPCODES[opcode] ?? ["reserved", "§5.2"];
  fields.push(["opcode", "opcode", bits.slice(4, 8), `${opcode.toString(16).toUpperCase()}: ${meaning}`, where]);
  fields.push(["MASK", "mask", bits[8], masked
    ? "1: masked, as all frames from a client must be" : "0: not masked, as no frame from a server may be", "§5.1"]);
  fields.push(["length", "length", bits.slice(9, 16), {
    126: "126: more than 125 bytes; the length is in the next 16 bits",
    127: "127: more than 65 535 bytes; the length is in the next 64 bits",
  }[short] ?? `${short}: so many bytes of payload; up to 125 fit here`, "§5.2"]);
  if (extended) {
    fields.push(["extended length", "length", bits.slice(16, 16 + 8 * extended),
      `${grouped(frame.length)}: so many bytes of payload, the most significant byte first`, "§5.2"]);
  }
  if (masked) {
    fields.push(["masking key", "mask", bitsOf(key),
      `${key.map(hexOf).join(" ")}: byte i of the payload is XORed with byte i MOD 4 of the key, which is new for every frame`, "§5.3"]);
  }
  return fields;
}

/** So many bytes of a payload are drawn: a few rows, the last of them full, or a short payload whole. */
function drawn(frame) {
  const few = 16 - bytesOf(frame.header).length % 4;
  return bytesOf(frame.sent).slice(0, frame.length <= few + 4 ? frame.length : few);
}

function diagram(frame) {
  const fields = fieldsOf(frame);
  const payload = drawn(frame);
  if (payload.length) {
    const how = frame.meant === frame.sent ? "as they are" : "masked";
    fields.push(["payload", "payload", bitsOf(payload), `${plural(frame.length, "byte")}, ${how}`, "§5.2"]);
  }
  const why = element("p", { class: "why" });
  const box = element("div", { class: "diagram", role: "group", "aria-label": "The frame, 32 bits a row; arrow keys move among its fields" });
  for (let bit = 0; bit < 32; bit++) box.append(element("span", { class: "ruler", "aria-hidden": "true" }, String(bit)));
  let column = 0;
  for (const field of fields) {
    let bits = field[2];
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

/** A field, or its part in one row; only the first part is a stop for the keyboard. */
function cell([name, colour, all, meaning, where], bits, part) {
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

/** What is pointed at, or has the focus, is explained below the diagram. */
function explain(box, why, fields) {
  const stops = [...box.querySelectorAll("button")];
  stops[0].tabIndex = 0;
  const tell = (name) => {
    const [, , , meaning, where] = fields.find((field) => field[0] === name);
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

/** A payload in hex and as text, and how much of it this is. */
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
  const sent = bytesOf(frame.sent), meant = bytesOf(frame.meant);
  const text = frame.close ?? (frame.kind === "Binary" ? "(bytes)" : asText(meant));
  const box = element("div", { class: "views" });
  if (frame.sent !== frame.meant) box.append(view("as sent, masked", sent, frame.length, printable(sent)));
  box.append(view("as meant", meant, frame.length, text));
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
  if (frame.name === "Close") {
    closes += 1;
    const first = closes === 1;
    const what = `sent Close, ${frame.close ?? "broken"}: ${first ? "it begins the closing handshake" : "the answer"}`;
    timeline(frame.at, frame.from, what, first ? "§7.1.3" : "§5.5.1");
  }
}

function violation(note) {
  const bytes = bytesOf(note.bytes).map(hexOf);
  return element("li", { class: "event" },
    element("h3", { class: "bad" }, element("time", {}, seconds(note.at)), `The ${note.from} broke a rule`),
    element("pre", {}, bytes.slice(0, note.start).join(" "), " ",
      element("mark", {}, bytes.slice(note.start, note.end).join(" ")), " ", bytes.slice(note.end).join(" ")),
    element("p", {}, note.what, `. It earns a Close with ${note.code}.`));
}

const ended = (note) => note.is === "broken" ? "broke off TCP" : note.missing ? `ended TCP, ${note.missing}` : "ended TCP";

function strayBytes(note) {
  return element("li", { class: "event" }, element("h3", {}, `The ${note.from} sent bytes ${note.what}`),
    element("pre", {}, note.bytes), element("pre", {}, printable(bytesOf(note.bytes))));
}

// The controls.

let current = null;

function say(text) { $("#said").textContent = text; }

function showReady() {
  const socket = current?.socket;
  const state = socket ? socket.readyState : WebSocket.CLOSED;
  $("#ready").textContent = STATES[state];
  for (const group of document.querySelectorAll("fieldset.plain")) group.disabled = state !== WebSocket.OPEN;
  for (const control of $("#connect").elements) control.disabled = state !== WebSocket.CLOSED;
}

async function connect(path) {
  clearWall();
  say("Connecting.");
  for (const control of $("#connect").elements) control.disabled = true;
  try {
    current = await look(path, show);
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
    timeline(undefined, "browser", `tells its page: ${how}`, "§7.1.5");
  };
  // With the last of the connection the server closes the report. Before that it closes none.
  current.report.onclose = () => {
    if (socket.readyState === WebSocket.OPEN) say("The report has ended; what passes from now on is not shown.");
  };
}

/** What is sent: a text or bytes; an Error for what is neither. */
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

/** Runs an action; what it has against its input, the page says. */
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

const order = (text) => current.report.send(text);

on("#connect", () => connect(new FormData($("#connect")).get("path")));
on("#send", () => current.socket.send(message($("#kind").value, $("#what").value)));
on("#ping", () => order(`ping ${$("#ping-text").value}`));
on("#fragments", () => order(`fragments ${$("#fragments-count").value} ${$("#fragments-text").value}`));
on("#close", () => { current.socket.close(Number($("#close-code").value), $("#close-reason").value); showReady(); });
$("#server-close").addEventListener("click", () => order(`close ${$("#close-code").value} ${$("#close-reason").value}`));
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

/** Of what the server saw, what belongs beside a fault. */
function faultNote(note, add) {
  const who = note.from;
  if (note.is === "frame") {
    const close = note.close ?? "";
    add(who, `sent ${note.name} ${close} (${note.header}${note.sent ? " " + note.sent : ""})`);
  } else if (note.is === "violation") {
    add(who, `broke a rule: ${note.what} (${note.bytes})`);
  } else if (note.is === "end" || note.is === "broken") {
    add(who, ended(note));
  } else if (note.wrong) {
    add("server", `broke a rule: ${note.wrong}`);
  }
}

showReady();
fillShelf();
