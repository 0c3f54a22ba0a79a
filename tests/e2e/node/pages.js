// Runs a page's script against a document that is just large enough; no browser, no network.
//   node pages.js docs  docs.js  < openapi.yaml    prints {parsed, shown}
//   node pages.js start start.js < answers.json    prints what the page shows after each answer
const fs = require('fs')
const vm = require('vm')

function element(name, all) {
  const own = {
    name, children: [], dataset: {}, listeners: {}, hidden: false, className: '', value: '',
    text: '',
    set textContent(text) { own.text = String(text); own.children = [] },
    get textContent() { return own.text + own.children.map((one) => one.textContent).join('\n') },
    get cells() { return own.children },
    get tBodies() { return [own.tbody] },
    appendChild(one) { own.children.push(one); return one },
    replaceChildren(...many) { own.text = ''; own.children = many },
    addEventListener(event, fn) { own.listeners[event] = fn },
    querySelector: () => own.button,
    createTHead: () => own.appendChild(element('thead', all)),
    createTBody: () => own.appendChild(element('tbody', all)),
    insertRow: () => own.appendChild(element('tr', all)),
  }
  all.push(own)
  return own
}

function page(fetch) {
  const ids = {}
  const all = []
  const snippets = ['curl', 'ubi', 'otel'].map((name) => {
    const pre = element('pre', all)
    pre.dataset.snippet = name
    pre.parentElement = { querySelector: () => element('button', all) }
    return pre
  })
  const byId = (id) => {
    ids[id] = ids[id] || element(id, all)
    ids[id].tbody = ids[id].tbody || element('tbody', all)
    return ids[id]
  }
  const stored = {}
  return {
    ids, byId, snippets,
    document: {
      getElementById: byId, createElement: (name) => element(name, all),
      createTextNode: (text) => ({ textContent: text }), querySelectorAll: () => snippets,
    },
    location: { origin: 'http://search.example:8000' },
    sessionStorage: { getItem: (k) => stored[k] || null, setItem: (k, v) => { stored[k] = v } },
    fetch,
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

async function settled() {
  for (let i = 0; i < 20; i++) await settle()
}

function run(file, globals) {
  const context = vm.createContext({ console, ...globals })
  vm.runInContext(fs.readFileSync(file, 'utf8'), context, { filename: file })
  return context
}

async function docs(file, text) {
  const shown = page(async () => ({ text: async () => text }))
  const context = run(file, shown)
  await settled()
  return { parsed: context.parse(text), shown: shown.ids.content.textContent }
}

// answers: [{status, body} of the summary, {status, body} of the status, key to enter or null], …
async function start(file, text) {
  const steps = JSON.parse(text)
  let at = 0
  const shown = page(async (path) => {
    const { status, body } = steps[at][path.includes('/metrics/') ? 0 : 1]
    return { status, ok: status === 200, json: async () => body }
  })
  let next = null
  const timer = { setTimeout: (fn) => { next = fn; return 1 }, clearTimeout: () => {} }
  run(file, { ...shown, ...timer, getSelection: () => null })
  const out = []
  for (; at < steps.length; at++) {
    if (at > 0 && steps[at][2]) {
      shown.byId('key').value = steps[at][2]
      shown.ids['key-form'].listeners.submit({ preventDefault: () => {} })
    } else if (at > 0) {
      next()
    }
    await settled()
    out.push({
      state: shown.ids.state.textContent,
      rows: shown.byId('summary').tbody.children
        .map((row) => row.children.map((cell) => cell.textContent)),
      asks: !shown.ids['ask-key'].hidden,
      snippets: Object.fromEntries(shown.snippets.map((pre) => [pre.dataset.snippet, pre.text])),
    })
  }
  return out
}

const [kind, file] = process.argv.slice(2)
const input = fs.readFileSync(0, 'utf8')
const task = kind === 'docs' ? docs(file, input) : start(file, input)
task.then((out) => console.log(JSON.stringify(out)))
