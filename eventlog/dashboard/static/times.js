// Times in the viewer's zone: "3 min ago" for what is recent, the exact time on hover.
"use strict";
(() => {
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const second = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const full = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });

  const relative = (at, card) => {
    const seconds = (Date.now() - at) / 1000;
    if (seconds >= -5 && seconds < 60) return "just now";
    if (seconds > 0 && seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds > 0 && seconds < 6 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
    return card ? clock.format(at) : day.format(at);
  };

  const show = (element) => {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) return;
    element.title = exact.format(at);
    const text = "relative" in element.dataset ? relative(at, element.closest(".card") !== null)
      : ("clock" in element.dataset ? second : full).format(at);
    if (element.textContent !== text) element.textContent = text;
  };

  const showAll = (root) => root.querySelectorAll("time[datetime]").forEach(show);
  document.addEventListener("DOMContentLoaded", () => showAll(document));
  document.addEventListener("htmx:afterSettle", () => showAll(document));
  document.addEventListener("door:added", (event) => showAll(event.target));
  setInterval(() => document.querySelectorAll("time[data-relative]").forEach(show), 20000);

  // A filter's address holds only what is set.
  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("[data-filters]")) return;
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
})();
