#include "service/admin/page.h"

namespace dorsal::admin {
namespace {

constexpr std::string_view kPage = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Dorsal</title>
<style>
  :root { color-scheme: light dark; --ink: #1d2733; --dim: #66727f; --line: #dde3e9; --paper: #fff;
          --ground: #f3f5f7; --good: #1a7f4b; --warn: #b06a00; --bad: #c0322b; --accent: #20639b; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e4e9ee; --dim: #93a0ad; --line: #2c3743; --paper: #18212b; --ground: #10171f;
            --good: #4cc38a; --warn: #e0a33e; --bad: #f0736c; --accent: #6fb1e8; }
  }
  * { box-sizing: border-box; }
  body { margin: 0; background: var(--ground); color: var(--ink);
         font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
  main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
  header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; }
  h1 { margin: 0; font-size: 1.5rem; letter-spacing: -.01em; }
  #state { color: var(--dim); }
  #state.bad { color: var(--bad); font-weight: 600; }
  dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem;
       margin: 1.5rem 0; }
  dl div, .sheet { background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; }
  dl div { padding: .6rem .9rem; }
  dt { color: var(--dim); font-size: .8rem; }
  dd { margin: 0; font-variant-numeric: tabular-nums; font-weight: 600; overflow-wrap: anywhere; }
  .sheet { overflow-x: auto; }
  table { width: 100%; border-collapse: collapse; }
  th, td { padding: .6rem .9rem; text-align: left; white-space: nowrap; }
  th { color: var(--dim); font-size: .8rem; font-weight: 500; border-bottom: 1px solid var(--line); }
  tr + tr td { border-top: 1px solid var(--line); }
  td.number { text-align: right; font-variant-numeric: tabular-nums; }
  th.number { text-align: right; }
  td.gtid { max-width: 20rem; overflow: hidden; text-overflow: ellipsis; color: var(--dim);
            font: 13px ui-monospace, "DejaVu Sans Mono", monospace; }
  .good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
  .primary { color: var(--accent); font-weight: 600; }
</style>
</head>
<body>
<main>
  <header><h1 id="cluster">Dorsal</h1><span id="state">reading …</span></header>
  <dl id="facts"></dl>
  <div class="sheet"><table>
    <thead><tr><th>node</th><th>role</th><th>state</th><th class="number">lag</th><th>semi-sync</th>
      <th>address</th><th>executed</th></tr></thead>
    <tbody id="nodes"></tbody>
  </table></div>
</main>
<script>
"use strict";
const at = id => document.getElementById(id);

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function fact(name, value) {
  const box = document.createElement("div");
  box.append(element("dt", name), element("dd", value));
  return box;
}

function state_of(node) {
  if (node.healthy) return element("td", node.activity || "healthy", "good");
  return element("td", node.activity || "not healthy", node.role === "joining" ? "warn" : "bad");
}

function row(node) {
  const made = document.createElement("tr");
  // Of each source's uuid the beginning tells them apart; what matters stands at the end.
  const gtid = element("td", node.gtid_executed.replace(/-[0-9a-f]{4}-[0-9a-f-]{22}/g, ""), "gtid");
  gtid.title = node.gtid_executed;
  made.append(element("td", node.name),
              element("td", node.role, node.role === "down" ? "bad" : node.role),
              state_of(node),
              element("td", node.lag_ms === null ? "–" : node.lag_ms + " ms", "number"),
              element("td", node.semi_sync ? "on" : "off", node.semi_sync ? "" : "warn"),
              element("td", node.address), gtid);
  return made;
}

function show(status) {
  document.title = status.cluster + " · Dorsal";
  at("cluster").textContent = status.cluster;
  const healthy = status.nodes.filter(node => node.healthy).length;
  at("state").textContent = healthy + " of " + status.nodes.length + " nodes healthy";
  at("state").className = status.primary !== null && healthy === status.nodes.length ? "" : "bad";
  at("facts").replaceChildren(
      fact("primary", status.primary === null ? "none" : status.primary),
      fact("term", status.term),
      fact("replication", status.mode + (status.mode === "semi-sync" ? ", " + status.acks + " ack" : "")),
      fact("reads and writes", status.endpoints.split),
      fact("primary only", status.endpoints.primary),
      fact("replicas only", status.endpoints.replicas));
  at("nodes").replaceChildren(...status.nodes.map(row));
}

async function refresh() {
  try {
    const answer = await fetch("/api/status", { cache: "no-store" });
    if (!answer.ok) throw new Error("the server answered " + answer.status);
    show(await answer.json());
  } catch (error) {
    at("state").textContent = "no answer: " + error.message;
    at("state").className = "bad";
  }
  setTimeout(refresh, 1000);
}
refresh();
</script>
</body>
</html>
)html";

}  // namespace

std::string_view status_page() { return kPage; }

}  // namespace dorsal::admin
