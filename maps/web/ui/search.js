/** The search box: plots, sites, roads, lines and coordinates, chosen by mouse or by keys. */

import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";

const PAUSE = 150; // ms without a key

/**
 * Wire the box up.
 * @param {{words: () => Record<string, string>, columns: () => any, go: (place: any) => void, show: (id: string) => void, note: (text: string) => void}} page
 */
export function searchBox(page) {
  const [input, list] = [byId("number"), byId("places")];
  /** @type {any[]} */ let places = [];
  let active = -1;
  let asked = 0;
  /** @type {any} */ let timer = null;

  function fold() {
    places = [];
    active = -1;
    paint();
  }

  function paint() {
    const titled = (/** @type {any} */ place) => (place.layer ? page.columns()[place.layer].title : page.words().place);
    list.hidden = !places.length;
    input.setAttribute("aria-expanded", String(places.length > 0));
    active < 0 ? input.removeAttribute("aria-activedescendant") : input.setAttribute("aria-activedescendant", `place-${active}`);
    list.replaceChildren(...places.map((place, n) => make("li", { id: `place-${n}`, role: "option", "aria-selected": String(n === active), onpointerdown: (/** @type {Event} */ event) => (event.preventDefault(), choose(n)) },
      make("small", {}, titled(place)), ` ${place.id} ${place.name === place.id ? "" : place.name}`)));
  }

  function choose(/** @type {number} */ n) {
    const place = places[n];
    input.value = place.layer ? place.id : place.name;
    fold();
    page.go(place);
  }

  async function look() {
    const [turn, text] = [++asked, input.value.trim()];
    const found = text ? await server.places(text).catch(() => []) : [];
    if (turn !== asked) return;
    [places, active] = [found, -1];
    paint();
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE);
  });
  input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step && places.length) {
      event.preventDefault();
      active = (active + step + places.length) % places.length;
      paint();
    }
    if (event.key === "Escape" && places.length) (event.stopPropagation(), fold());
  });
  input.addEventListener("blur", fold);
  byId("find").addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    clearTimeout(timer);
    const text = input.value.trim();
    if (!text) return;
    if (active >= 0) return choose(active);
    const found = await server.places(text).catch(() => []);
    asked++;
    fold();
    const exact = found.find((/** @type {any} */ place) => place.id === text) || found.find((/** @type {any} */ place) => !place.layer) || (found.length === 1 ? found[0] : null);
    if (exact) page.go(exact);
    else if (found.length) ([places, active] = [found, -1], paint());
    else page.note(page.words().not_found);
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !typing) (event.preventDefault(), input.focus(), input.select());
  });
}
