// Posts messages with a real library for Node, and prints what the library reports of failures.
// stdin and output are those of post.py; `settings` are the options of the library's constructor.
'use strict'

const { readFileSync } = require('node:fs')

const report = (line) => console.log(JSON.stringify(line))

const LIBRARIES = {
  segment({ writeKey, ...options }) {
    const { Analytics } = require('@segment/analytics-node')
    const analytics = new Analytics({ writeKey, ...options })
    analytics.on('error', ({ code, reason }) => {
      const message = String(reason?.message ?? reason)
      report({ status: Number(/\[(\d+)\]/.exec(message)?.[1]), code, message })
    })
    return { analytics, flush: () => analytics.closeAndFlush({ timeout: 300_000 }) }
  },
  rudderstack({ writeKey, ...options }) {
    const Analytics = require('@rudderstack/rudder-sdk-node')
    const errorHandler = ({ response, message }) =>
      report({ status: response?.status, code: response?.data?.code, message: response?.data?.message ?? message })
    const analytics = new Analytics(writeKey, { logLevel: 'none', errorHandler, ...options })
    const flush = async () => {
      // One call sends one batch.
      do await analytics.flush()
      while (analytics.queue.length)
    }
    return { analytics, flush }
  }
}

async function main() {
  const { library, settings, calls, then } = JSON.parse(readFileSync(0))
  const { analytics, flush } = LIBRARIES[library](settings)
  for (const [kind, message] of calls) analytics[kind](message)
  if (then !== 'exit') await flush()
  if (then === 'linger') {
    report({ flushed: true })
    setInterval(() => {}, 1_000_000)
  }
}

main()
