// What #live holds is looked at again every two seconds by htmx (live.html). Here: not while nobody can see it, at once
// when somebody can again, and never unsaid when Ferry does not answer.
"use strict";

function told(why) {
  const stale = document.getElementById("stale");
  const since = document.getElementById("as-of").textContent;
  const text = why && `Not updated since ${since}: ${why}. It is tried again every two seconds.`;
  // Only what is new is written, for a screen reader says it each time.
  if (stale.textContent !== text) stale.textContent = text;
}

document.addEventListener("DOMContentLoaded", () => {
  const live = document.getElementById("live");
  if (!live) return;
  live.addEventListener("htmx:before:request", (event) => document.hidden && event.preventDefault());
  live.addEventListener("htmx:error", () => told("Ferry does not answer"));
  live.addEventListener("htmx:response:error", (event) =>
    told(`Ferry answers with an error (${event.detail.ctx.response.status})`));
  live.addEventListener("htmx:after:swap", (event) => event.detail.ctx.response.status < 400 && told(""));
  document.addEventListener("visibilitychange", () => document.hidden || htmx.trigger(live, "look"));
});
