// The timeline, live: a stream tells which events have changed, their cards are asked for, and each
// slides into its place. Nothing is shown that the server did not make.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const feed = document.getElementById("timeline");
  const state = document.getElementById("live");
  if (!feed || !state || !feed.dataset.live || !window.door) return;
  const TOGETHER_MS = 10; // events within this time, or while one look is under way, are asked for at once
  const AT_ONCE = 40;
  const LOOSE_MS = 500; // for records of no event: a lock's own report may belong to a card that is here
  const RECENT = 10;
  let position = BigInt(feed.dataset.position);
  let waiting = new Set();
  let timer = null;
  let loose = null;
  let busy = false;

  const say = (value, text) => {
    if (state.dataset.state === value) return;
    state.dataset.state = value;
    state.querySelector(".text").textContent = text;
  };

  const key = (card) => [Date.parse(card.dataset.at), BigInt(card.dataset.id)];
  const isNewer = (card, other) => {
    const [at, id] = key(card);
    const [otherAt, otherId] = key(other);
    return at === otherAt ? id > otherId : at > otherAt;
  };

  const place = (card, section) => {
    const cards = [...feed.querySelectorAll(".card")];
    const next = cards.find((other) => isNewer(card, other));
    const last = cards[cards.length - 1];
    if (!next && last && feed.querySelector(".more")) return; // it belongs further down
    const day = section.dataset.day;
    const days = [...feed.querySelectorAll(".day")].filter((one) => one.dataset.day === day);
    if (next && next.closest(".day").dataset.day === day) {
      (next.closest(".fold") ?? next).before(card);
    } else if (days.length) {
      days[days.length - 1].append(card);
    } else {
      const fresh = section.cloneNode(false);
      const title = section.querySelector("h2");
      if (title) fresh.append(title);
      fresh.append(card);
      const later = [...feed.querySelectorAll(".day")].find((one) => one.dataset.day < day);
      if (later) later.before(fresh);
      else feed.insertBefore(fresh, feed.querySelector(".more"));
    }
  };

  const take = (html, asked) => {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    const found = new Set();
    for (const section of [...parsed.querySelectorAll(".day")].reverse()) {
      for (const card of [...section.querySelectorAll(".card")].reverse()) {
        found.add(card.dataset.id);
        const shown = document.getElementById(card.id);
        const adopted = document.importNode(card, true);
        const same = shown?.made === card.outerHTML;
        adopted.made = card.outerHTML;
        if (same) continue;
        if (shown && shown.dataset.at === card.dataset.at) {
          const focused = shown.contains(document.activeElement);
          shown.replaceWith(adopted);
          if (focused) adopted.querySelector("a").focus();
        } else {
          if (shown) shown.remove();
          adopted.classList.add("fresh");
          place(adopted, section);
        }
      }
    }
    for (const id of asked) {
      if (!found.has(id)) document.getElementById(`event-${id}`)?.remove();
    }
    for (const day of feed.querySelectorAll(".day")) if (!day.querySelector(".card, .gap")) day.remove();
    if (found.size) document.querySelector("[data-empty]")?.remove();
    feed.dispatchEvent(new Event("door:added", { bubbles: true }));
  };

  const ask = async () => {
    timer = null;
    if (busy || !waiting.size) return;
    busy = true;
    // The newest first: the others follow with the next look.
    const asked = [...waiting].sort((a, b) => Number(BigInt(b) - BigInt(a))).slice(0, AT_ONCE);
    asked.forEach((id) => waiting.delete(id));
    if (waiting.size > 400) waiting = new Set([...waiting].slice(-400));
    const address = new URL(feed.dataset.live, location.href);
    address.searchParams.set("ids", asked.join(","));
    address.searchParams.set("position", String(position));
    try {
      const answer = await fetch(address, { headers: { "HX-Request": "true" }, redirect: "error" });
      if (answer.status === 401) return states.out();
      if (answer.ok) take(await answer.text(), asked);
    } catch {
      asked.forEach((id) => waiting.add(id));
    } finally {
      busy = false;
      if (waiting.size) soon();
    }
  };

  const soon = () => {
    if (timer === null) timer = setTimeout(ask, TOGETHER_MS);
  };

  const lookAgain = () => {
    loose = null;
    [...feed.querySelectorAll(".card")].slice(0, RECENT).forEach((card) => waiting.add(card.dataset.id));
    if (waiting.size) soon();
  };

  const states = {
    on: () => say("on", "Live"),
    lost: () => say("lost", "Connecting again"),
    out: () => say("off", "Signed out. Reload to sign in."),
  };

  window.door.listen(feed.dataset.position, {
    state: (value) => states[value]?.(),
    record: (record) => {
      position = BigInt(record.position);
      document.dispatchEvent(new CustomEvent("door:record", { detail: record }));
      if (record.event_id === null) {
        if (loose === null) loose = setTimeout(lookAgain, LOOSE_MS);
        return;
      }
      waiting.add(record.event_id);
      soon();
    },
  });
});
