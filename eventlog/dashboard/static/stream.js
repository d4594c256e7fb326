// The live stream for a page: `door.listen(after, {record, state, reset})`. All tabs of a browser
// share one, in a SharedWorker; a browser without one has a stream in each tab that is seen. A tab
// that nobody sees has none, and goes on where it was when it is seen again.
"use strict";
(() => {
  const HERE_MS = 20000;
  const AGAIN_MS = 5000;
  const { root, worker } = document.documentElement.dataset;
  const address = `${location.origin}${root}/api/stream`;

  const shared = (take) => {
    const port = new SharedWorker(worker, { name: "door" }).port;
    let joined = null;
    port.addEventListener("message", ({ data }) => {
      if (data.type === "gone" && joined !== null) port.postMessage(joined());
      else take(data);
    });
    port.start();
    setInterval(() => joined !== null && port.postMessage({ type: "here" }), HERE_MS);
    return {
      join: (cursor) => {
        joined = () => ({ type: "join", address, after: cursor() });
        port.postMessage(joined());
      },
      leave: () => {
        joined = null;
        port.postMessage({ type: "leave" });
      },
    };
  };

  const alone = (take) => {
    let source = null;
    let again = null;
    const leave = () => {
      clearTimeout(again);
      source?.close();
      source = null;
    };
    const join = (cursor) => {
      leave();
      source = new EventSource(`${address}?after=${cursor()}`);
      const say = (state) => take({ type: "state", state });
      source.addEventListener("open", () => say("on"));
      source.addEventListener("error", () => {
        say("lost");
        if (source?.readyState !== EventSource.CLOSED) return;
        leave();
        again = setTimeout(() => join(cursor), AGAIN_MS);
      });
      source.addEventListener("signed-out", () => {
        leave();
        say("out");
      });
      source.addEventListener("reset", () => take({ type: "reset" }));
      source.addEventListener("record", (message) =>
        take({ type: "record", data: message.data, cursor: message.lastEventId }));
    };
    return { join, leave };
  };

  const listen = (after, on) => {
    let cursor = after;
    let listening = false;
    const take = (message) => {
      if (!listening) return;
      if (message.type === "record") {
        cursor = message.cursor;
        on.record(JSON.parse(message.data));
      } else if (message.type === "state") {
        on.state?.(message.state);
      } else if (message.type === "reset") {
        location.reload();
      }
    };
    const stream = window.SharedWorker ? shared(take) : alone(take);
    const start = () => {
      if (listening || document.hidden) return;
      listening = true;
      stream.join(() => cursor);
    };
    const stop = () => {
      if (!listening) return;
      listening = false;
      stream.leave();
    };
    document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
    window.addEventListener("pagehide", stop);
    window.addEventListener("pageshow", start);
    start();
  };

  window.door = { ...window.door, listen };
})();
