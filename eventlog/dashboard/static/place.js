// The place in the timeline: who goes back to it finds the card that was on top, however deep it is.
// Keeps the number of that card, and nothing of what it shows.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const feed = document.getElementById("timeline");
  const here = () => location.pathname + location.search; // changes with the filter
  const PLACE = "door:place";
  const RETURN = "door:return";
  const AT_ONCE = 200; // cards of one look
  const LOOKS = 60;

  document.querySelector("main:has(#event) .back a")?.addEventListener("click", () => sessionStorage.setItem(RETURN, "1"));
  if (!feed) return;

  const placeNow = () => {
    const top = [...feed.querySelectorAll(".card")].find((card) => card.getBoundingClientRect().bottom > 0);
    if (scrollY === 0 || !top) return null;
    return { here: here(), id: top.id, at: top.dataset.at, offset: top.getBoundingClientRect().top };
  };
  const keep = () => {
    const place = placeNow();
    if (place) sessionStorage.setItem(PLACE, JSON.stringify(place));
    else sessionStorage.removeItem(PLACE);
  };

  const went = () => {
    const back = sessionStorage.getItem(RETURN) !== null;
    sessionStorage.removeItem(RETURN);
    const [navigation] = performance.getEntriesByType("navigation");
    const place = JSON.parse(sessionStorage.getItem(PLACE) ?? "null");
    const returned = back || ["back_forward", "reload"].includes(navigation?.type);
    return returned && place?.here === here() ? place : null;
  };

  // Add what comes after the last card; false at the end of the history.
  const addMore = async () => {
    const more = feed.querySelector("[data-more]");
    return more !== null && window.door.fill(more, AT_ONCE);
  };

  const isPast = (place) => {
    const cards = feed.querySelectorAll(".card");
    return cards.length > 0 && Date.parse(cards[cards.length - 1].dataset.at) < Date.parse(place.at);
  };

  const goTo = async (place) => {
    history.scrollRestoration = "manual";
    for (let look = 0; look < LOOKS && !document.getElementById(place.id) && !isPast(place); look += 1) {
      if (!(await addMore())) break;
    }
    const card = document.getElementById(place.id) ?? [...feed.querySelectorAll(".card")].pop();
    const fold = card?.closest("details");
    if (fold) fold.open = true;
    if (card) scrollTo({ top: scrollY + card.getBoundingClientRect().top - place.offset, behavior: "instant" });
  };

  window.door = { ...window.door, place: placeNow, goTo };
  const place = went();
  if (place) goTo(place).catch(() => undefined); // the list is there, from its top
  window.addEventListener("pagehide", keep);
});
