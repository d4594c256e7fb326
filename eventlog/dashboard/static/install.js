// Registers the service worker, so that a browser offers to install the page. Browsers allow it on
// this machine itself or by https only.
"use strict";
(() => {
  const { root, serviceWorker } = document.documentElement.dataset;
  if (!("serviceWorker" in navigator) || !window.isSecureContext || !serviceWorker) return;
  navigator.serviceWorker.register(serviceWorker, { scope: `${root}/` }).catch(() => undefined); // the page works without
})();
