// The timeline, live: a stream tells which events have changed, their rows are asked for, and each
// slides into its place: a card, an hour of animals and cars, or a gap. Nothing is shown that the
// server did not make.
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
  let silences = new Set(); // positions of records that began or ended a gap
  let timer = null;
  let loose = null;
  let busy = false;

  const say = (value, text) => {
    if (state.dataset.state === value) return;
    state.dataset.state = value;
    state.querySelector(".text").textContent = text;
  };

  const ROWS = [".card", ".fold", ".gap"];
  const rowsOf = (section) => [...section.querySelectorAll(ROWS.map((row) => `:scope > ${row}`).join(", "))];
  const rows = () => [...feed.querySelectorAll(ROWS.map((row) => `.day > ${row}`).join(", "))];

  // A line of an hour is where its newest card would be; a gap that lasts is on top.
  const key = (row) => {
    const { at, id } = (row.querySelector(":scope > .card") ?? row).dataset;
    return [row.matches(".lasting") ? Infinity : Date.parse(at), BigInt(id ?? 0)];
  };
  const isNewer = (row, other) => {
    const [at, id] = key(row);
    const [otherAt, otherId] = key(other);
    return at === otherAt ? id > otherId : at > otherAt;
  };

  const place = (row, section) => {
    const all = rows();
    const next = all.find((other) => isNewer(row, other));
    if (!next && all.length && feed.querySelector(".more")) return; // it belongs further down
    const { day } = section.dataset;
    const days = [...feed.querySelectorAll(".day")].filter((one) => one.dataset.day === day);
    if (next && next.parentElement.dataset.day === day) {
      next.before(row);
    } else if (days.length) {
      days[days.length - 1].append(row);
    } else {
      const fresh = section.cloneNode(false);
      const title = section.querySelector("h2");
      if (title) fresh.append(title);
      fresh.append(row);
      const later = [...feed.querySelectorAll(".day")].find((one) => one.dataset.day < day);
      if (later) later.before(fresh);
      else feed.insertBefore(fresh, feed.querySelector(".more"));
    }
  };

  const standing = (row) =>
    row.matches(".fold")
      ? rows().find((one) => one.matches(".fold") && one.dataset.hour === row.dataset.hour)
      : document.getElementById(row.id);
  const places = (row) => String(key(row));

  // The link or the line that had the focus, in what takes its place.
  const refocus = (adopted, focused) => {
    const link = adopted.querySelector(`a[href="${focused.getAttribute("href")}"]`);
    (link ?? adopted.querySelector("summary, a"))?.focus({ preventScroll: true });
  };

  const put = (row, section) => {
    const shown = standing(row);
    if (shown?.made === row.outerHTML) return;
    const adopted = document.importNode(row, true);
    adopted.made = row.outerHTML;
    const focused = shown?.contains(document.activeElement) ? document.activeElement : null;
    if (shown?.open) adopted.open = true;
    if (shown && shown.parentElement.matches(".day") && places(shown) === places(row)) {
      shown.replaceWith(adopted);
    } else {
      shown?.remove();
      adopted.classList.add("fresh");
      place(adopted, section);
    }
    if (focused) refocus(adopted, focused);
  };

  const take = (html, asked) => {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    const found = new Set([...parsed.querySelectorAll(".card")].map((card) => card.dataset.id));
    const sections = [...parsed.querySelectorAll(".day")].reverse();
    for (const section of sections) {
      for (const fold of section.querySelectorAll(":scope > .fold")) {
        for (const card of fold.querySelectorAll(".card")) {
          const alone = document.getElementById(card.id);
          if (alone?.parentElement.matches(".day")) alone.remove();
        }
      }
      for (const row of rowsOf(section).reverse()) put(row, section);
    }
    for (const id of asked) {
      if (!found.has(id)) document.getElementById(`event-${id}`)?.remove();
    }
    for (const fold of feed.querySelectorAll(".fold")) if (!fold.querySelector(".card")) fold.remove();
    for (const day of feed.querySelectorAll(".day")) if (!rowsOf(day).length) day.remove();
    const [top] = feed.querySelectorAll(".day");
    for (const gap of feed.querySelectorAll(".lasting")) {
      if (gap.parentElement !== top) top.querySelector("h2")?.after(gap); // midnight has passed
    }
    if (sections.length) document.querySelector("[data-empty]")?.remove();
    feed.dispatchEvent(new Event("door:added", { bubbles: true }));
  };

  const ask = async () => {
    timer = null;
    if (busy || !(waiting.size + silences.size)) return;
    busy = true;
    // The newest first: the others follow with the next look.
    const asked = [...waiting].sort((a, b) => Number(BigInt(b) - BigInt(a))).slice(0, AT_ONCE);
    asked.forEach((id) => waiting.delete(id));
    if (waiting.size > 400) waiting = new Set([...waiting].slice(-400));
    const changed = [...silences].slice(-AT_ONCE);
    silences = new Set();
    const address = new URL(feed.dataset.live, location.href);
    address.searchParams.set("ids", asked.join(","));
    if (changed.length) address.searchParams.set("gaps", changed.join(","));
    address.searchParams.set("position", String(position));
    try {
      const answer = await fetch(address, { headers: { "HX-Request": "true" }, redirect: "error" });
      if (answer.status === 401) return states.out();
      if (answer.ok) take(await answer.text(), asked);
    } catch {
      asked.forEach((id) => waiting.add(id));
      changed.forEach((at) => silences.add(at));
    } finally {
      busy = false;
      if (waiting.size + silences.size) soon();
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
        if (record.kind.startsWith("source_")) {
          silences.add(record.position);
          soon();
        }
        if (loose === null) loose = setTimeout(lookAgain, LOOSE_MS);
        return;
      }
      waiting.add(record.event_id);
      soon();
    },
  });
});
