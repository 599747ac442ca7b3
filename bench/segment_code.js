// Segment's own code for Klaviyo, for the benchmark: maps messages up to the body of each request, and sends nothing.
// The first line is `{"action", "batch", "mapping", "messages"}`; after each other line all messages are mapped, and the
// answer is `{"cpu_s", "made"}`: seconds of CPU time, and the number of profiles and events in the bodies. They are
// counted the first time only, because reading the bodies takes time.
'use strict'

const { dirname, join } = require('node:path')
const { createInterface } = require('node:readline')

// The package does not export the module that its requests go through.
const http = require(join(dirname(require.resolve('@segment/actions-core')), 'fetch'))
let counting = true
let made = 0
// Klaviyo's answer, to all calls.
http.default = async (request) => {
  if (counting) {
    const { attributes } = (await request.json()).data
    made += (attributes.profiles ?? attributes['events-bulk-create'])?.data.length ?? 1
  }
  return new http.Response('{}', { status: 202, headers: { 'content-type': 'application/json' } })
}

const definition = require('@segment/action-destinations/dist/destinations/klaviyo').default
const { Destination } = require('@segment/actions-core')

const klaviyo = new Destination(definition)

async function mapped({ action, batch, mapping, messages }) {
  const subscriptions = [{ partnerAction: action, subscribe: 'type != "none"', mapping }]
  const settings = { api_key: 'pk_bench', subscriptions }
  if (!batch) {
    for (const message of messages) await klaviyo.onEvent(message, settings)
    return
  }
  for (let from = 0; from < messages.length; from += batch) {
    await klaviyo.onBatch(messages.slice(from, from + batch), settings)
  }
}

async function main() {
  let order
  for await (const line of createInterface({ input: process.stdin })) {
    if (!order) {
      order = JSON.parse(line)
      continue
    }
    const before = process.cpuUsage()
    await mapped(order)
    const { user, system } = process.cpuUsage(before)
    console.log(JSON.stringify({ cpu_s: (user + system) / 1e6, made }))
    counting = false
  }
}

main()
