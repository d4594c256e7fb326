// The rest of a list: when the link to it comes into view, what it leads to takes its place.
"use strict";
(() => {
  // Where a row's text is parsed matters: outside a table's body rows are dropped.
  const parse = (html, isRow) => {
    const holder = document.createElement("template");
    holder.innerHTML = isRow ? `<table><tbody>${html}</tbody></table>` : html;
    return [...(isRow ? holder.content.querySelector("tbody") : holder.content).children];
  };

  // Put what follows in the place of a `.more`; false where nothing came.
  const fill = async (more, limit) => {
    const address = new URL(more.dataset.more, location.href);
    if (limit) address.searchParams.set("limit", String(limit));
    const answer = await fetch(address, { headers: { "HX-Request": "true" }, redirect: "error" });
    if (answer.status === 401) location.reload(); // signed out
    if (!answer.ok || !more.isConnected) return false;
    const list = more.parentElement;
    more.replaceWith(...parse(await answer.text(), more.matches("tr")));
    list.dispatchEvent(new Event("door:added", { bubbles: true }));
    return true;
  };

  const watch = () => document.querySelectorAll("[data-more]").forEach((more) => seen.observe(more));
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      fill(target).catch(() => undefined); // its link is still there
    }
  });

  window.door = { ...window.door, fill };
  document.addEventListener("DOMContentLoaded", watch);
  document.addEventListener("door:added", watch);
})();
