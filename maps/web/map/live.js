/** What others change appears on the open map: only the tiles that a change concerns are asked for again. */

const AGAIN = 30_000; // ms until the page listens again where the server would not let it
const MOST = 50; // changes whose tiles out of view are remembered; of more, whole layers are asked for again
const RIM = 0.05; // share of a tile that it draws of its neighbours
const SIDE = 512;

/**
 * Name the tiles among some that boxes touch.
 * @param {{z: number, x: number, y: number}[]} tiles
 * @param {number[][]} boxes west, south, east and north in degrees
 */
export function touched(tiles, boxes) {
  const across = (/** @type {number} */ degrees) => degrees / 360 + 0.5;
  const down = (/** @type {number} */ degrees) => 0.5 - Math.asinh(Math.tan((degrees * Math.PI) / 180)) / (2 * Math.PI);
  const sides = boxes.map(([west, south, east, north]) => [across(west), down(north), across(east), down(south)]);
  return tiles.filter(({ z, x, y }) => {
    const many = 2 ** z;
    return sides.some(([left, top, right, bottom]) =>
      right * many >= x - RIM && left * many <= x + 1 + RIM && bottom * many >= y - RIM && top * many <= y + 1 + RIM);
  });
}

/**
 * Listen for changes while the page is seen: a browser lends one server few connections, and each hidden page would hold one.
 * @param {any} map
 * @param {string} moment what the page shows: changes since are told
 * @param {(layers: string[]) => void} changed
 */
export function live(map, moment, changed) {
  /** @type {{layer: string, boxes: number[][], done: Set<string>}[]} */ let dirty = [];
  /** @type {EventSource | null} */ let stream = null;
  /** @type {any} */ let timer = null;

  /** Ask again for the tiles in view that changed; those that come into view later are asked for again then. */
  function sweep() {
    for (const { layer, boxes, done } of dirty) {
      const source = map.getSource(layer);
      if (!source) continue;
      const seen = map.coveringTiles({ tileSize: SIDE, minzoom: source.minzoom, maxzoom: source.maxzoom });
      const tiles = touched(seen.map((/** @type {any} */ tile) => tile.canonical), boxes).filter((tile) => !done.has(`${tile.z}/${tile.x}/${tile.y}`));
      for (const { z, x, y } of tiles) done.add(`${z}/${x}/${y}`);
      if (tiles.length) map.refreshTiles(layer, tiles);
    }
  }

  function whole(/** @type {string} */ layer) {
    dirty = dirty.filter((one) => one.layer !== layer);
    if (map.getSource(layer)) map.refreshTiles(layer);
  }

  function hear(/** @type {MessageEvent} */ event) {
    moment = event.lastEventId;
    const layers = Object.entries(JSON.parse(event.data).layers);
    for (const [layer, boxes] of layers) boxes === null ? whole(layer) : dirty.push({ layer, boxes, done: new Set() });
    if (dirty.length > MOST) for (const layer of new Set(dirty.map((one) => one.layer))) whole(layer);
    sweep();
    changed(layers.map(([layer]) => layer));
  }

  function stop() {
    clearTimeout(timer);
    stream?.close();
    stream = null;
  }

  function listen() {
    stop();
    if (document.hidden) return;
    stream = new EventSource(`events?since=${encodeURIComponent(moment)}`);
    stream.onmessage = hear;
    stream.onerror = () => {
      // a stream that broke comes back by itself; one that was refused does not
      if (stream?.readyState === EventSource.CLOSED) timer = setTimeout(listen, AGAIN);
    };
  }

  map.on("idle", sweep);
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
  listen();
}
