// A sign-in link carries its code behind the '#', which no server is sent: put it into the form.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("[data-sign-in]");
  const code = location.hash.slice(1);
  if (!form || !code) return;
  history.replaceState(null, "", location.pathname);
  form.elements.namedItem("code").value = code;
  form.requestSubmit();
});
