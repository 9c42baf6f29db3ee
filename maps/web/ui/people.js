/** The users of the service and what they did, for admins: added, changed, shut out; tokens taken back; the audit log, page by page. */

import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";

const ROLES = ["viewer", "planner", "approver", "admin"];
const ACTIONS = ["sign-in", "sign-out", "POST", "PUT", "PATCH", "DELETE", "export", "user", "token"];
const LINES = 100; // of the log at a time

/**
 * Wire the users and the log up.
 * @param {any} page
 */
export function peopleView(page) {
  /** @type {any[]} */ let users = [];
  /** @type {any[]} */ let lines = [];
  let more = false; // there are older lines
  let turn = 0;
  let asked = 0;
  const admin = () => page.me().role === "admin";
  const button = (text, go, more = {}) => make("button", { type: "button", onclick: go, ...more }, text);
  const path = (name, rest = "") => `people/${encodeURIComponent(name)}${rest}`;
  const why = (failure) => (failure instanceof server.Refusal ? failure.say(page.language()) : (console.error(failure), page.words().failed));
  const told = (...parts) => byId("people-answer").replaceChildren(...parts);
  const head = (titles) => make("tr", {}, ...titles.map((text) => (text ? make("th", { scope: "col" }, text) : make("td", {}))));

  /** Make a change and show the users as they are then. @param {string} method @param {string} where @param {any} body */
  async function send(method, where, body = null) {
    told(page.words().loading);
    try {
      const answer = await server.change(method, where, body);
      const made = answer.status === 201 ? await answer.json() : null;
      await load();
      told(made?.token ? make("p", {}, `${page.words().token_once} `, make("code", { class: "token" }, made.token)) : page.words().stored);
      return true;
    } catch (failure) {
      told(make("p", { role: "alert", class: "refusal" }, why(failure)));
      return false;
    }
  }

  async function load() {
    const mine = ++turn;
    const found = await server.ask("people");
    if (mine !== turn) return;
    users = found;
    paint();
  }

  function row(user) {
    const words = page.words();
    const own = user.name === page.me().name;
    const role = make("select", { "aria-label": `${words.role} ${user.name}`, disabled: own, onchange: (event) => send("PATCH", path(user.name), { role: event.target.value }) }, ...ROLES.map((one) => make("option", { value: one, selected: one === user.role }, words[`role_${one}`])));
    const shut = button(user.disabled ? words.enable : words.disable, () => (user.disabled || confirm(`${words.disable}: ${user.name}?`)) && send("PATCH", path(user.name), { disabled: !user.disabled }), { disabled: own, "aria-label": `${user.disabled ? words.enable : words.disable} ${user.name}` });
    const token = (one) => make("li", {}, `${one.title || one.id} · ${words.until} ${page.fmt().day(one.until.slice(0, 10))} `, button(words.revoke, () => confirm(`${words.revoke}: ${one.title || one.id}?`) && send("DELETE", path(user.name, `/tokens/${one.id}`)), { "aria-label": `${words.revoke} ${one.title || one.id}` }));
    const title = /** @type {any} */ (make("input", { maxlength: 200, "aria-label": `${words.token_for} ${user.name}` }));
    const tokens = make("details", {}, make("summary", {}, `${words.tokens} (${user.tokens.length})`), make("ul", { class: "tokens" }, ...user.tokens.map(token)), make("p", { class: "actions" }, title, button(words.token_make, () => send("POST", path(user.name, "/tokens"), { title: title.value }))));
    return make("tr", { class: user.disabled ? "shut" : null }, make("th", { scope: "row" }, user.name, make("small", {}, [user.email, user.disabled ? words.disabled : "", user.password ? "" : words.no_password].filter(Boolean).join(" · "))), make("td", {}, role, tokens), make("td", {}, shut));
  }

  function paint() {
    const words = page.words();
    for (const id of ["people-form", "people-list", "audit-form", "audit-list"]) byId(id).hidden = !admin();
    byId("people-answer").hidden = !admin();
    for (const id of ["people-others", "audit-others"]) byId(id).hidden = admin();
    if (!admin()) return;
    const form = byId("people-form").elements;
    choices(form.role, ROLES.map((role) => [role, words[`role_${role}`]]));
    const sought = byId("audit-form").elements;
    choices(sought.action, [["", words.any_action], ...ACTIONS.map((action) => [action, words[`action_${action}`] ?? action])]);
    byId("audit-users").replaceChildren(...users.map((user) => make("option", { value: user.name })));
    byId("people-list").replaceChildren(users.length ? make("table", {}, head([words.user, `${words.role} · ${words.tokens}`, ""]), ...users.map(row)) : make("p", {}, words.no_users));
    const entry = (e) => make("tr", {}, ...[page.fmt().moment(e.at), e.actor || "–", words[`action_${e.action}`] ?? e.action, e.object, e.outcome].map((text) => make("td", {}, text)));
    byId("audit-list").replaceChildren(
      lines.length ? make("table", {}, head([words.as_on, words.user, words.action, words.object, words.outcome]), ...lines.map(entry)) : make("p", {}, words.no_lines),
      more ? make("p", { class: "actions" }, button(words.older, older, { id: "audit-older" })) : "");
  }

  /** Offer choices in the reader's language; what was chosen stays. @param {HTMLSelectElement} select @param {string[][]} all */
  function choices(select, all) {
    const was = select.value;
    select.replaceChildren(...all.map(([value, text]) => make("option", { value, selected: value === was }, text)));
  }

  /** Which lines are wanted; days are those of the reader. @param {number} before the number of a line, 0 for the newest */
  function query(before) {
    const form = byId("audit-form").elements;
    const wanted = new URLSearchParams({ newest: "true", limit: String(LINES + 1) });
    for (const name of ["actor", "action", "about"]) if (form[name].value.trim()) wanted.set(name, form[name].value.trim());
    const day = (text, later = 0) => new Date(Number(text.slice(0, 4)), Number(text.slice(5, 7)) - 1, Number(text.slice(8)) + later).toISOString();
    if (form.since.value) wanted.set("since", day(form.since.value));
    if (form.until.value) wanted.set("until", day(form.until.value, 1));
    if (before) wanted.set("before", String(before));
    return wanted;
  }

  /** Read lines of the log, the newest first; an answer to an older question is dropped. @param {number} before */
  async function read(before) {
    const mine = ++asked;
    const found = await server.ask(`audit?${query(before)}`);
    if (mine !== asked) return;
    more = found.length > LINES;
    lines = [...(before ? lines : []), ...found.slice(0, LINES)];
    paint();
  }
  const failed = (failure) => byId("audit-list").replaceChildren(make("p", { role: "alert", class: "refusal" }, why(failure)));
  const older = () => read(lines[lines.length - 1].seq).catch(failed);

  byId("people-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value));
    const first = !users.length;
    if (!(await send("POST", "people", given))) return;
    event.target.reset();
    if (first) location.assign("login");
  });
  byId("audit-form").addEventListener("submit", (event) => (event.preventDefault(), read(0).catch(failed)));
  return {
    paint,
    show: () => (paint(), admin() ? Promise.all([load(), read(0)]) : null),
  };
}
