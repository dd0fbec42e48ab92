// Makes a customer page live. Without this file every page still shows its answer and a link to
// look again; see crates/web/src/pages/mod.rs for the regions and the events of the stream.
const body = document.body;
const words = body.dataset;
const language = document.documentElement.lang;
// "en" is written day first, with 24 hours; browsers take it for American English.
const locale = language === "en" ? "en-GB" : language;
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
const PAUSED_AFTER_MS = 30_000;

const format = (options) => {
  const written = new Intl.DateTimeFormat(locale, { timeZone: here, ...options });
  return (at) => written.format(at);
};
const clockOnly = format({ hour: "2-digit", minute: "2-digit", ...(locale === "en-US" && { hour: "numeric" }) });
const clock = (at) => clockOnly(at) + (language === "de" ? "\u00a0Uhr" : "");
const date = format({ day: "numeric", month: "long", year: "numeric" });
const dayAndMonth = format({ day: "numeric", month: "long" });
const weekdayOnly = format({ weekday: "long" });
// As the server writes it: in running text the weekday needs its own order in each language.
const weekday = (at) => {
  const [name, day] = [weekdayOnly(at), dayAndMonth(at)];
  if (language === "pt-BR") return `${day} (${name})`;
  return language === "de" || language === "en-US" ? `${name}, ${day}` : `${name} ${day}`;
};
const shortDay = format({ day: "numeric", month: "short" });
const shortDate = format({ day: "numeric", month: "short", year: "numeric" });
const key = format({ day: "2-digit", month: "2-digit", year: "numeric" });
const year = format({ year: "numeric" });

const forms = {
  day: (at, now) => (year(at) === year(now) ? shortDay(at) : shortDate(at)),
  moment: (at, now) => (key(at) === key(now) ? clock(at) : `${forms.day(at, now)}, ${clock(at)}`),
  date,
  deadline: (at, now) => (at >= now && at - now < 6 * 86_400_000 ? weekday(at) : date(at)),
  full: (at) => `${date(at)}, ${clock(at)}`,
};

// The server writes the site's zone; a visitor in another one reads their own clock.
const localise = (root) => {
  if (!here || here === words.zone) return;
  const now = new Date();
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const form = forms[time.dataset.form];
    if (!form || Number.isNaN(at.getTime())) continue;
    time.textContent = form(at, now);
    time.title = forms.full(at);
  }
  const zone = document.getElementById("zone");
  if (zone) zone.textContent = words.timesFor.replace("{zone}", here.split("/").pop().replaceAll("_", " "));
};

let heardAt = 0; // when the stream last said anything; 0 before it is open
let lookedAt = new Date();
let shown = "";

const age = (ms) => {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}\u00a0s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes}\u00a0min` : `${Math.floor(minutes / 60)}\u00a0h ${minutes % 60}\u00a0min`;
};

// One line says how fresh the answer is. It changes in its own box, outside the announced region.
const tick = () => {
  const line = document.getElementById("live");
  if (!line || !heardAt) return;
  const paused = Date.now() - heardAt > PAUSED_AFTER_MS;
  const text = paused
    ? words.paused.replace("{time}", clock(lookedAt))
    : words.checked.replace("{age}", age(Date.now() - lookedAt));
  if (text === shown && line.dataset.written) return;
  shown = text;
  line.dataset.written = "1";
  line.textContent = text;
  if (paused) {
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = words.loadAgain;
    line.append(" ", link);
  }
};

// The policy of the page lets HTML in through this door alone; it comes from our own stream, already escaped.
const asWritten = { createHTML: (html) => html };
const trusted = window.trustedTypes?.createPolicy("frontdesk", asWritten) ?? asWritten;

const waiting = new Map();
const busy = (region) => region.contains(document.activeElement) || region.querySelector("a:hover");

// Nothing under the pointer or in focus is replaced; it waits until it is let go.
const patch = (name, html) => {
  const region = document.querySelector(`[data-region="${name}"]`);
  if (!region) return;
  if (busy(region)) {
    waiting.set(name, html);
    return;
  }
  waiting.delete(name);
  const before = region.querySelector("h1")?.textContent;
  const fresh = document.createElement("template");
  fresh.innerHTML = trusted.createHTML(html);
  region.replaceChildren(fresh.content);
  localise(region);
  const heading = region.querySelector("h1");
  if (heading) {
    document.title = heading.dataset.title ?? document.title;
    const said = document.getElementById("announce");
    if (said && heading.textContent !== before) said.textContent = heading.textContent;
  }
  tick();
};
const retry = () => waiting.forEach((html, name) => patch(name, html));
for (const event of ["focusout", "pointerout"]) body.addEventListener(event, () => setTimeout(retry));

localise(document);
if (words.stream) {
  const stream = new EventSource(words.stream);
  const heard = () => {
    heardAt = Date.now();
    lookedAt = new Date();
    tick();
  };
  stream.addEventListener("open", heard);
  stream.addEventListener("looked", heard);
  for (const { dataset } of document.querySelectorAll("[data-region]")) {
    stream.addEventListener(dataset.region, (event) => {
      patch(dataset.region, event.data);
      heard();
    });
  }
  setInterval(tick, 1000);
}
