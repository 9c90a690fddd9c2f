// The chat page: one conversation over one WebSocket. What is sent waits in `outbox` until the gateway has confirmed it,
// and goes out again with the same id after a reconnect; replies that were missed come first, and none is shown twice.
// A reply that is being made is a draft: shown as far as it is there, kept nowhere, and replaced by the reply.
import { WORDS } from "/words.js";

const $ = (id) => document.getElementById(id);
const KEPT = 200;
const TYPING_FOR = 15000;
const THUMB = "M7 11v9H4v-9zM7 11l4-8c1.5 0 2.5 1 2.5 2.5V9H19a2 2 0 0 1 2 2.3l-1.2 7A2 2 0 0 1 17.8 20H7";

const store = {
  get(name, missing) { try { return JSON.parse(localStorage.getItem(name)) ?? missing; } catch { return missing; } },
  set(name, value) { try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* private mode: not kept */ } },
};
const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

let lang = store.get("lang", navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
let tenants = [];
let tenant = null;
let chat = null; // { session, items, last, handed }, kept by tenant
let socket = null;
let attempts = 0;
let timer = null;
let typingTimer = null;
const drafts = new Map(); // of turns without a reply: { attempt, characters }, by turn; shown last in the log
const words = () => WORDS[lang];

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text; // never as HTML
  return made;
}

function translate() {
  document.documentElement.lang = lang;
  document.title = words().title;
  $("lang").textContent = words().other;
  $("lang").lang = lang === "en" ? "zh" : "en";
  for (const e of document.querySelectorAll("[data-word]")) e.textContent = words()[e.dataset.word];
  for (const e of document.querySelectorAll("[data-label]")) e.setAttribute("aria-label", words()[e.dataset.label]);
  for (const e of document.querySelectorAll("[data-placeholder]")) e.placeholder = words()[e.dataset.placeholder];
  for (const e of document.querySelectorAll("[data-title]")) { e.title = words()[e.dataset.title]; e.setAttribute("aria-label", e.title); }
  setState($("state").dataset.state ?? "connecting");
  if (chat) draw();
}

function setState(state) {
  $("state").dataset.state = state;
  $("state-text").textContent = words()[state];
}

// ---- the conversation, as it is kept and drawn

const chatName = () => `chat ${tenant.tenant}`;
function keep() {
  chat.items = chat.items.slice(-KEPT);
  store.set(chatName(), chat);
}

function freshChat() {
  return { session: `page-${random()}`, items: [], last: null, handed: false };
}

function draw() {
  $("log").replaceChildren();
  if (!chat.items.length) {
    const empty = element("li", "empty");
    empty.append(element("b", "", words().hello), words().hint);
    $("log").append(empty);
  }
  for (const item of chat.items) $("log").append(drawn(item));
  for (const [turn, draft] of drafts) if (draft.characters.length) $("log").append(drawnDraft(turn, draft));
  showHanded();
  toEnd();
}

function drawn(item) {
  const li = element("li", `item${item.mine ? " mine" : ""}${item.state === "pending" ? " pending" : ""}`);
  li.id = item.id;
  const bubble = element("p", "bubble", item.text);
  bubble.dir = "auto";
  if (item.lang && item.lang !== "und") bubble.lang = item.lang;
  li.append(bubble);
  const below = item.mine ? mineFacts(item) : replyParts(item);
  if (item.mine && below.length) li.append(facts(below));
  else li.append(...below);
  return li;
}

function facts(parts) {
  const line = element("div", "facts");
  line.append(...parts.filter(Boolean));
  return line;
}

function mineFacts(item) {
  if (item.state === "failed") {
    const again = element("button", "again", words().again);
    again.type = "button";
    again.onclick = () => { item.state = "pending"; redraw(item); deliver(item); };
    return [element("span", "error", `${words().notSent} ${item.error ?? ""}`), again];
  }
  return item.state === "pending" ? [element("span", "", words().pending)] : [];
}

function replyParts(item) {
  const parts = [];
  if (item.citations?.length) {
    const list = element("ul", "sources");
    list.setAttribute("aria-label", words().sources);
    for (const c of item.citations) list.append(element("li", "", c.title));
    parts.push(list);
  }
  const how = item.agent ? [words().rungs.human, item.agent] : [words().rungs[item.rung] ?? item.rung, words().scenarios[item.scenario]];
  if (item.took != null) how.push(item.took < 1000 ? `${Math.round(item.took)} ${words().ms}` : `${(item.took / 1000).toFixed(1)} ${words().s}`);
  parts.push(facts([item.agent ? null : thumbs(item), element("span", "", how.filter(Boolean).join(" · "))]));
  return parts;
}

function thumbs(item) {
  const group = element("span", "thumbs");
  for (const [name, score] of [["up", 1], ["down", -1]]) {
    const button = element("button", name);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", THUMB);
    svg.append(path);
    button.append(svg);
    button.type = "button";
    button.title = words()[name];
    button.setAttribute("aria-label", words()[name]);
    button.setAttribute("aria-pressed", String(item.score === score));
    button.onclick = () => judge(item, score);
    group.append(button);
  }
  return group;
}

function redraw(item) {
  const there = $(item.id);
  if (there) there.replaceWith(drawn(item));
  keep();
}

function add(item) {
  if (!chat.items.length) $("log").replaceChildren();
  chat.items.push(item);
  const near = nearEnd();
  $("log").insertBefore(drawn(item), $("log").querySelector(".draft"));
  if (near || item.mine) toEnd();
  keep();
}

const nearEnd = () => $("scroll").scrollHeight - $("scroll").scrollTop - $("scroll").clientHeight < 160;
const toEnd = () => { $("scroll").scrollTop = $("scroll").scrollHeight; };

function showHanded() {
  $("notice").hidden = !chat.handed;
  $("notice").textContent = chat.handed ? words().handed : "";
}

function typing(on) {
  clearTimeout(typingTimer);
  $("typing").hidden = !on;
  if (on) { toEnd(); typingTimer = setTimeout(() => typing(false), TYPING_FOR); }
}

// ---- replies that are being made

function drawnDraft(turn, draft) {
  const li = element("li", "item draft");
  li.id = `d${turn}`;
  li.setAttribute("aria-hidden", "true"); // read aloud once, when the reply is there
  const bubble = element("p", "bubble", draft.characters.join(""));
  bubble.dir = "auto";
  li.append(bubble);
  return li;
}

function partial(frame) {
  if (chat.items.some((i) => !i.mine && i.turn === frame.turn_id)) return;
  const known = drafts.get(frame.turn_id);
  const same = known?.attempt === frame.attempt;
  const had = same ? known.characters : [];
  if (frame.position > had.length) { if (!same) dropDraft(frame.turn_id); return; } // a hole: the reply fills it
  const draft = { attempt: frame.attempt, characters: [...had.slice(0, frame.position), ...frame.text] };
  drafts.set(frame.turn_id, draft);
  const there = $(`d${frame.turn_id}`);
  const near = nearEnd();
  if (!draft.characters.length) there?.remove();
  else if (there) there.firstChild.textContent = draft.characters.join("");
  else $("log").append(drawnDraft(frame.turn_id, draft));
  typing(!draft.characters.length);
  if (near) toEnd();
}

function dropDraft(turn) {
  drafts.delete(turn);
  $(`d${turn}`)?.remove();
}

const shownDraft = () => $("log").querySelector(".draft") !== null;
const dropDrafts = () => [...drafts.keys()].forEach(dropDraft);

// ---- sending

function say(text) {
  const item = { id: `m${random()}`, mine: true, text, state: "pending", at: Date.now() };
  add(item);
  deliver(item);
}

function deliver(item) {
  if (socket?.readyState !== WebSocket.OPEN) return; // goes out after the reconnect
  socket.send(JSON.stringify({
    type: "message", ref: item.id, text: item.text, channel_message_id: item.id, entry_path: location.pathname,
    customer: { id: `page ${chat.session.slice(5, 17)}`, attributes: { lang } },
  }));
  if (!chat.handed) typing(true);
}

const pending = () => chat.items.filter((i) => i.mine && i.state === "pending");

function judge(item, score) {
  if (socket?.readyState !== WebSocket.OPEN) return;
  item.score = item.score === score ? 0 : score;
  item.judged = (item.judged ?? 0) + 1;
  socket.send(JSON.stringify({ type: "feedback", turn_id: item.turn, turn_started_at: item.started, score: item.score, request_id: String(item.judged) }));
  redraw(item);
}

// ---- what comes

function took(frame) {
  const mine = chat.items.find((i) => i.mine && i.turn === frame.turn_id);
  return mine?.at && !mine.answered ? Date.now() - mine.at : null;
}

function reply(frame) {
  if (chat.items.some((i) => i.id === `r${frame.id}`)) return;
  const item = {
    id: `r${frame.id}`, text: frame.text, turn: frame.turn_id, started: frame.turn_started_at, rung: frame.rung,
    scenario: frame.scenario, lang: frame.lang, citations: frame.citations, agent: frame.agent_id, took: took(frame),
  };
  const mine = chat.items.find((i) => i.mine && i.turn === frame.turn_id);
  if (mine) mine.answered = true;
  if (frame.handoff || frame.agent_id) chat.handed = true;
  else chat.handed = false; // the bot speaks again
  chat.last = frame.id;
  if (frame.turn_id) dropDraft(frame.turn_id);
  add(item);
  showHanded();
  typing(!chat.handed && !shownDraft() && chat.items.some((i) => i.mine && i.state === "sent" && !i.answered && Date.now() - i.at < TYPING_FOR));
}

function accepted(frame) {
  const item = chat.items.find((i) => i.id === frame.ref);
  if (!item) return;
  item.state = "sent";
  item.turn = frame.turn_id;
  // The reply may have come before this did.
  item.answered = chat.items.some((i) => !i.mine && i.turn === frame.turn_id);
  redraw(item);
  if (item.answered) typing(false);
  if (frame.reply) reply(frame.reply);
}

function failed(frame) {
  const item = chat.items.find((i) => i.id === frame.ref);
  if (!item) return;
  typing(false);
  if (frame.status === 429 || frame.status === 503) { setTimeout(() => { if (item.state === "pending") deliver(item); }, 2000); return; }
  item.state = "failed";
  item.error = frame.error?.remedy;
  redraw(item);
}

// ---- the connection

function connect() {
  clearTimeout(timer);
  dropDrafts();
  if (socket) { socket.onclose = null; socket.close(); }
  if (!attempts) setState("connecting");
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const query = new URLSearchParams({ key: tenant.key, after: chat.last ?? "" });
  const made = socket = new WebSocket(`${scheme}//${location.host}/v1/sessions/${chat.session}/ws?${query}`);
  made.onmessage = (event) => {
    if (made !== socket) return;
    const frame = JSON.parse(event.data);
    if (frame.type === "hello") { attempts = 0; setState("open"); pending().forEach(deliver); }
    else if (frame.type === "reply") reply(frame);
    else if (frame.type === "partial") partial(frame);
    else if (frame.type === "accepted") accepted(frame);
    else if (frame.type === "error") failed(frame);
  };
  made.onclose = (event) => {
    if (made !== socket) return;
    typing(false);
    dropDrafts(); // what is still open comes again from its beginning
    const refused = event.code >= 4400 && event.code < 4500;
    setState(refused ? "refused" : "lost");
    attempts += 1;
    const wait = refused ? 15000 : Math.min(8000, 300 * 2 ** Math.min(attempts, 5)) * (0.7 + 0.6 * Math.random());
    timer = setTimeout(refused ? begin : connect, wait); // refused: the keys may have changed
  };
}

const wake = () => { if (tenant && socket?.readyState !== WebSocket.OPEN && !document.hidden) { attempts = Math.min(attempts, 1); connect(); } };

function choose(name) {
  tenant = tenants.find((t) => t.tenant === name) ?? tenants[0];
  $("tenant").value = tenant.tenant;
  store.set("tenant", tenant.tenant);
  chat = store.get(chatName(), null) ?? freshChat();
  attempts = 0;
  draw();
  connect();
}

async function begin() {
  try {
    const answer = await fetch("/page/tenants", { cache: "no-store" });
    tenants = (await answer.json()).tenants;
  } catch {
    setState("lost");
    timer = setTimeout(begin, 2000);
    return;
  }
  $("tenant").replaceChildren(...tenants.map((t) => { const o = element("option", "", t.tenant); o.value = t.tenant; return o; }));
  if (!tenants.length) { setState("refused"); $("state-text").textContent = words().none; return; }
  const wanted = new URLSearchParams(location.search).get("tenant");
  choose(wanted ?? store.get("tenant", null));
}

// ---- the controls

function fit() {
  $("text").style.height = "auto";
  $("text").style.height = `${$("text").scrollHeight + 2}px`;
  $("send").disabled = !$("text").value.trim();
}

$("form").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || !chat) return;
  $("text").value = "";
  fit();
  say(text);
  $("text").focus();
};
$("text").oninput = fit;
$("text").onkeydown = (event) => {
  // While a Chinese input method composes, Enter chooses a candidate.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) { event.preventDefault(); $("form").requestSubmit(); }
};
$("tenant").onchange = () => choose($("tenant").value);
$("lang").onclick = () => { lang = lang === "en" ? "zh" : "en"; store.set("lang", lang); translate(); };
$("new").onclick = () => { if (!tenant) return; chat = freshChat(); keep(); attempts = 0; draw(); connect(); $("text").focus(); };
addEventListener("online", wake);
document.addEventListener("visibilitychange", wake);

translate();
fit();
begin();
