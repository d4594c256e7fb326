// Subscribes this device to the door's notifications, and sends the subscription to the door.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("notify");
  const said = document.getElementById("notify-said");
  if (!form) return;
  const say = (text) => {
    said.textContent = text;
  };
  if (!window.isSecureContext) {
    say("This page is not open by https, so this device can't be notified.");
    return;
  }
  if (!("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) {
    say("This browser has no web push. On an iPhone or iPad, add the page to the home screen first.");
    return;
  }
  form.hidden = false;

  const bytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (char) => char.charCodeAt(0));
  };
  const same = (one, other) => one.length === other.length && one.every((value, at) => value === other[at]);

  // A subscription for another key of the door can't be used any more.
  const subscription = async (key) => {
    const { pushManager } = await navigator.serviceWorker.ready;
    const old = await pushManager.getSubscription();
    const oldKey = old?.options.applicationServerKey;
    if (old && oldKey && same(new Uint8Array(oldKey), key)) return old;
    await old?.unsubscribe();
    return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  };

  const subscribe = async () => {
    if ((await Notification.requestPermission()) !== "granted") {
      say("The browser does not allow notifications of this page: change that in its settings.");
      return;
    }
    const { endpoint, keys } = (await subscription(bytes(form.dataset.key))).toJSON();
    const fields = new URLSearchParams(new FormData(form));
    fields.set("endpoint", endpoint);
    fields.set("p256dh", keys.p256dh);
    fields.set("auth", keys.auth);
    const answer = await fetch(form.action, { method: "POST", body: fields, redirect: "error" });
    if (answer.ok) location.reload();
    else say(answer.status === 400 ? await answer.text() : "The door did not take it: reload the page and try again.");
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    say("");
    subscribe().catch(() => say("The browser's push service did not answer. Try again later."));
  });
});
