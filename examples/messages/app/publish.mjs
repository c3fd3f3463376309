// publish.mjs SUBJECT TEXT [--every SECONDS]: publishes once, or again and again.
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connect, stay } from './nats.mjs'

const { values, positionals: [subject, text] } = parseArgs({ options: { every: { type: 'string' } }, allowPositionals: true })

if (values.every !== undefined) {
  await stay({}, async ({ publish }) => {
    for (;;) {
      await publish(subject, text)
      await pause(Number(values.every) * 1000)
    }
  })
}
try {
  const { publish, close } = await connect()
  await publish(subject, text)
  console.log(`published ${subject}`)
  close()
} catch (error) {
  console.log(`refused: ${error.code ?? error.message}`)
  process.exit(1)
}
