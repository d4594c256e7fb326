// An event's page is live: when a record of the event comes, the parts of the page that differ are
// exchanged for those that the server makes now.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const page = document.getElementById("event");
  if (!page?.dataset.position) return; // the page of the API has an "event" too
  const TOGETHER_MS = 50;
  const ANY_MS = 1000; // for records of no event: a lock's own report may belong to this one
  let position = BigInt(page.dataset.position);
  let asked = null;
  let again = false;
  let due = null;

  const exchange = (html) => {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    for (const fresh of parsed.querySelectorAll("[data-part]")) {
      const shown = page.querySelector(`[data-part="${fresh.dataset.part}"]`);
      if (!shown || shown.innerHTML === fresh.innerHTML) continue;
      const open = [...shown.querySelectorAll("details")].map((one) => one.open);
      const focused = shown.contains(document.activeElement) ? document.activeElement.tagName : null;
      shown.replaceChildren(...[...fresh.childNodes].map((one) => document.importNode(one, true)));
      shown.querySelectorAll("details").forEach((one, index) => (one.open = open[index] ?? false));
      if (focused) shown.querySelector(focused.toLowerCase())?.focus();
    }
    page.dispatchEvent(new Event("door:added", { bubbles: true }));
  };

  const ask = async () => {
    due = null;
    if (asked) {
      again = true;
      return;
    }
    const address = new URL(page.dataset.live, location.href);
    address.searchParams.set("position", String(position));
    try {
      asked = fetch(address, { headers: { "HX-Request": "true" }, redirect: "error" });
      const answer = await asked;
      if (answer.ok) exchange(await answer.text());
    } catch {
      soon(5000);
    } finally {
      asked = null;
      if (again) soon(TOGETHER_MS);
      again = false;
    }
  };

  const soon = (wait) => {
    if (due === null) due = setTimeout(ask, wait);
  };

  window.door?.listen(page.dataset.position, {
    record: (record) => {
      position = BigInt(record.position);
      if (record.event_id === page.dataset.event) {
        clearTimeout(due);
        due = null;
        soon(TOGETHER_MS);
      } else if (record.event_id === null) soon(ANY_MS);
    },
  });
});
