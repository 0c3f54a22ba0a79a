"use strict";
/* The start page: polls summary and status, fills in the snippets. */

const POLL_MS = 2000;
const byId = (id) => document.getElementById(id);
let wantsKey = false; /* the server refused to answer without one */
let waited = false; /* this page has seen the server without an event */
let timer = 0;

function keyOf() {
  return sessionStorage.getItem("haystat-key") || "";
}

function headers() {
  return keyOf() ? { Authorization: "Bearer " + keyOf() } : {};
}

async function ask(path) {
  const answer = await fetch(path, { headers: headers(), cache: "no-store" });
  const refused = answer.status === 401 || answer.status === 403;
  byId("ask-key").hidden = !refused;
  if (refused) byId("empty").hidden = true; /* nobody knows what is there */
  if (refused && !wantsKey) {
    wantsKey = true;
    showSnippets();
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Error(problem.detail || "status " + answer.status);
  }
  return answer.json();
}

function ms(value) {
  if (value === null) return "–";
  return value < 10 ? value.toFixed(1) + " ms" : Math.round(value).toLocaleString("en") + " ms";
}

function rate(object) {
  return object.value === null ? "–" : (100 * object.value).toFixed(2) + " %";
}

function row(name, group, className) {
  const line = document.createElement("tr");
  const cells = [name, group.executions.toLocaleString("en"), rate(group.error_rate),
    ms(group.p50_ms), ms(group.p95_ms), ms(group.p99_ms), rate(group.zero_results)];
  for (const text of cells) line.appendChild(document.createElement("td")).textContent = text;
  for (const [at, name] of [[3, "p50_ms"], [4, "p95_ms"], [5, "p99_ms"]]) {
    if (group.low_n.includes(name)) {
      line.cells[at].className = "dim";
      line.cells[at].title = "Rests on few executions.";
    }
  }
  line.className = className;
  return line;
}

function showSummary(summary) {
  const groups = [...summary.groups].sort((a, b) => b.count - a.count).slice(0, 50);
  const rows = groups.map((group) => row(group.key.service, group, ""));
  if (groups.length > 1) rows.push(row("all services", summary.total, "total"));
  byId("summary").tBodies[0].replaceChildren(...rows);
  byId("summary").hidden = groups.length === 0;
  byId("empty").hidden = groups.length > 0;
}

function age(seconds) {
  if (seconds < 90) return seconds.toFixed(0) + " s";
  return seconds < 5400 ? (seconds / 60).toFixed(0) + " min" : (seconds / 3600).toFixed(1) + " h";
}

function showState(text, className) {
  byId("state").textContent = text;
  byId("state").className = className;
}

function showStatus(status) {
  const data = status.data || {};
  const ages = Object.values(data).filter((table) => table && table.age_s !== undefined)
    .map((table) => table.age_s);
  if (data.error) {
    showState(data.error, "bad");
  } else if (ages.length === 0) {
    waited = true;
    showState("Running; waiting for the first event…", "dim");
  } else {
    showState((waited ? "First event received." : "Receiving.") + " The newest event is " +
      age(Math.min(...ages)) + " old.", "good");
    byId("empty").textContent = "No searches in the last hour.";
  }
}

async function poll() {
  clearTimeout(timer);
  try {
    showSummary(await ask("/api/v1/metrics/summary?from=now-1h&series=0"));
    showStatus(await ask("/api/v1/status"));
  } catch (error) {
    showState(error.message, "bad");
  }
  clearTimeout(timer);
  timer = setTimeout(poll, POLL_MS);
}

function snippets() {
  const base = location.origin;
  const key = keyOf() || (wantsKey ? "YOUR_KEY" : "");
  const auth = key ? "-H 'Authorization: Bearer " + key + "' " : "";
  const json = "-H 'Content-Type: application/json' ";
  return {
    curl: "curl " + base + "/api/v1/telemetry/event " + auth + "\\\n  " + json + "\\\n  -d '" +
      JSON.stringify({ service: "shop-search", version: "1.0.0", query: "red shoes", latency_ms: 41.7,
        total_hits: 1204, results: [{ id: "p-77", position: 1, score: 12.3 }] }) + "'",
    ubi: "curl " + base + "/ubi_queries " + auth + "\\\n  " + json + "\\\n  -d '" +
      JSON.stringify({ application: "shop", query_id: "q-1", client_id: "c-1",
        user_query: "red shoes", query_response_hit_ids: ["p-77", "p-12"],
        timestamp: new Date().toISOString() }) + "'\n\ncurl " + base + "/ubi_events " + auth +
      "\\\n  " + json + "\\\n  -d '" +
      JSON.stringify({ application: "shop", action_name: "click", query_id: "q-1",
        client_id: "c-1", timestamp: new Date().toISOString(),
        event_attributes: { object: { object_id: "p-77" }, position: { ordinal: 1 } } }) + "'",
    otel: "export OTEL_EXPORTER_OTLP_ENDPOINT=" + base + "\n" +
      "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n" +
      (key ? "export OTEL_EXPORTER_OTLP_HEADERS='Authorization=Bearer%20" + key + "'\n" : "") +
      "export OTEL_RESOURCE_ATTRIBUTES=service.name=shop-search",
  };
}

function showSnippets() {
  const texts = snippets();
  for (const pre of document.querySelectorAll("pre[data-snippet]"))
    pre.textContent = texts[pre.dataset.snippet];
  byId("key-none").hidden = keyOf() !== "" || wantsKey;
  byId("key-wanted").hidden = keyOf() !== "" || !wantsKey;
  byId("key-given").hidden = keyOf() === "";
}

/* Without TLS and off localhost a page has no clipboard: the text is selected instead. */
async function copy(pre) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(pre.textContent);
    return "Copied";
  }
  getSelection().selectAllChildren(pre);
  return "Selected";
}

function start() {
  for (const pre of document.querySelectorAll("pre[data-snippet]")) {
    pre.tabIndex = 0;
    const button = pre.parentElement.querySelector("button");
    button.addEventListener("click", async () => {
      button.textContent = await copy(pre);
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem("haystat-key", byId("key").value.trim());
    showSnippets();
    poll();
  });
  showSnippets();
  poll();
}

start();
