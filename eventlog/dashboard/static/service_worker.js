// Makes the page installable, and says so when the door's machine can't be reached. Keeps nothing
// but the program's own files, which anybody may read: no page, no picture, no answer of the API.
"use strict";
const CACHE = "door-files-1";
const OFFLINE = "offline.html";

const isFile = (url) =>
  url.origin === location.origin && url.pathname.startsWith(new URL(".", location.href).pathname) && url.searchParams.has("v");

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.add(new URL(OFFLINE, location.href))).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const others = async () => {
    for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(others());
});

// An older version of the same file is not needed any more.
const keep = async (request, answer) => {
  const cache = await caches.open(CACHE);
  const { pathname } = new URL(request.url);
  for (const old of await cache.keys()) {
    const url = new URL(old.url);
    if (url.pathname === pathname && url.href !== request.url) await cache.delete(old);
  }
  await cache.put(request, answer);
};

const file = async (request) => {
  const kept = await caches.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok && (answer.headers.get("cache-control") ?? "").includes("public")) await keep(request, answer.clone());
  return answer;
};

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (isFile(new URL(request.url))) event.respondWith(file(request));
  else if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(async () => (await caches.match(new URL(OFFLINE, location.href))) ?? Response.error()));
  }
});

// ── notifications ────────────────────────────────────────────────────────────────────────────
// A message names its event by a number: no address that comes in one is opened.
const read = (data) => {
  try {
    const content = data.json();
    return content !== null && typeof content === "object" ? content : {};
  } catch {
    return {};
  }
};
const text = (value) => (typeof value === "string" ? value : "");

self.addEventListener("push", (event) => {
  const { title, body, tag, event: number } = read(event.data);
  const options = {
    body: text(body),
    tag: text(tag), // a revision takes the place of what is shown
    icon: new URL("icon-192.png", location.href).href,
    data: { number: Number.isSafeInteger(number) && number > 0 ? number : null },
  };
  event.waitUntil(self.registration.showNotification(text(title) || "Something at the door", options));
});

// A page that is there already is shown, whatever list its event was opened from.
const show = async (number) => {
  const address = new URL(number ? `events/${number}` : ".", self.registration.scope).href;
  const bare = (url) => (number ? url.split(/[?#]/)[0] : url);
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = pages.find(({ url }) => bare(url) === address);
  return there ? there.focus() : self.clients.openWindow(address);
};

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.data?.number));
});
