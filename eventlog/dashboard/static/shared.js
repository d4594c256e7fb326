// A link that shares an event carries its secret behind the '#', which no server is sent: put it
// into the form, and take it out of the address.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("[data-shared]");
  const secret = location.hash.slice(1);
  if (!form || !secret) return;
  history.replaceState(null, "", location.pathname);
  form.elements.namedItem("secret").value = secret;
  form.requestSubmit();
});
