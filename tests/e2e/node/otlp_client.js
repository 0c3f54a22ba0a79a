// Sends spans and log records with OpenTelemetry's own SDK. Takes a JSON object on standard input:
//
//     {url, encoding: "http" | "proto", gzip, resource, scope: {name, version}, spans, records}
//
// spans: [{name, kind, start, end, attributes, events: [{name, time, attributes}],
//          links: [span number], status, parent: span number}], times as [seconds, nanoseconds].
// records: [{time, observed, severity, text, body, attributes, eventName, span: span number}].
// Prints {spans: [{traceId, spanId}], errors: [text]} once everything was answered.
const { context, diag, trace, DiagLogLevel } = require('@opentelemetry/api')
const { resourceFromAttributes } = require('@opentelemetry/resources')
const { TracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace')
const { LoggerProvider, BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs')

function exporterOf(signal, order) {
  const name = `@opentelemetry/exporter-${signal === 'traces' ? 'trace' : 'logs'}-otlp-${order.encoding}`
  const made = require(name)
  const Exporter = signal === 'traces' ? made.OTLPTraceExporter : made.OTLPLogExporter
  return new Exporter({
    url: `${order.url}/v1/${signal}`,
    compression: order.gzip ? 'gzip' : 'none',
  })
}

function makeSpans(tracer, order) {
  const spans = []
  for (const wanted of order.spans) {
    const inside =
      wanted.parent === undefined
        ? context.active()
        : trace.setSpan(context.active(), spans[wanted.parent])
    const links = (wanted.links ?? []).map((link) => ({
      context: spans[link.span].spanContext(),
      attributes: link.attributes,
    }))
    const span = tracer.startSpan(
      wanted.name,
      { kind: wanted.kind, startTime: wanted.start, attributes: wanted.attributes, links },
      inside,
    )
    for (const event of wanted.events ?? []) span.addEvent(event.name, event.attributes, event.time)
    if (wanted.status) span.setStatus(wanted.status)
    spans.push(span)
  }
  spans.forEach((span, i) => span.end(order.spans[i].end))
  return spans
}

function emitRecords(logger, order, spans) {
  for (const record of order.records) {
    logger.emit({
      timestamp: record.time,
      observedTimestamp: record.observed,
      severityNumber: record.severity,
      severityText: record.text,
      body: record.body,
      attributes: record.attributes,
      eventName: record.eventName,
      context:
        record.span === undefined
          ? context.active()
          : trace.setSpan(context.active(), spans[record.span]),
    })
  }
}

async function main(order) {
  const errors = []
  const note = (...words) => errors.push(words.map(String).join(' '))
  diag.setLogger(
    { error: note, warn: note, info() {}, debug() {}, verbose() {} },
    DiagLogLevel.WARN,
  )
  const resource = resourceFromAttributes(order.resource)
  const tracers = new TracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor({ exporter: exporterOf('traces', order) })],
  })
  const loggers = new LoggerProvider({
    resource,
    processors: [new BatchLogRecordProcessor({ exporter: exporterOf('logs', order) })],
  })
  const spans = makeSpans(tracers.getTracer(order.scope.name, order.scope.version), order)
  emitRecords(loggers.getLogger(order.scope.name, order.scope.version), order, spans)
  await tracers.shutdown()
  await loggers.shutdown()
  const ids = spans.map((span) => {
    const { traceId, spanId } = span.spanContext()
    return { traceId, spanId }
  })
  console.log(JSON.stringify({ spans: ids, errors }))
}

let text = ''
process.stdin.on('data', (part) => (text += part))
process.stdin.on('end', () =>
  main(JSON.parse(text)).catch((error) => {
    console.error(error)
    process.exit(1)
  }),
)
