// Times are the door's, as the server wrote them. Here: "3 min ago" for what is recent, the names of
// days when midnight passes, and a word where the viewer is in another zone.
"use strict";
(() => {
  const { zone } = document.documentElement.dataset;
  const part = (options) => {
    try {
      return new Intl.DateTimeFormat("en-CA", { timeZone: zone, ...options });
    } catch {
      return null; // a zone that the browser does not know
    }
  };
  const date = part({ year: "numeric", month: "2-digit", day: "2-digit" });

  const relative = (at) => {
    const seconds = (Date.now() - at) / 1000;
    if (seconds >= -5 && seconds < 60) return "just now";
    if (seconds > 0 && seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds > 0 && seconds < 6 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
    return null;
  };

  const show = (element) => {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) return;
    element.dataset.text ??= element.textContent;
    const text = relative(at) ?? element.dataset.text;
    if (element.textContent !== text) element.textContent = text;
  };

  // As `YYYY-MM-DD`, which sorts and counts without a zone.
  const dayBefore = (day) => new Date(Date.parse(day) - 86400000).toISOString().slice(0, 10);
  const nameDays = () => {
    if (date === null) return;
    const today = date.format(new Date());
    const yesterday = dayBefore(today);
    document.querySelectorAll(".day[data-day]").forEach((section) => {
      const title = section.querySelector("h2");
      const { day } = section.dataset;
      const name = day === today ? "Today" : day === yesterday ? "Yesterday" : section.dataset.title;
      if (title && title.textContent !== name) title.textContent = name;
    });
    document.querySelectorAll("input[name=day][max]").forEach((field) => (field.max = today));
  };

  const sayZone = () => {
    const note = document.querySelector("[data-zone-note]");
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const full = { dateStyle: "short", timeStyle: "short" };
    const now = new Date();
    if (!note || part(full)?.format(now) === new Intl.DateTimeFormat("en-CA", full).format(now)) return;
    note.textContent += ` This device is in ${own}.`;
  };

  const showAll = () => {
    document.querySelectorAll("time[data-relative]").forEach(show);
    nameDays();
  };
  document.addEventListener("DOMContentLoaded", () => {
    showAll();
    sayZone();
  });
  document.addEventListener("door:added", showAll);
  document.addEventListener("visibilitychange", showAll);
  setInterval(showAll, 20000);

  // A filter's address holds only what is set.
  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("[data-filters]")) return;
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
})();
