// Filters without a reload: a chip, a day of the calendar, a figure of today and the form of the
// filter bring the new list into the page that is there, whose live stream goes on. Each list has
// its own entry in the history, with the place that was looked at. Where anything is unusual the
// browser opens the address itself.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const main = document.querySelector("main");
  const feed = document.getElementById("timeline");
  if (!feed?.dataset.live) return;
  const home = new URL(document.querySelector(".bar .mark")?.href ?? location.href).pathname;
  const here = () => location.pathname + location.search;
  let shown = here();
  let asked = null;

  // The children of the page in their new order; the list and the live sign stay the same elements.
  const exchange = (fresh) => {
    const list = fresh.getElementById("timeline");
    feed.dataset.live = list.dataset.live;
    feed.replaceChildren(...[...list.childNodes].map((one) => document.importNode(one, true)));
    const [head, ...end] = main.querySelectorAll(":scope > .head, :scope > .zone, :scope > .keys");
    const found = [...fresh.querySelectorAll("main > :not(.head, .zone)")].map((one) =>
      one.id === "timeline" ? feed : document.importNode(one, true),
    );
    main.replaceChildren(head, ...found, ...end);
    document.title = fresh.title;
    feed.dispatchEvent(new Event("door:added", { bubbles: true }));
    document.dispatchEvent(new Event("door:today"));
  };

  const show = async (address) => {
    asked?.abort();
    const mine = (asked = new AbortController());
    const options = { headers: { "HX-Request": "true" }, redirect: "error", signal: mine.signal };
    const answer = await fetch(address, options);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine.signal.aborted) return false;
    if (!answer.ok || !fresh.getElementById("timeline")?.dataset.live) throw new Error("an unusual answer");
    exchange(fresh);
    return true;
  };

  const go = async (address) => {
    const place = window.door.place?.() ?? null;
    try {
      if (!(await show(address))) return;
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
      return;
    }
    history.replaceState({ place }, "");
    history.pushState({ place: null }, "", address);
    shown = here();
    scrollTo({ top: 0, behavior: "instant" });
    main.focus({ preventScroll: true });
  };

  main.addEventListener("click", (event) => {
    const link = event.target.closest(".chips a, .month a, .counts a, .empty a");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (new URL(link.href).pathname !== home) return;
    event.preventDefault();
    go(link.href);
  });

  main.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-filters]")) return;
    event.preventDefault();
    const address = new URL(form.action);
    address.search = new URLSearchParams(new FormData(form)).toString();
    go(address.href);
  });

  window.addEventListener("popstate", async ({ state }) => {
    if (shown === here()) return; // to another part of the same page
    shown = here();
    try {
      if ((await show(location.href)) && state?.place) await window.door.goTo?.(state.place);
    } catch (error) {
      if (error.name !== "AbortError") location.reload();
    }
  });
});
