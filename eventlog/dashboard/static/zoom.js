// The picture of an event at full size, above the page. Without this script the link shows it alone.
"use strict";
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-zoom]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const dialog = document.createElement("dialog");
  dialog.className = "zoom";
  dialog.setAttribute("aria-label", "The picture at full size");
  const image = new Image();
  image.src = link.href;
  image.alt = "Picture of the event";
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  const larger = document.createElement("button");
  larger.type = "button";
  larger.className = "quiet";
  const say = () => {
    larger.textContent = dialog.classList.contains("large") ? "Fit to the screen" : "Larger";
  };
  larger.addEventListener("click", () => {
    dialog.classList.toggle("large");
    say();
  });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    link.focus();
  });
  say();
  const bar = document.createElement("p");
  bar.append(close, " ", larger);
  dialog.append(bar, image);
  document.body.append(dialog);
  dialog.showModal();
});
