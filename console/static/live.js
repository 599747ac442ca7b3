// htmx refreshes #live every two seconds (live.html). This script asks for the address that is shown, filter included,
// pauses while the page is hidden, refreshes at once when it is shown again, and shows a notice when Ferry does not answer.
"use strict";

function report(why) {
  const stale = document.getElementById("stale");
  const since = new Date(document.getElementById("as-of").getAttribute("datetime")).toLocaleTimeString();
  const text = why && `Not updated since ${since}: ${why}. The page tries again every two seconds.`;
  // Only a new text is written, because a screen reader announces each write.
  if (stale.textContent !== text) stale.textContent = text;
}

document.addEventListener("DOMContentLoaded", () => {
  const live = document.getElementById("live");
  if (!live) return;
  live.addEventListener("htmx:config:request", (event) => {
    if (event.target === live) event.detail.ctx.request.action = location.pathname + location.search;
  });
  live.addEventListener("htmx:before:request", (event) =>
    event.target === live && document.hidden && event.preventDefault());
  live.addEventListener("htmx:error", () => report("Ferry does not answer"));
  live.addEventListener("htmx:response:error", (event) =>
    report(`Ferry answers with an error (${event.detail.ctx.response.status})`));
  live.addEventListener("htmx:after:swap", (event) => {
    const { request, response } = event.detail.ctx;
    if (response.status >= 400) return;
    report("");
    // The address holds a filter that was typed, so that the next refresh asks for it, and a reload too.
    if (event.target.matches("form")) history.replaceState(null, "", request.action);
  });
  document.addEventListener("visibilitychange", () => document.hidden || htmx.trigger(live, "look"));
});
