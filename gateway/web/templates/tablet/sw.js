// The tablet's page for when there is no network. It answers for the page and its files only: what the server knows
// and does (/api) never passes through here, so that nothing is repeated and nothing is kept that should not be.

const CACHE = {{ ("tablet-" ~ version) | tojson }};
const SHELL = "/tablet";
const FILES = {{ files | tojson }};

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll([SHELL, ...FILES])));
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith("tablet-") && name !== CACHE) await caches.delete(name);
    }
    await self.clients.claim();
  })());
});

// the page asks for this when nothing is under way
self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  const shell = event.request.mode === "navigate" && url.pathname === SHELL;
  if (!shell && !FILES.includes(url.pathname)) return;
  event.respondWith((async () => {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(shell ? SHELL : url.pathname, { ignoreVary: true });
    return kept ?? fetch(event.request);
  })());
});
