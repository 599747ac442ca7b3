// htmx refreshes #live every two seconds (live.html). This script pauses that while the page is hidden, refreshes at once
// when it is shown again, and shows a notice when Ferry does not answer.
"use strict";

function report(why) {
  const stale = document.getElementById("stale");
  const since = document.getElementById("as-of").textContent;
  const text = why && `Not updated since ${since}: ${why}. Ferry is tried again every two seconds.`;
  // Only a new text is written, because a screen reader announces each write.
  if (stale.textContent !== text) stale.textContent = text;
}

document.addEventListener("DOMContentLoaded", () => {
  const live = document.getElementById("live");
  if (!live) return;
  live.addEventListener("htmx:before:request", (event) => document.hidden && event.preventDefault());
  live.addEventListener("htmx:error", () => report("Ferry does not answer"));
  live.addEventListener("htmx:response:error", (event) =>
    report(`Ferry answers with an error (${event.detail.ctx.response.status})`));
  live.addEventListener("htmx:after:swap", (event) => event.detail.ctx.response.status < 400 && report(""));
  document.addEventListener("visibilitychange", () => document.hidden || htmx.trigger(live, "look"));
});
