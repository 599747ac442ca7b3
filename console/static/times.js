// The server writes times in UTC. This script writes them in the browser's time zone and lets spans tick.
// A <time> has its moment in `datetime`, and one attribute says how it is written: data-at, data-in, data-ago, data-for.
"use strict";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const NBSP = "\u00a0";
// How far this clock is ahead of the server's, in ms.
let ahead = 0;
let known = "";

function span(ms) {
  const s = Math.floor(Math.max(0, ms) / 1000), m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
  const words = m < 1 ? [s, "s"] : h < 1 ? [m, "min"] : d < 1 ? [h, "h", m % 60, "min"] : [d, "d", h % 24, "h"];
  return words.join(NBSP);
}

function clock(at) {
  return `${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
}

function when(at, now) {
  const day = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  const days = Math.round((day(now) - day(at)) / 86400000);
  if (days === 0) return clock(at);
  return days === 1 ? `Yesterday ${clock(at)}` : `${at.getDate()} ${MONTHS[at.getMonth()]} ${clock(at)}`;
}

function words(element, now) {
  const { dataset } = element;
  const at = new Date(element.getAttribute("datetime") ?? dataset.hour);
  if ("in" in dataset) return at > now ? `in ${span(at - now)}` : "now";
  if ("ago" in dataset) return `${span(now - at)} ago`;
  if ("for" in dataset) return span(now - at);
  if ("hour" in dataset) return at.getHours() ? clock(at) : `${DAYS[at.getDay()]} 00:00`;
  return "at" in dataset ? when(at, now) : element.textContent;
}

function write() {
  const fresh = document.getElementById("as-of")?.getAttribute("datetime");
  if (fresh && fresh !== known) {
    known = fresh;
    ahead = Date.now() - new Date(fresh);
  }
  const now = new Date(Date.now() - ahead);
  for (const element of document.querySelectorAll("time[datetime], text[data-hour]")) {
    const text = words(element, now);
    if (element.textContent !== text) element.textContent = text;
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  document.getElementById("zone").textContent = timeZone === "UTC" ? "UTC" : `your time zone (${timeZone})`;
  write();
  setInterval(write, 1000);
  document.addEventListener("htmx:after:swap", write);
});
