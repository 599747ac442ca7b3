// Segment's own Klaviyo destination as a service of lines: carries out messages as Segment does.
// The first line is the address of Klaviyo, answered "ready"; each other is `{"action", "subscribe", "mapping", "messages"}`; the answer is a
// list with `{"status", "message"}` of each message, 200 for what Segment counts as delivered. The line `"defaults"` is
// answered with the default mapping of each action.
'use strict'

const { createInterface } = require('node:readline')
const config = require('@segment/action-destinations/dist/destinations/klaviyo/config')
const definition = require('@segment/action-destinations/dist/destinations/klaviyo').default
const { Destination, defaultValues } = require('@segment/actions-core')

const klaviyo = new Destination(definition)

const defaults = () =>
  Object.fromEntries(Object.entries(definition.actions).map(([name, { fields }]) => [name, defaultValues(fields)]))

async function delivered({ action, subscribe, mapping, messages }) {
  const { fields, performBatch } = definition.actions[action]
  // A list that the settings do not name is the one of the audience.
  const list = fields.list_id?.default ? { list_id: fields.list_id.default } : {}
  const subscription = { partnerAction: action, subscribe, mapping: { ...list, ...mapping } }
  const settings = { api_key: 'pk_test', subscriptions: [subscription] }
  if (performBatch) return batch(messages, settings)
  return Promise.all(messages.map((message) => single(message, settings)))
}

async function batch(messages, settings) {
  try {
    const [{ multistatus }] = await klaviyo.onBatch(messages, settings)
    return messages.map((_, n) => ({ status: multistatus?.[n]?.status ?? 200, message: multistatus?.[n]?.errormessage }))
  } catch (error) {
    return messages.map(() => refused(error))
  }
}

async function single(message, settings) {
  try {
    await klaviyo.onEvent(message, settings)
    return { status: 200 }
  } catch (error) {
    return refused(error)
  }
}

const refused = (error) => ({ status: error.response?.status ?? error.status ?? 500, message: String(error.message) })

let connected = false

async function answer(order) {
  if (order === 'defaults') return defaults()
  if (connected) return delivered(order)
  config.API_URL = `${order}/api`
  connected = true
  return 'ready'
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line))))
  }
}

main()
