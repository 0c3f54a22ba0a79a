"use strict";
/* The start page: polls summary and status, fills in the snippets. */

const POLL_MS = 2000;
const byId = (id) => document.getElementById(id);

function headers() {
  const key = sessionStorage.getItem("haystat-key");
  return key ? { Authorization: "Bearer " + key } : {};
}

async function ask(path) {
  const answer = await fetch(path, { headers: headers(), cache: "no-store" });
  if (answer.status === 401 || answer.status === 403) {
    byId("ask-key").hidden = false;
    throw new Error("a key with scope read is needed");
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Error(problem.detail || "status " + answer.status);
  }
  byId("ask-key").hidden = true;
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
  const newest = status.data && status.data.searches;
  if (newest) showState("First event received. The newest is " + age(newest.age_s) + " old.", "good");
  else showState("Running; waiting for the first event…", "dim");
}

async function poll() {
  try {
    showSummary(await ask("/api/v1/metrics/summary?from=now-1h&series=0"));
    showStatus(await ask("/api/v1/status"));
  } catch (error) {
    showState(error.message, "bad");
  }
  setTimeout(poll, POLL_MS);
}

function snippets() {
  const base = location.origin;
  const auth = "-H 'Authorization: Bearer YOUR_KEY' ";
  const json = "-H 'Content-Type: application/json' ";
  return {
    curl: "curl " + base + "/api/v1/telemetry/event " + auth + "\\\n  " + json + "\\\n  -d '" +
      JSON.stringify({ event_id: crypto.randomUUID ? crypto.randomUUID() : "first-event",
        service: "shop-search", version: "1.0.0", query: "red shoes", latency_ms: 41.7,
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
      "export OTEL_EXPORTER_OTLP_HEADERS='Authorization=Bearer%20YOUR_KEY'\n" +
      "export OTEL_RESOURCE_ATTRIBUTES=service.name=shop-search",
  };
}

function start() {
  const texts = snippets();
  for (const pre of document.querySelectorAll("pre[data-snippet]")) {
    pre.textContent = texts[pre.dataset.snippet];
    pre.tabIndex = 0;
    const button = pre.parentElement.querySelector("button");
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem("haystat-key", byId("key").value.trim());
  });
  poll();
}

start();
