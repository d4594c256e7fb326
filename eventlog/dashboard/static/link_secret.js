// A link carries its secret behind the '#', which no server is sent: put it into the form's field,
// and take it out of the address.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("[data-secret-field]");
  const secret = location.hash.slice(1);
  if (!form || !secret) return;
  history.replaceState(null, "", location.pathname);
  form.elements.namedItem(form.dataset.secretField).value = secret;
  form.requestSubmit();
});
