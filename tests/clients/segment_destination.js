// Segment's own Klaviyo destination as a service of lines: carries out messages as Segment does.
// The first line is the address of Klaviyo, answered "ready"; each other is `{"action", "subscribe", "mapping", "messages"}`; the answer is a
// list with `{"status", "message"}` of each message, 200 for what Segment counts as delivered.
'use strict'

const { createInterface } = require('node:readline')
const config = require('@segment/action-destinations/dist/destinations/klaviyo/config')
const definition = require('@segment/action-destinations/dist/destinations/klaviyo').default
const { Destination } = require('@segment/actions-core')

const klaviyo = new Destination(definition)

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

async function main() {
  let connected = false
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = connected ? await delivered(JSON.parse(line)) : 'ready'
    if (!connected) config.API_URL = `${JSON.parse(line)}/api`
    connected = true
    console.log(JSON.stringify(answer))
  }
}

main()
