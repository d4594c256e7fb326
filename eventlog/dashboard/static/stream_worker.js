// One stream for all tabs of a browser: a SharedWorker that holds it while somebody looks, and
// sends each tab the records that come after the tab's own place. Shows nothing.
"use strict";
(() => {
  const KEPT = 2000; // records, for tabs that come later
  const SILENT_MS = 70000; // a tab that has not been heard of for so long is gone
  const AGAIN_MS = 5000;
  const tabs = new Map(); // port → {position, heard}
  let source = null;
  let address = null;
  let base = null; // the position before the first record that is kept
  let last = null; // the cursor to go on from
  let kept = [];
  let state = "off";
  let again = null;

  const positionOf = (cursor) => BigInt(cursor.split(":")[0]);
  const tell = (message) => tabs.forEach((_, port) => port.postMessage(message));
  const say = (value) => {
    state = value;
    tell({ type: "state", state });
  };

  const stop = () => {
    clearTimeout(again);
    source?.close();
    source = null;
    kept = [];
    base = null;
  };

  const open = (after) => {
    stop();
    last = after;
    base = positionOf(after);
    source = new EventSource(`${address}?after=${after}`);
    source.addEventListener("open", () => say("on"));
    source.addEventListener("error", () => {
      say("lost");
      // A stream that was refused does not come back by itself.
      if (source && source.readyState === EventSource.CLOSED) {
        const from = last;
        stop();
        again = setTimeout(() => tabs.size && open(from), AGAIN_MS);
      }
    });
    source.addEventListener("signed-out", () => {
      stop();
      say("out");
    });
    source.addEventListener("reset", () => {
      stop();
      tell({ type: "reset" });
    });
    source.addEventListener("record", (message) => {
      const record = { type: "record", data: message.data, cursor: message.lastEventId };
      last = record.cursor;
      kept.push(record);
      if (kept.length > KEPT) base = positionOf(kept.shift().cursor);
      tabs.forEach((tab, port) => give(tab, port, record));
    });
  };

  const give = (tab, port, record) => {
    const position = positionOf(record.cursor);
    if (position <= tab.position) return;
    tab.position = position;
    port.postMessage(record);
  };

  const leave = (port) => {
    tabs.delete(port);
    if (!tabs.size) stop();
  };

  const join = (port, asked) => {
    const tab = { position: positionOf(asked.after), heard: Date.now() };
    address = asked.address;
    tabs.set(port, tab);
    if (source === null || tab.position < base) return open(asked.after);
    port.postMessage({ type: "state", state });
    kept.forEach((record) => give(tab, port, record));
  };

  addEventListener("connect", (event) => {
    const [port] = event.ports;
    port.addEventListener("message", ({ data }) => {
      if (data.type === "join") join(port, data);
      else if (data.type === "leave") leave(port);
      else if (tabs.has(port)) tabs.get(port).heard = Date.now();
      else port.postMessage({ type: "gone" });
    });
    port.start();
  });

  setInterval(() => {
    const since = Date.now() - SILENT_MS;
    [...tabs].filter(([, tab]) => tab.heard < since).forEach(([port]) => leave(port));
  }, 30000);
})();
