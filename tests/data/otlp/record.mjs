// Records what the official OpenTelemetry SDK for JavaScript sends: traces and logs, as protobuf and
// as JSON, into the folder of this file. Run by hand when the SDK changes:
//
//     NODE_PATH=… node tests/data/otlp/record.mjs
//
// The packages are those of tests/e2e/node/package.json.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(join(process.env.NODE_PATH ?? "", "x.js"));
const { context, trace, SpanKind, SpanStatusCode } = require("@opentelemetry/api");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { TracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace");
const { LoggerProvider, BatchLogRecordProcessor } = require("@opentelemetry/sdk-logs");
const exporters = {
  json: {
    traces: require("@opentelemetry/exporter-trace-otlp-http").OTLPTraceExporter,
    logs: require("@opentelemetry/exporter-logs-otlp-http").OTLPLogExporter,
  },
  pb: {
    traces: require("@opentelemetry/exporter-trace-otlp-proto").OTLPTraceExporter,
    logs: require("@opentelemetry/exporter-logs-otlp-proto").OTLPLogExporter,
  },
};

const folder = dirname(fileURLToPath(import.meta.url));
const resource = resourceFromAttributes({
  "service.name": "shop-search",
  "service.version": "2.0.1",
  "deployment.environment.name": "test",
});

function listen(encoding) {
  const server = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const name = request.url.slice("/v1/".length);
      writeFileSync(join(folder, `sdk_js_${name}.${encoding}`), Buffer.concat(parts));
      response.writeHead(200, { "content-type": request.headers["content-type"] });
      response.end(encoding === "json" ? "{}" : "");
    });
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

function makeSpans(tracer) {
  const edge = tracer.startSpan("GET /search", {
    kind: SpanKind.SERVER,
    attributes: {
      "search.query.id": "q-1",
      "search.query.text": "rote Schuhe größe 42",
      "search.hits.total": 12,
      "search.took_ms": 3.25,
      "search.cache.hit": false,
      "search.result.ids": ["p1", "p2", "p3"],
      "user.id": "customer-4711",
    },
  });
  const inside = trace.setSpan(context.active(), edge);
  const engine = tracer.startSpan(
    "search products",
    {
      kind: SpanKind.CLIENT,
      attributes: { "db.system.name": "opensearch", "db.operation.name": "search",
        "db.collection.name": "products", "server.port": 9200 },
      links: [{ context: edge.spanContext(), attributes: { why: "test" } }],
    },
    inside,
  );
  engine.addEvent("retry", { attempt: 1, wait: 0.5 });
  const error = new Error("node left");
  error.stack = "Error: node left\n    at search (search.js:10:3)"; // no path of this machine
  engine.recordException(error);
  engine.setStatus({ code: SpanStatusCode.ERROR, message: "node left" });
  engine.end();
  edge.end();
}

async function record(encoding) {
  const server = await listen(encoding);
  const base = `http://127.0.0.1:${server.address().port}/v1`;
  const exporter = exporters[encoding];
  const tracers = new TracerProvider({
    resource,
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new exporter.traces({ url: `${base}/traces` }) }),
    ],
  });
  makeSpans(tracers.getTracer("recorder", "1.0"));
  await tracers.shutdown();
  const loggers = new LoggerProvider({
    resource,
    processors: [
      new BatchLogRecordProcessor({ exporter: new exporter.logs({ url: `${base}/logs` }) }),
    ],
  });
  const logger = loggers.getLogger("recorder", "1.0");
  logger.emit({ severityNumber: 9, severityText: "INFO", body: "order sent to jane.roe@example.com",
    attributes: { attempt: 2, ok: true } });
  logger.emit({ severityNumber: 17, body: { code: 7, tags: ["a", "b"] } });
  await loggers.shutdown();
  server.close();
}

await record("json");
await record("pb");
