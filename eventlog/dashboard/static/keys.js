// Keys of the lists: j goes to the next event and k to the one before, on the timeline and on an
// event's page; u goes back to the timeline. They can be turned off on this device, and are not
// taken while one types.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  if (!document.querySelector("#timeline, #event")) return;
  const OFF = "door:keys-off";
  const note = document.createElement("p");
  note.className = "note keys";
  const button = document.createElement("button");
  button.className = "quiet";
  button.type = "button";
  const say = () => {
    const off = localStorage.getItem(OFF) !== null;
    note.replaceChildren(off ? "Keys are off. " : "Keys: j next, k previous, u back to the list. ", button);
    button.textContent = off ? "Turn keys on" : "Turn keys off";
  };
  button.addEventListener("click", () => {
    if (localStorage.getItem(OFF) === null) localStorage.setItem(OFF, "1");
    else localStorage.removeItem(OFF);
    say();
    button.focus();
  });
  document.querySelector("main")?.append(note);
  say();

  const links = () =>
    [...document.querySelectorAll("#timeline .card h3 a, #timeline .fold > summary")].filter((one) => one.checkVisibility());
  const step = (by) => {
    const all = links();
    const here = all.indexOf(document.activeElement);
    const top = all.findIndex((one) => one.getBoundingClientRect().top >= 0);
    const wanted = here === -1 ? Math.max(top, 0) : here + by;
    const next = all[Math.min(Math.max(wanted, 0), all.length - 1)];
    next?.focus();
    next?.closest(".card, .fold")?.scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem(OFF) !== null) return;
    if (event.target.closest?.("input, select, textarea, dialog, [contenteditable]")) return;
    const feed = document.getElementById("timeline");
    if (event.key === "u") document.querySelector(".back a")?.click();
    else if (event.key === "j") feed ? step(1) : document.querySelector("a[rel=next]")?.click();
    else if (event.key === "k") feed ? step(-1) : document.querySelector("a[rel=prev]")?.click();
    else return;
    event.preventDefault();
  });
});
