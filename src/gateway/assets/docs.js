"use strict";
/* Shows /docs/openapi.yaml. The file keeps to a part of YAML that parse() reads: block mappings and
 * lists, plain and double-quoted scalars, literal blocks (|), and JSON for everything in flow style.
 * tests/e2e/test_openapi.py holds it to that. */

function parse(text) {
  const lines = text.split("\n").map((raw) => ({ raw, indent: raw.search(/\S/) }));
  let at = 0;

  const skip = () => {
    while (at < lines.length && (lines[at].indent < 0 || lines[at].raw.trim().startsWith("#"))) at++;
  };
  const scalar = (word) => {
    if (/^["[{]/.test(word)) return JSON.parse(word);
    if (word === "true" || word === "false") return word === "true";
    if (word === "null") return null;
    return /^-?\d+(\.\d+)?$/.test(word) ? Number(word) : word;
  };
  const literal = (indent) => {
    const parts = [];
    let own = -1;
    while (at < lines.length && (lines[at].indent > indent || lines[at].indent < 0)) {
      if (own < 0 && lines[at].indent >= 0) own = lines[at].indent;
      parts.push(own < 0 ? "" : lines[at].raw.slice(own));
      at++;
    }
    return parts.join("\n").trimEnd();
  };
  const value = (word, indent) => {
    if (word === "|") return literal(indent);
    if (word !== "") return scalar(word);
    skip();
    return at < lines.length && lines[at].indent > indent ? block(lines[at].indent) : null;
  };
  const mapping = (indent) => {
    const out = {};
    for (skip(); at < lines.length && lines[at].indent === indent; skip()) {
      const match = /^\s*("(?:[^"\\]|\\.)*"|[^\s:]+):(?:\s+(.*))?$/.exec(lines[at].raw);
      if (!match) throw new Error("line " + (at + 1));
      at++;
      out[match[1].startsWith('"') ? JSON.parse(match[1]) : match[1]] = value((match[2] || "").trim(), indent);
    }
    return out;
  };
  const list = (indent) => {
    const out = [];
    for (skip(); at < lines.length && lines[at].indent === indent && /^\s*-\s/.test(lines[at].raw); skip()) {
      const rest = lines[at].raw.slice(indent + 2);
      if (/^[\w$-]+:(\s|$)/.test(rest)) {
        lines[at] = { raw: " ".repeat(indent + 2) + rest, indent: indent + 2 };
        out.push(mapping(indent + 2));
      } else {
        at++;
        out.push(scalar(rest.trim()));
      }
    }
    return out;
  };
  function block(indent) {
    return /^\s*-\s/.test(lines[at].raw) ? list(indent) : mapping(indent);
  }
  skip();
  return block(lines[at].indent);
}

function element(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function resolve(api, object) {
  if (!object || !object.$ref) return object;
  return object.$ref.split("/").slice(1).reduce((node, word) => node[word], api);
}

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const words = schema.enum ? schema.enum.join(", ") : [].concat(schema.type || "").join(" or ");
  return schema.items ? words + " of " + typeOf(schema.items) : words;
}

function table(heads, rows) {
  const node = element("table");
  const head = node.createTHead().insertRow();
  for (const text of heads) head.appendChild(element("th", text));
  const body = node.createTBody();
  for (const cells of rows) {
    const line = body.insertRow();
    cells.forEach((text, i) => line.appendChild(element("td"))
      .appendChild(i === 0 ? element("code", text) : document.createTextNode(text)));
  }
  return node;
}

function examples(api, content, node) {
  for (const [type, media] of Object.entries(content || {})) {
    node.appendChild(element("p", type + (media.schema ? " · " + typeOf(media.schema) : ""), "dim"));
    if (media.example === undefined) continue;
    const text = typeof media.example === "string" ? media.example : JSON.stringify(media.example, null, 2);
    node.appendChild(element("pre", text));
  }
}

function operation(api, path, method, spec) {
  const node = element("details");
  const head = node.appendChild(element("summary"));
  head.appendChild(element("span", method.toUpperCase(), "method"));
  head.appendChild(element("code", path));
  head.appendChild(element("span", spec.summary || "", "dim"));
  if (spec.description) node.appendChild(element("p", spec.description));
  const params = (spec.parameters || []).map((one) => resolve(api, one));
  if (params.length > 0)
    node.appendChild(table(["parameter", "type", "what"],
      params.map((one) => [one.name, typeOf(one.schema), one.description || ""])));
  if (spec.requestBody) {
    node.appendChild(element("h3", "Request"));
    examples(api, resolve(api, spec.requestBody).content, node);
  }
  for (const [status, raw] of Object.entries(spec.responses || {})) {
    const answer = resolve(api, raw);
    node.appendChild(element("h3", status + " " + (answer.description || "")));
    examples(api, answer.content, node);
  }
  return node;
}

function show(api) {
  const content = document.getElementById("content");
  const sections = new Map();
  const intro = element("section");
  for (const part of (api.info.description || "").split("\n\n")) intro.appendChild(element("p", part));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const [method, spec] of Object.entries(item)) {
      const tag = (spec.tags || ["other"])[0];
      if (!sections.has(tag)) {
        const section = element("section");
        section.appendChild(element("h2", tag));
        sections.set(tag, section);
      }
      sections.get(tag).appendChild(operation(api, path, method, spec));
    }
  }
  content.replaceChildren(intro, ...sections.values(), ...schemasOf(api));
}

function schemasOf(api) {
  const all = Object.entries((api.components && api.components.schemas) || {});
  if (all.length === 0) return [];
  const schemas = element("section");
  schemas.appendChild(element("h2", "schemas"));
  for (const [name, schema] of all) {
    const node = element("details");
    node.appendChild(element("summary")).appendChild(element("code", name));
    if (schema.description) node.appendChild(element("p", schema.description));
    node.appendChild(table(["member", "type", "what"], Object.entries(schema.properties || {})
      .map(([key, one]) => [key, typeOf(one), one.description || ""])));
    schemas.appendChild(node);
  }
  return [schemas];
}

fetch("/docs/openapi.yaml").then((answer) => answer.text()).then((text) => show(parse(text)))
  .catch((error) => { document.getElementById("content").textContent = "openapi.yaml: " + error.message; });
