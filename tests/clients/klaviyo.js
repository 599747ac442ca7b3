// Klaviyo's own client for Node as a service of lines: reads calls from stdin, answers each with a line.
// The first line is `{"address", "key"}` of Klaviyo, each other a call `{"name", "arguments"}`; the answer is `{"body"}` as
// the client's models read it, or `{"status", "errors"}` if Klaviyo refused.
'use strict'

const { createInterface } = require('node:readline')
const klaviyo = require('klaviyo-api')

const APIS = ['AccountsApi', 'DataPrivacyApi', 'EventsApi', 'ListsApi', 'MetricsApi', 'ProfilesApi']

function connected({ address, key }) {
  const session = new klaviyo.ApiKeySession(key, new klaviyo.RetryWithExponentialBackoff({ numRetries: 1 }))
  return APIS.map((name) => {
    const api = new klaviyo[name](session)
    api.basePath = address
    return api
  })
}

async function called(apis, { name, arguments: given }) {
  const api = apis.find((each) => name in each)
  if (!api) return { status: 0, errors: `the client has no ${name}` }
  try {
    return { body: (await api[name](...given)).body ?? null }
  } catch (error) {
    if (!error.response) throw error
    return { status: error.response.status, errors: error.response.data }
  }
}

async function main() {
  let apis
  for await (const line of createInterface({ input: process.stdin })) {
    if (!apis) apis = connected(JSON.parse(line))
    else console.log(JSON.stringify(await called(apis, JSON.parse(line))))
  }
}

main()
