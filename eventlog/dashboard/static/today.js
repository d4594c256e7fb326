// Keeps "Today" at the head of the timeline up to date, and the number of what waits in the title.
// "All seen" exchanges that part alone.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const feed = document.getElementById("timeline");
  if (!feed) return;
  const TOGETHER_MS = 400;
  let position = null;
  let due = null;

  const count = () => {
    const waiting = Number(document.getElementById("today")?.dataset.waiting ?? 0);
    const title = document.title.replace(/^\(\d+\) /, "");
    document.title = waiting ? `(${waiting}) ${title}` : title;
    if (!navigator.setAppBadge) return;
    const badge = waiting ? navigator.setAppBadge(waiting) : navigator.clearAppBadge();
    badge.catch(() => undefined); // the page is not installed, or may not
  };

  const ask = async () => {
    due = null;
    const shown = document.getElementById("today");
    if (!shown || shown.contains(document.activeElement)) return;
    const address = `${document.documentElement.dataset.root}/today?position=${position}`;
    const answer = await fetch(address, { headers: { "HX-Request": "true" }, redirect: "error" });
    if (!answer.ok) return;
    exchange(await answer.text());
  };

  const exchange = (html) => {
    const shown = document.getElementById("today");
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("today");
    if (!shown || !fresh || fresh.innerHTML === shown.innerHTML) return;
    shown.replaceWith(document.importNode(fresh, true));
    count();
    document.dispatchEvent(new Event("door:added"));
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("#today form")) return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form));
    fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" }, redirect: "error" })
      .then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status)))
      .then((html) => {
        exchange(html);
        document.querySelector("main").focus({ preventScroll: true });
      })
      .catch(() => form.submit()); // the answer is then a page that says what is wrong
  });

  count();
  document.addEventListener("door:today", count);
  if (!feed.dataset.live) return;
  // The timeline's own stream sends on what comes.
  document.addEventListener("door:record", ({ detail }) => {
    position = detail.position;
    if (due === null) due = setTimeout(() => ask().catch(() => undefined), TOGETHER_MS);
  });
});
